import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Where a training node can go on from. */
export interface Checkpoint {
  /** Steps done. */
  step: number;
  /** Absolute path of its folder. */
  path: string;
}

/**
 * The newest whole checkpoint in an attempt's folder, or undefined. A checkpoint appears by rename, so a folder with
 * its final name is meant to be whole; what a power cut may have taken from it is found by its files: `state.json`
 * must parse, and each `.safetensors` must be as long as its own header says.
 */
export function latestCheckpoint(attemptFolder: string): Checkpoint | undefined {
  const folder = join(attemptFolder, 'checkpoints');
  return directoryNames(folder)
    .map((name) => ({ step: Number(/^step-(\d{6,})$/.exec(name)?.[1] ?? Number.NaN), path: join(folder, name) }))
    .filter(({ step }) => Number.isSafeInteger(step))
    .sort((a, b) => b.step - a.step)
    .find(({ path }) => isWhole(path));
}

function isWhole(path: string): boolean {
  try {
    const tensors = readdirSync(path).filter((name) => name.endsWith('.safetensors'));
    return (
      parses(join(path, 'state.json')) &&
      tensors.includes('model.safetensors') &&
      tensors.every((name) => hasAllTensors(join(path, name)))
    );
  } catch (error) {
    // Its trainer, which may be running, has just removed it for newer ones.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

function directoryNames(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function parses(path: string): boolean {
  try {
    JSON.parse(readFileSync(path, 'utf8'));
    return true;
  } catch {
    // Missing or cut off: not whole, so the checkpoint before it is taken.
    return false;
  }
}

/** The format's own limit, in bytes. */
const longestHeader = 100_000_000;

/** A safetensors file is 8 bytes of header length (little-endian), the header in JSON, then the data it describes. */
function hasAllTensors(path: string): boolean {
  const file = openSync(path, 'r');
  try {
    const { size } = statSync(path);
    const prefix = Buffer.alloc(8);
    if (readSync(file, prefix) !== 8) return false;
    const length = Number(prefix.readBigUInt64LE());
    if (length > size - 8 || length > longestHeader) return false;
    const header = Buffer.alloc(length);
    readSync(file, header);
    const tensors = JSON.parse(header.toString('utf8')) as Record<string, { data_offsets?: [number, number] }>;
    const end = Math.max(0, ...Object.values(tensors).map((tensor) => tensor.data_offsets?.[1] ?? 0));
    return size === 8 + length + end;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  } finally {
    closeSync(file);
  }
}
