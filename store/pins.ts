import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { StoreError } from './errors.ts';
import { attemptNumbers, keyFolder, keysBeginning } from './home.ts';
import { writeWhole } from './write.ts';

/** A key that a person wants to keep, whatever lineages need. It holds that key only, not what it was made from. */
export interface Pin {
  key: string;
  /** The address that it was pinned under; not identity. */
  address: string;
  reason: string;
  /** ISO 8601, UTC. */
  pinnedAt: string;
}

/** Keeps a key from being removed; pinning it again replaces the reason. Throws a StoreError where the store has nothing of it. */
export async function pinKey(home: string, key: string, address: string, reason: string): Promise<Pin> {
  const missing = () => new StoreError(`cannot pin ${address}: the store has nothing of it`);
  if (attemptNumbers(home, key).length === 0) throw missing();
  const pin: Pin = { key, address, reason, pinnedAt: new Date().toISOString() };
  await writeWhole(pinPath(keyFolder(home, key)), `${JSON.stringify(pin, null, 2)}\n`);
  // Removed between the look and the write, which then made the folder anew.
  if (attemptNumbers(home, key).length === 0) {
    await unpinKey(home, key);
    throw missing();
  }
  return pin;
}

/** Takes a pin away; false where there was none. */
export async function unpinKey(home: string, key: string): Promise<boolean> {
  const path = pinPath(keyFolder(home, key));
  const there = existsSync(path);
  await rm(path, { force: true });
  return there;
}

/** The pins among these keys (default: all of the store). One that cannot be read still is one, and says so. */
export function readPins(home: string, keys: readonly string[] = keysBeginning(home, '')): Pin[] {
  return keys.filter((key) => isPinned(keyFolder(home, key))).map((key) => readPin(home, key));
}

/** Whether the folder of a key, wherever it lies now, has a pin in it. */
export function isPinned(keyFolder: string): boolean {
  return existsSync(pinPath(keyFolder));
}

function readPin(home: string, key: string): Pin {
  try {
    const { address, reason, pinnedAt } = JSON.parse(readFileSync(pinPath(keyFolder(home, key)), 'utf8')) as Pin;
    return { key, address: String(address), reason: String(reason), pinnedAt: String(pinnedAt) };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { key, address: '', reason: 'its pin.json cannot be read', pinnedAt: '' };
  }
}

function pinPath(keyFolder: string): string {
  return join(keyFolder, 'pin.json');
}
