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
    const content: unknown = JSON.parse(header.toString('utf8'));
    if (!isRecord(content)) return { ok: false, problem: 'has a header that is not an object' };
    const { __metadata__: _, ...entries } = content;
    const tensors = new Map<string, TensorEntry>();
    let end = 0;
    for (const [name, entry] of Object.entries(entries)) {
      if (!isEntry(entry)) return { ok: false, problem: `does not describe ${name} by a type, a shape and its place` };
      const { dtype, shape, data_offsets } = entry;
      tensors.set(name, { dtype, shape });
      end = Math.max(end, data_offsets[1]);
    }
    if (size !== 8 + length + end)
      return { ok: false, problem: `has ${size} bytes, and its header describes ${8 + length + end}` };
    return { ok: true, tensors };
  } catch (error) {
    if (error instanceof SyntaxError) return { ok: false, problem: 'has a header that is not JSON' };
    throw error;
  } finally {
    closeSync(file);
  }
}

interface HeaderEntry extends TensorEntry {
  data_offsets: [number, number];
}

function isEntry(value: unknown): value is HeaderEntry {
  if (!isRecord(value)) return false;
  const { dtype, shape, data_offsets: place } = value;
  return typeof dtype === 'string' && isCounts(shape) && isCounts(place) && place.length === 2;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((count) => Number.isSafeInteger(count) && count >= 0);
}
