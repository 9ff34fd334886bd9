import { closeSync, openSync, readSync, statSync } from 'node:fs';

/** A tensor as the header of a safetensors file describes it. */
export interface TensorEntry {
  /** `F32`, `BF16`, `F16`, ... */
  dtype: string;
  shape: number[];
}

/** What the header of a safetensors file says, or why it cannot be used, as the end of a sentence that begins with `it`. */
export type SafetensorsHeader = { ok: true; tensors: Map<string, TensorEntry> } | { ok: false; problem: string };

/** The format's own limit, in bytes. */
const longestHeader = 100_000_000;

/**
 * Reads the header of a safetensors file: 8 bytes of its length (little-endian), the header in JSON, then the data that it
 * describes. Says so where the file is not as long as that. Throws where the file cannot be opened.
 */
export function readSafetensorsHeader(path: string): SafetensorsHeader {
  const file = openSync(path, 'r');
  try {
    const { size } = statSync(path);
    const prefix = Buffer.alloc(8);
    if (readSync(file, prefix) !== 8) return { ok: false, problem: 'is too short for a safetensors file' };
    const length = Number(prefix.readBigUInt64LE());
    if (length > size - 8 || length > longestHeader)
      return { ok: false, problem: 'ends within its header, or is no safetensors file' };
    const header = Buffer.alloc(length);
    readSync(file, header);
    const { __metadata__: _, ...entries } = JSON.parse(header.toString('utf8')) as Record<string, HeaderEntry>;
    const tensors = Object.entries(entries);
    const end = Math.max(0, ...tensors.map(([, { data_offsets }]) => data_offsets?.[1] ?? 0));
    if (size !== 8 + length + end)
      return { ok: false, problem: `has ${size} bytes, and its header describes ${8 + length + end}` };
    return {
      ok: true,
      tensors: new Map(tensors.map(([name, { dtype = '', shape = [] }]) => [name, { dtype, shape }])),
    };
  } catch (error) {
    if (error instanceof SyntaxError) return { ok: false, problem: 'has a header that is not JSON' };
    throw error;
  } finally {
    closeSync(file);
  }
}

interface HeaderEntry {
  dtype?: string;
  shape?: number[];
  data_offsets?: [number, number];
}
