/**
 * The safetensors format (https://github.com/huggingface/safetensors): an 8-byte length, a JSON header that names each
 * tensor with type, shape and place, then the bytes of all tensors without gaps. Float32 only, which is what Descent
 * trains in.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { endianness } from 'node:os';
import { TrainerFailure } from './failure.ts';

/** A tensor on its way to or from a file. */
export interface FileTensor {
  shape: number[];
  /** As many as the product of the shape, row by row. */
  values: Float32Array;
}

export type Tensors = Record<string, FileTensor>;

/** The format's own limit, against headers that are no headers. */
const largestHeader = 100_000_000;

/** What `transformers` asks of a file it opens. */
const defaultMetadata = { format: 'pt' };

/**
 * Writes tensors, sorted by name, and waits until they are on the disk. Equal tensors give equal bytes.
 * The file is written in place: callers that replace something write into a folder which they rename.
 */
export async function writeSafetensors(
  path: string,
  tensors: Tensors,
  metadata: Record<string, string> = defaultMetadata,
): Promise<void> {
  requireLittleEndian();
  const names = Object.keys(tensors).sort();
  const header: Record<string, unknown> = { __metadata__: metadata };
  let offset = 0;
  for (const name of names) {
    const { shape, values } = tensors[name] as FileTensor;
    if (values.length !== elements(shape)) {
      throw new RangeError(`${name} has ${values.length} values, not the ${elements(shape)} of its shape [${shape}]`);
    }
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + values.byteLength] };
    offset += values.byteLength;
  }
  const text = JSON.stringify(header);
  // Spaces up to a multiple of eight bytes, so that tensors lie aligned for who maps the file.
  const json = Buffer.from(text + ' '.repeat((8 - (Buffer.byteLength(text) % 8)) % 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));

  const file = await open(path, 'w');
  try {
    await writeAll(file, length);
    await writeAll(file, json);
    for (const name of names) {
      const { values } = tensors[name] as FileTensor;
      await writeAll(file, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Reads all tensors of a file. Throws `bad-data`, saying what is wrong where, unless the file is whole and float32. */
export async function readSafetensors(path: string): Promise<{ tensors: Tensors; metadata: Record<string, string> }> {
  requireLittleEndian();
  const wrong = (what: string) => new TrainerFailure('bad-data', `${path} is no usable safetensors file: ${what}.`);
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    // What else keeps a file closed (too many are open, the network drive is gone) is no fault of the data.
    throw error.code === 'ENOENT' ? wrong('there is no such file') : error;
  });
  try {
    const { size } = await file.stat();
    if (size < 8) throw wrong(`it has ${size} bytes, and the header's length alone takes 8`);
    const headerBytes = Number((await readBytes(file, 0, 8)).readBigUInt64LE());
    if (headerBytes > Math.min(size - 8, largestHeader)) {
      throw wrong(`its header should take ${headerBytes} bytes, the file has ${size}; perhaps it was cut off`);
    }
    const start = 8 + headerBytes;
    const entries = parseHeader((await readBytes(file, 8, headerBytes)).toString('utf8'), size - start, wrong);
    const tensors: Tensors = {};
    for (const { name, shape, begin, end } of entries.tensors) {
      const values = new Float32Array((end - begin) / 4);
      await readInto(file, start + begin, new Uint8Array(values.buffer));
      tensors[name] = { shape, values };
    }
    return { tensors, metadata: entries.metadata };
  } finally {
    await file.close();
  }
}

interface Entry {
  name: string;
  shape: number[];
  begin: number;
  end: number;
}

/** Checks all that the format promises: known types, shapes that fit their bytes, bytes without gap or overlap up to the end. */
function parseHeader(
  text: string,
  bytes: number,
  wrong: (what: string) => Error,
): { tensors: Entry[]; metadata: Record<string, string> } {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (error) {
    throw wrong(`its header is not JSON (${(error as Error).message})`);
  }
  if (!isRecord(header)) throw wrong('its header is not an object');
  const { __metadata__: metadata = {}, ...rest } = header;
  if (!isRecord(metadata) || !Object.values(metadata).every((value) => typeof value === 'string')) {
    throw wrong('its metadata is not a map from strings to strings');
  }
  const tensors = Object.entries(rest).map(([name, entry]) => parseEntry(name, entry, wrong));
  let expected = 0;
  for (const { name, begin, end } of [...tensors].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== expected) throw wrong(`${name} begins at byte ${begin} of the data, expected ${expected}`);
    expected = end;
  }
  if (expected !== bytes)
    throw wrong(`its tensors take ${expected} bytes, and ${bytes} are there; perhaps it was cut off`);
  return { tensors, metadata: metadata as Record<string, string> };
}

function parseEntry(name: string, entry: unknown, wrong: (what: string) => Error): Entry {
  if (!isRecord(entry)) throw wrong(`${name} is not described by an object`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (dtype !== 'F32') throw wrong(`${name} is of type ${String(dtype)}, and only F32 can be read`);
  if (!isCounts(shape)) throw wrong(`the shape of ${name} is not a list of counts`);
  if (!isCounts(offsets) || offsets.length !== 2) throw wrong(`the place of ${name} is not a pair of byte offsets`);
  const [begin, end] = offsets as [number, number];
  if (end - begin !== 4 * elements(shape))
    throw wrong(`${name} has ${end - begin} bytes, and its shape [${shape}] takes ${4 * elements(shape)}`);
  return { name, shape, begin, end };
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((count) => Number.isSafeInteger(count) && count >= 0);
}

async function readBytes(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  await readInto(file, position, buffer);
  return buffer;
}

async function readInto(file: FileHandle, position: number, target: Uint8Array): Promise<void> {
  for (let done = 0; done < target.length; ) {
    const { bytesRead } = await file.read(
      target,
      done,
      Math.min(target.length - done, largestTransfer),
      position + done,
    );
    if (bytesRead === 0)
      throw new TrainerFailure('bad-data', 'A safetensors file ended while it was read: something else is writing it.');
    done += bytesRead;
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, Math.min(bytes.length - done, largestTransfer));
    done += bytesWritten;
  }
}

/** The system calls take at most 2 GiB at once. */
const largestTransfer = 1 << 30;

function requireLittleEndian(): void {
  if (endianness() !== 'LE')
    throw new TrainerFailure('internal', 'Descent reads and writes safetensors on little-endian machines only.');
}
