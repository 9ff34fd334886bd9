import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openWeights, readerOf, readSafetensors, writeSafetensors } from '../../trainer/safetensors.ts';
import { temporaryFolder } from './support.ts';

const tensors = {
  'b.weight': { shape: [2, 3], values: Float32Array.of(1, -2, 3.5, 0, 1e-30, -1e30) },
  'a.weight': { shape: [1], values: Float32Array.of(7) },
};

/** A file with this header, told length and data. */
function file(header: string, dataBytes: number, length = Buffer.byteLength(header)): Buffer {
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(length));
  return Buffer.concat([prefix, Buffer.from(header), Buffer.alloc(dataBytes)]);
}

describe('safetensors', () => {
  it('come back as they were written', async (t) => {
    const path = join(temporaryFolder(t), 'x.safetensors');
    await writeSafetensors(path, tensors, { format: 'pt', note: 'é' });
    const read = await readSafetensors(path);
    assert.deepEqual(read.tensors, tensors);
    assert.deepEqual(read.metadata, { format: 'pt', note: 'é' });
  });

  it('are laid out as the format says: length, padded header, tensors by name', async (t) => {
    const path = join(temporaryFolder(t), 'x.safetensors');
    await writeSafetensors(path, tensors);
    const bytes = readFileSync(path);
    const length = Number(bytes.readBigUInt64LE());
    assert.equal(length % 8, 0);
    assert.deepEqual(JSON.parse(bytes.subarray(8, 8 + length).toString()), {
      __metadata__: { format: 'pt' },
      'a.weight': { dtype: 'F32', shape: [1], data_offsets: [0, 4] },
      'b.weight': { dtype: 'F32', shape: [2, 3], data_offsets: [4, 28] },
    });
    assert.equal(bytes.length, 8 + length + 28);
    assert.equal(bytes.readFloatLE(8 + length), 7);
    assert.equal(bytes.readFloatLE(8 + length + 4 + 8), 3.5);
  });

  it('may have no tensors, and tensors without values', async (t) => {
    const path = join(temporaryFolder(t), 'x.safetensors');
    const empty = { none: { shape: [0, 4], values: new Float32Array(0) } };
    await writeSafetensors(path, empty);
    assert.deepEqual((await readSafetensors(path)).tensors, empty);
    await writeSafetensors(path, {});
    assert.deepEqual((await readSafetensors(path)).tensors, {});
  });

  it('are not written when the values do not fill the shape', async (t) => {
    const path = join(temporaryFolder(t), 'x.safetensors');
    const wrong = { a: { shape: [2, 2], values: new Float32Array(3) } };
    await assert.rejects(writeSafetensors(path, wrong), /a has 3 values, not the 4 of its shape \[2,2\]/);
  });

  const entry = (fields: object) =>
    JSON.stringify({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 8], ...fields } });
  const broken: [string, Buffer, RegExp][] = [
    ['an empty file', Buffer.alloc(0), /it has 0 bytes, and the header's length alone takes 8/],
    [
      'a header past the end',
      file('{}', 0, 1000),
      /its header should take 1000 bytes, the file has 10; perhaps it was cut off/,
    ],
    ['a header that is not JSON', file('{"a"', 0), /its header is not JSON/],
    ['a header that is a list', file('[]', 0), /its header is not an object/],
    [
      'metadata that are not strings',
      file('{"__metadata__":{"a":1}}', 0),
      /its metadata is not a map from strings to strings/,
    ],
    ['another type', file(entry({ dtype: 'I32' }), 8), /a is of type I32, and only F32, BF16, F16 can be read/],
    ['a type that there is not', file(entry({ dtype: 'F31' }), 8), /a is of type "F31", which is not known/],
    ['a negative dimension', file(entry({ shape: [-2] }), 8), /the shape of a is not a list of counts/],
    ['one offset', file(entry({ data_offsets: [8] }), 8), /the place of a is not a pair of byte offsets/],
    ['a shape that needs more bytes', file(entry({ shape: [3] }), 8), /a has 8 bytes, and its shape \[3\] takes 12/],
    ['missing data', file(entry({}), 4), /its tensors take 8 bytes, and 4 are there; perhaps it was cut off/],
    ['data that belong to nothing', file(entry({}), 12), /its tensors take 8 bytes, and 12 are there/],
    ['a gap', file(entry({ data_offsets: [4, 12] }), 12), /before a there is a gap of 4 bytes/],
  ];
  for (const [what, bytes, message] of broken) {
    it(`are refused, with the reason, for ${what}`, async (t) => {
      const path = join(temporaryFolder(t), 'x.safetensors');
      writeFileSync(path, bytes);
      await assert.rejects(readSafetensors(path), (error: { kind: string; message: string }) => {
        assert.equal(error.kind, 'bad-data');
        assert.match(error.message, message);
        assert.ok(error.message.startsWith(`${path} is no usable safetensors file: `));
        return true;
      });
    });
  }

  it('that are not there are refused by name', async (t) => {
    const path = join(temporaryFolder(t), 'x.safetensors');
    await assert.rejects(readSafetensors(path), {
      kind: 'bad-data',
      message: /no usable safetensors file: there is no such file/,
    });
  });

  it('in bfloat16 and float16 become the same numbers in float32, all of them', async (t) => {
    const path = join(temporaryFolder(t), 'x.safetensors');
    const every = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);
    const place = { shape: [256, 256], data_offsets: [0, 131_072] };
    const header = {
      half: { dtype: 'F16', ...place },
      brain: { dtype: 'BF16', ...place, data_offsets: [131_072, 262_144] },
    };
    writeFileSync(
      path,
      Buffer.concat([file(JSON.stringify(header), 0), Buffer.from(every.buffer), Buffer.from(every.buffer)]),
    );
    const { half, brain } = (await readSafetensors(path)).tensors;
    assert.deepEqual(half?.shape, [256, 256]);
    const brainBits = new Uint32Array(brain?.values.buffer as ArrayBuffer);
    for (let bits = 0; bits < 65_536; bits++) {
      const exponent = (bits >> 10) & 31;
      const fraction = (bits & 1023) / 1024;
      // IEEE 754, 3.4: what the bits of binary16 mean, in numbers.
      const size =
        exponent === 31
          ? fraction === 0
            ? Number.POSITIVE_INFINITY
            : Number.NaN
          : exponent === 0
            ? fraction * 2 ** -14
            : (1 + fraction) * 2 ** (exponent - 15);
      assert.ok(Object.is(half?.values[bits], bits < 32_768 ? size : -size), `float16 ${bits.toString(16)}`);
      assert.equal(brainBits[bits], bits * 65_536);
    }
  });

  it('are read one at a time, from whatever gives ranges of bytes', async () => {
    const header = JSON.stringify({
      a: { dtype: 'BF16', shape: [2], data_offsets: [0, 4] },
      b: { dtype: 'F32', shape: [1000, 1000], data_offsets: [4, 4_000_004] },
      c: { dtype: 'F16', shape: [], data_offsets: [4_000_004, 4_000_006] },
    });
    const bytes = file(header, 4_000_006);
    bytes.writeUInt16LE(0xc020, 8 + header.length + 2);
    bytes.writeUInt16LE(0x3555, 8 + header.length + 4_000_004);
    const asked: [number, number][] = [];
    let closed = 0;
    const reader = await readerOf({
      name: 'elsewhere',
      bytes: bytes.length,
      read: async (position, target) => {
        asked.push([position, target.length]);
        target.set(bytes.subarray(position, position + target.length));
      },
      close: async () => {
        closed++;
      },
    });
    assert.deepEqual(asked.splice(0), [
      [0, 8],
      [8, header.length],
    ]);
    assert.deepEqual(await reader.read('a'), { shape: [2], values: Float32Array.of(0, -2.5) });
    assert.deepEqual(await reader.read('c'), { shape: [], values: Float32Array.of(0.333251953125) });
    assert.deepEqual(asked, [
      [8 + header.length, 4],
      [8 + header.length + 4_000_004, 2],
    ]);
    await assert.rejects(reader.read('d'), {
      kind: 'bad-data',
      message: /^elsewhere is no usable .*: there is no d\.$/,
    });
    assert.equal(closed, 0);
    await reader.close();
    assert.equal(closed, 1);
  });

  it('of a model are found in one file, else in those that its index names', async (t) => {
    const folder = temporaryFolder(t);
    const { 'a.weight': a, 'b.weight': b } = tensors;
    const read = async () => {
      const weights = await openWeights(folder);
      const names = [...weights.tensors.keys()].sort();
      const found = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await weights.read(name)])));
      await weights.close();
      return found;
    };
    await assert.rejects(read(), {
      kind: 'bad-data',
      message: /model\.safetensors is no usable .*: there is no such file/,
    });
    await writeSafetensors(join(folder, 'one.safetensors'), { 'a.weight': a });
    await writeSafetensors(join(folder, 'two.safetensors'), { 'b.weight': b });
    const index = (weight_map: object) =>
      writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map }));
    index({ 'a.weight': 'one.safetensors', 'b.weight': 'two.safetensors' });
    assert.deepEqual(await read(), tensors);
    index({ 'a.weight': 'one.safetensors', 'b.weight': 'one.safetensors' });
    await assert.rejects(read(), {
      kind: 'bad-data',
      message: /index\.json is no usable index .* has b\.weight in one\.safetensors, which lacks it/,
    });
    index({ 'a.weight': 'one.safetensors', 'b.weight': 'three.safetensors' });
    await assert.rejects(read(), {
      kind: 'bad-data',
      message: /three\.safetensors is no usable .*: there is no such file/,
    });
    await writeSafetensors(join(folder, 'model.safetensors'), { 'c.weight': a });
    assert.deepEqual(await read(), { 'c.weight': a });
  });
});
