/**
 * Tensors in safetensors files (schemas/safetensors.ts has the format). Written in float32, which is what Descent trains
 * in; read one at a time, by ranges of bytes, and widened to float32 where they are in bfloat16 or float16.
 */
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { endianness } from 'node:os';
import { join } from 'node:path';
import {
  headerLength,
  indexFile,
  isReadable,
  joinFiles,
  MalformedSafetensors,
  parseHeader,
  parseIndex,
  prefixBytes,
  type ReadableType,
  readableTypes,
  type SafetensorsHeader,
  type TensorEntry,
  weightsFile,
} from '../schemas/safetensors.ts';
import { TrainerFailure } from './failure.ts';

/** A tensor on its way to or from a file. */
export interface FileTensor {
  shape: number[];
  /** As many as the product of the shape, row by row. */
  values: Float32Array;
}

export type Tensors = Record<string, FileTensor>;

/** Bytes that can be had in part: those of a file, or of whatever else has a length and gives ranges. */
export interface Ranges {
  /** What they are of, as messages name it. */
  readonly name: string;
  /** How many there are. */
  readonly bytes: number;
  /** Fills `target` with the bytes from `position` on. Throws where there are not as many. */
  read(position: number, target: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Tensors that are read when they are asked for. */
export interface TensorReader {
  /** What there is, by name. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Record<string, string>;
  /** One tensor in float32. Reads its bytes and no others. Throws `bad-data` where there is none, or of another type. */
  read(name: string): Promise<FileTensor>;
  close(): Promise<void>;
}

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
    const elements = shape.reduce((product, length) => product * length, 1);
    if (values.length !== elements) {
      throw new RangeError(`${name} has ${values.length} values, not the ${elements} of its shape [${shape}]`);
    }
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + values.byteLength] };
    offset += values.byteLength;
  }
  const text = JSON.stringify(header);
  // Spaces up to a multiple of eight bytes, so that tensors lie aligned for who maps the file.
  const json = Buffer.from(text + ' '.repeat((8 - (Buffer.byteLength(text) % 8)) % 8));
  const length = Buffer.alloc(prefixBytes);
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

/** Reads all tensors of a file. Throws `bad-data`, saying what is wrong where, unless the file is whole. */
export async function readSafetensors(path: string): Promise<{ tensors: Tensors; metadata: Record<string, string> }> {
  const reader = await openSafetensors(path);
  try {
    const tensors: [string, FileTensor][] = [];
    for (const name of reader.tensors.keys()) tensors.push([name, await reader.read(name)]);
    return { tensors: Object.fromEntries(tensors), metadata: reader.metadata };
  } finally {
    await reader.close();
  }
}

/** Opens a file by its header. Throws `bad-data`, saying what is wrong where, unless the file is whole. */
export async function openSafetensors(path: string): Promise<TensorReader> {
  const file = await openFile(path);
  if (file === undefined) throw unusable(path, 'there is no such file');
  return readerOf(file);
}

/**
 * Opens whatever gives ranges of a safetensors file's bytes; what it was given is closed with the reader. Throws as
 * `openSafetensors`.
 */
export async function readerOf(ranges: Ranges): Promise<TensorReader> {
  requireLittleEndian();
  try {
    const { tensors, metadata } = await readHeader(ranges);
    return {
      tensors,
      metadata,
      async read(name) {
        const entry = tensors.get(name);
        if (entry === undefined) throw unusable(ranges.name, `there is no ${name}`);
        return { shape: entry.shape, values: await readValues(ranges, name, entry) };
      },
      close: () => ranges.close(),
    };
  } catch (error) {
    await ranges.close();
    throw error;
  }
}

/**
 * Opens the weights of a model's folder: model.safetensors, else the files that model.safetensors.index.json names.
 * Throws `bad-data`, saying what is wrong where.
 */
