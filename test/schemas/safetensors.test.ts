import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { headerLength, MalformedSafetensors, parseHeader, parseIndex } from '../../schemas/safetensors.ts';

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

const widths = { F32: 4, BF16: 2, F16: 2, I64: 8, BOOL: 1 };

/** Tensors one after the other, and how many bytes they take; at least one, each with at least one byte. */
const layouts = fc
  .uniqueArray(
    fc.record({
      name: fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }).filter((name) => name !== '__metadata__'),
      dtype: fc.constantFrom(...(Object.keys(widths) as (keyof typeof widths)[])),
      shape: fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 3 }),
    }),
    { selector: ({ name }) => name, minLength: 1, maxLength: 6 },
  )
  .map((tensors) => {
    let end = 0;
    const entries = tensors.map(({ name, dtype, shape }): [string, Entry] => {
      const begin = end;
      end += shape.reduce((product, length) => product * length, widths[dtype]);
      return [name, { dtype, shape, data_offsets: [begin, end] }];
    });
    return { entries, bytes: end };
  });

/** A layout with one of its tensors, and another order of the header. */
const chosen = layouts.chain(({ entries, bytes }) =>
  fc.record({
    entries: fc.shuffledSubarray(entries, { minLength: entries.length }),
    index: fc.nat(entries.length - 1),
    bytes: fc.constant(bytes),
  }),
);

/** JSON by hand, so that a name may be there twice. */
const textOf = (entries: readonly [string, unknown][]) =>
  `{${entries.map(([name, entry]) => `${JSON.stringify(name)}: ${JSON.stringify(entry)}`).join(', ')}}`;

const parse = (text: string, bytes: number) => {
  const header = Buffer.from(text);
  return parseHeader(header, 8 + header.length + bytes);
};

/** The same header with one entry changed. */
function changed(entries: readonly [string, Entry][], index: number, change: (entry: Entry) => object): string {
  return textOf(entries.map(([name, entry], at) => [name, at === index ? { ...entry, ...change(entry) } : entry]));
}

/** Asserts that a header is refused, by a sentence that names the tensor where one is given. */
function refused(text: string, bytes: number, what: RegExp, name = ''): void {
  assert.throws(
    () => parse(text, bytes),
    (error) => {
      assert.ok(error instanceof MalformedSafetensors, String(error));
      assert.match(error.message, what);
      return error.message.includes(name);
    },
  );
}

