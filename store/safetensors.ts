import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import {
  headerLength,
  MalformedSafetensors,
  parseHeader,
  prefixBytes,
  type SafetensorsHeader,
} from '../schemas/safetensors.ts';

/** What the header of a file says, or why it cannot be used, as a clause: `its header is not JSON`. */
export type ReadHeader = { ok: true; header: SafetensorsHeader } | { ok: false; problem: string };

/** Reads the header of a safetensors file, and of its tensors nothing. Throws where the file cannot be opened. */
export function readSafetensorsHeader(path: string): ReadHeader {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    const length = headerLength(readBytes(file, 0, prefixBytes), size);
    return { ok: true, header: parseHeader(readBytes(file, prefixBytes, length), size) };
  } catch (error) {
    if (error instanceof MalformedSafetensors) return { ok: false, problem: error.message };
    throw error;
  } finally {
    closeSync(file);
  }
}

/** As many of the bytes as are there, the others 0: one that is too short is found by its size. */
function readBytes(file: number, position: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const read = readSync(file, bytes, done, length - done, position + done);
    if (read === 0) break;
    done += read;
  }
  return bytes;
}
