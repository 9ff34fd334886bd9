import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSafetensorsHeader } from './safetensors.ts';

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
      tensors.every((name) => readSafetensorsHeader(join(path, name)).ok)
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