export async function openWeights(folder: string): Promise<TensorReader> {
  const single = await openFile(join(folder, weightsFile));
  if (single !== undefined) return readerOf(single);
  const path = join(folder, indexFile);
  const content = await readFile(path).catch(undefinedIfMissing);
  if (content === undefined) throw unusable(join(folder, weightsFile), 'there is no such file');
  const readers = new Map<string, TensorReader>();
  const close = async () => {
    for (const reader of readers.values()) await reader.close();
  };
  try {
    const index = parseIndex(content);
    for (const file of [...new Set(index.values())].sort())
      readers.set(file, await openSafetensors(join(folder, file)));
    const tensors = joinFiles(index, readers);
    return {
      tensors,
      metadata: {},
      async read(name) {
        const reader = readers.get(tensors.get(name)?.file ?? '');
        if (reader === undefined) throw unusable(path, `there is no ${name}`);
        return reader.read(name);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error instanceof MalformedSafetensors
      ? new TrainerFailure('bad-data', `${path} is no usable index of safetensors files: ${error.message}.`)
      : error;
  }
}

async function readHeader(ranges: Ranges): Promise<SafetensorsHeader> {
  try {
    const prefix = new Uint8Array(prefixBytes);
    if (ranges.bytes >= prefixBytes) await ranges.read(0, prefix);
    const header = new Uint8Array(headerLength(prefix, ranges.bytes));
    await ranges.read(prefixBytes, header);
    return parseHeader(header, ranges.bytes);
  } catch (error) {
    throw error instanceof MalformedSafetensors ? unusable(ranges.name, error.message) : error;
  }
}

/** From a value's bits to those of the same number in float32; undefined where they are. */
const widening: Readonly<Record<ReadableType, ((bits: number) => number) | undefined>> = {
  F32: undefined,
  BF16: (bits) => bits << 16,
  F16: halfBits,
};

async function readValues(ranges: Ranges, name: string, { dtype, begin, bytes }: TensorEntry): Promise<Float32Array> {
  if (!isReadable(dtype)) {
    const what = `${name} is of type ${dtype}, and only ${readableTypes.join(', ')} can be read`;
    throw unusable(ranges.name, what);
  }
  const widen = widening[dtype];
  const values = new Float32Array(bytes / (widen === undefined ? 4 : 2));
  if (widen === undefined) {
    await ranges.read(begin, new Uint8Array(values.buffer));
    return values;
  }
  const narrow = new Uint16Array(values.length);
  await ranges.read(begin, new Uint8Array(narrow.buffer));
  // As bits and not as numbers, so that not even what a NaN carries is lost.
  const wide = new Uint32Array(values.buffer);
  for (let i = 0; i < narrow.length; i++) wide[i] = widen(narrow[i] as number);
  return values;
}

/** The bits in float32 of a number in float16: a sign, 5 bits of exponent, 10 of fraction (IEEE 754 binary16). */
function halfBits(bits: number): number {
  const sign = (bits & 0x8000) << 16;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f800000 | (fraction << 13);
  if (exponent !== 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  // Below the smallest normal number there are as many leading zeros as the exponent is smaller.
  const shift = Math.clz32(fraction) - 21;
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
}

function unusable(name: string, what: string): TrainerFailure {
  return new TrainerFailure('bad-data', `${name} is no usable safetensors file: ${what}.`);
}

/** The ranges of a file; undefined where it is missing. */
async function openFile(path: string): Promise<Ranges | undefined> {
  const file = await open(path, 'r').catch(undefinedIfMissing);
  if (file === undefined) return undefined;
  const { size } = await file.stat();
  return {
    name: path,
    bytes: size,
    read: (position, target) => readInto(file, path, position, target),
    close: () => file.close(),
  };
}

/** What else keeps a file closed (too many are open, the network drive is gone) is no fault of the data. */
function undefinedIfMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

async function readInto(file: FileHandle, path: string, position: number, target: Uint8Array): Promise<void> {
  for (let done = 0; done < target.length; ) {
    const length = Math.min(target.length - done, largestTransfer);
    const { bytesRead } = await file.read(target, done, length, position + done);
    if (bytesRead === 0)
      throw new TrainerFailure('bad-data', `${path} ended while it was read: something else is writing it.`);
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
