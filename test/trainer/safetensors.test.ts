import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readSafetensors, writeSafetensors } from '../../trainer/safetensors.ts';
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
    ['another type', file(entry({ dtype: 'BF16' }), 8), /a is of type BF16, and only F32 can be read/],
    ['a negative dimension', file(entry({ shape: [-2] }), 8), /the shape of a is not a list of counts/],
    ['one offset', file(entry({ data_offsets: [8] }), 8), /the place of a is not a pair of byte offsets/],
    ['a shape that needs more bytes', file(entry({ shape: [3] }), 8), /a has 8 bytes, and its shape \[3\] takes 12/],
    ['missing data', file(entry({}), 4), /its tensors take 8 bytes, and 4 are there; perhaps it was cut off/],
    ['data that belong to nothing', file(entry({}), 12), /its tensors take 8 bytes, and 12 are there/],
    ['a gap', file(entry({ data_offsets: [4, 12] }), 12), /a begins at byte 4 of the data, expected 0/],
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
});
