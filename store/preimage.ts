import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson, sha256 } from '../planner/key.ts';
import { StoreError } from './errors.ts';
import { keyFolder } from './home.ts';
import { writeWhole } from './write.ts';

/**
 * Puts a node's pre-image beside its key, as the very bytes that hash to it: `sha256sum preimage.json` gives the key.
 * Throws a StoreError when it hashes to something else.
 */
export async function keepPreimage(home: string, { key, preimage }: { key: string; preimage: object }): Promise<void> {
  const text = canonicalJson(preimage);
  if (sha256(text) !== key) {
    throw new StoreError(`the pre-image of ${key} hashes to ${sha256(text)}: plan the lineage again`);
  }
  const path = preimagePath(home, key);
  if ((await readIfThere(path)) !== text) await writeWhole(path, text);
}

/**
 * What a key is the hash of, or undefined where the store knows nothing of the key. Throws a StoreError when the file
 * was changed: then it no longer hashes to the key.
 */
export async function readPreimage(home: string, key: string): Promise<object | undefined> {
  const path = preimagePath(home, key);
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  if (sha256(text) !== key) {
    throw new StoreError(`${path} is damaged: it does not hash to its key. Run the lineage again to write it anew`);
  }
  return JSON.parse(text) as object;
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function preimagePath(home: string, key: string): string {
  return join(keyFolder(home, key), 'preimage.json');
}