describe('the header of a safetensors file', () => {
  it('says where each tensor lies, in whatever order it names them', () => {
    fc.assert(
      fc.property(chosen, ({ entries, bytes }) => {
        const text = textOf(entries);
        const { tensors } = parse(text, bytes);
        const start = 8 + Buffer.byteLength(text);
        assert.deepEqual(
          [...tensors],
          entries.map(([name, { dtype, shape, data_offsets }]) => [
            name,
            { dtype, shape, begin: start + data_offsets[0], bytes: data_offsets[1] - data_offsets[0] },
          ]),
        );
      }),
    );
  });

  it('is refused for a gap before a tensor, and for what belongs to none at the end', () => {
    fc.assert(
      fc.property(chosen, fc.integer({ min: 1, max: 100 }), ({ entries, index, bytes }, gap) => {
        const from = (entries[index] as [string, Entry])[1].data_offsets[0];
        const moved = entries.map(([name, entry]): [string, Entry] => {
          const [begin, end] = entry.data_offsets;
          return begin < from ? [name, entry] : [name, { ...entry, data_offsets: [begin + gap, end + gap] }];
        });
        refused(
          textOf(moved),
          bytes + gap,
          /^before .* there is a gap of \d+ bytes$/s,
          (entries[index] as [string, Entry])[0],
        );
        refused(textOf(entries), bytes + gap, /^its tensors take \d+ bytes, and \d+ are there/);
      }),
    );
  });

  it('is refused for tensors that overlap', () => {
    fc.assert(
      fc.property(chosen, fc.integer({ min: 1, max: 8 }), ({ entries, index, bytes }, back) => {
        const [name, { data_offsets }] = entries[index] as [string, Entry];
        fc.pre(data_offsets[0] >= back);
        const text = changed(entries, index, () => ({ data_offsets: data_offsets.map((offset) => offset - back) }));
        refused(text, bytes, /overlaps .* by \d+ bytes$|there is a gap of/s, name);
      }),
    );
  });

  it('is refused for a tensor that lies past the end of the file', () => {
    fc.assert(
      fc.property(chosen, fc.integer({ min: 1, max: 1000 }), ({ entries, bytes }, missing) => {
        const there = Math.max(0, bytes - missing);
        refused(textOf(entries), there, /^its tensors take \d+ bytes, and \d+ are there; perhaps it was cut off$/);
      }),
    );
  });

  it('is refused for a type, a shape or a place that cannot be, by the name of the tensor', () => {
    const faults: [(entry: Entry) => object, RegExp][] = [
      [() => ({ dtype: 'F33' }), /is of type "F33", which is not known$/],
      [() => ({ dtype: 'toString' }), /is of type "toString", which is not known$/],
      [() => ({ dtype: undefined }), /is of type undefined, which is not known$/],
      [({ shape }) => ({ shape: [...shape, 2] }), /has \d+ bytes, and its shape \[.*\] takes \d+$/],
      [({ shape }) => ({ shape: [...shape, 2 ** 52, 2 ** 52] }), /has \d+ bytes, and its shape \[.*\] takes/],
      [({ shape }) => ({ shape: [...shape, -1] }), /^the shape of .* is not a list of counts$/s],
      [() => ({ shape: 4 }), /^the shape of .* is not a list of counts$/s],
      [({ data_offsets: [begin] }) => ({ data_offsets: [begin] }), /^the place of .* is not a pair of byte offsets$/s],
      [({ data_offsets: [begin, end] }) => ({ data_offsets: [end, begin] }), /has -\d+ bytes/],
      [({ data_offsets: [begin, end] }) => ({ data_offsets: [begin, end + 1] }), /has \d+ bytes, and its shape/],
      [({ data_offsets: [begin] }) => ({ data_offsets: [begin, 2 ** 53] }), /is not a pair of byte offsets$/],
    ];
    fc.assert(
      fc.property(chosen, fc.constantFrom(...faults), ({ entries, index, bytes }, [change, what]) => {
        refused(changed(entries, index, change), bytes, what, (entries[index] as [string, Entry])[0]);
      }),
    );
  });

  it('is refused for a name that is there twice, however it is spelled', () => {
    fc.assert(
      fc.property(chosen, ({ entries, index, bytes }) => {
        const [name, entry] = entries[index] as [string, Entry];
        const again = `${textOf(entries).slice(0, -1)}, ${JSON.stringify(name)}: ${JSON.stringify(entry)}}`;
        refused(again, bytes, /^its header names .* twice$/s, name);
        const escaped = [...name]
          .flatMap((letter) => letter.split(''))
          .map(asEscape)
          .join('');
        refused(`${textOf(entries).slice(0, -1)}, "${escaped}": ${JSON.stringify(entry)}}`, bytes, / twice$/, name);
      }),
    );
    refused(
      '{"a": {"dtype": "U8", "shape": [1], "shape": [1], "data_offsets": [0, 1]}}',
      1,
      /^its header names shape twice$/,
    );
  });

  it('is refused for its length before it is read', () => {
    const prefix = (length: bigint) => {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64LE(length);
      return bytes;
    };
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        fc.integer({ min: 8, max: 2 ** 40 }),
        (length, bytes) => {
          const allowed = length <= BigInt(bytes) - 8n && length <= 100_000_000n;
          if (allowed) assert.equal(headerLength(prefix(length), bytes), Number(length));
          else assert.throws(() => headerLength(prefix(length), bytes), MalformedSafetensors);
        },
      ),
    );
    assert.throws(() => headerLength(prefix(100_000_001n), 2 ** 40), /none has more than 100000000$/);
    assert.throws(() => headerLength(prefix(0n), 7), /^MalformedSafetensors: it has 7 bytes/);
  });

  it('is refused, and breaks nothing, whatever its bytes are', () => {
    const survives = (header: Uint8Array, bytes: number) => {
      try {
        parseHeader(header, 8 + header.length + bytes);
      } catch (error) {
        assert.ok(error instanceof MalformedSafetensors, String(error));
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(100), survives));
    fc.assert(
      fc.property(chosen, fc.nat(), fc.nat(255), ({ entries, bytes }, at, byte) => {
        const header = Buffer.from(textOf(entries));
        header[at % header.length] = byte;
        survives(header, bytes);
      }),
    );
    fc.assert(fc.property(fc.json(), fc.nat(100), (text, bytes) => survives(Buffer.from(text), bytes)));
  });
});

describe('the index of a model in several files', () => {
  it('gives the file of each tensor', () => {
    const index = { metadata: { total_size: 8 }, weight_map: { a: 'model-1.safetensors', b: 'model-2.safetensors' } };
    assert.deepEqual([...parseIndex(Buffer.from(JSON.stringify(index)))], Object.entries(index.weight_map));
  });

  for (const file of [
    '../a.safetensors',
    '/a.safetensors',
    'a/b.safetensors',
    'a\\b.safetensors',
    '.safetensors',
    'a.bin',
    'a\0.safetensors',
    7,
  ]) {
    it(`is refused for ${JSON.stringify(file)}, which is no file beside it`, () => {
      const text = JSON.stringify({ weight_map: { a: file } });
      assert.throws(
        () => parseIndex(Buffer.from(text)),
        /it has a in .*, which is no name of a safetensors file beside it/,
      );
    });
  }

  it('is read however long a name is, and whatever it escapes', () => {
    const name = '\\n'.repeat(3_000_000);
    const text = (again: string) => `{"weight_map": {"${name}": "x.safetensors"${again}}}`;
    assert.doesNotThrow(() => parseIndex(Buffer.from(text(''))));
    assert.throws(() => parseIndex(Buffer.from(text(`, "${name}": "y.safetensors"`))), MalformedSafetensors);
  });

  it('is refused for what it names twice', () => {
    const text = '{"weight_map": {"a": "1.safetensors", "a": "2.safetensors"}}';
    assert.throws(() => parseIndex(Buffer.from(text)), /^MalformedSafetensors: it names a twice$/);
  });
});

function asEscape(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
