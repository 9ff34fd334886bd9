import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { StoreError } from '../../store/errors.ts';
import type { Bucket, StoredObject } from '../../store/remote/bucket.ts';
import { StorageError } from '../../store/remote/errors.ts';

/** A host that was killed in the middle: nothing of it goes on. */
export class Killed extends Error {}

/** Object storage in memory, for as many hosts as want it. */
export interface MemoryStorage {
  objects: Map<string, Buffer>;
  /** A host's way to it. `trouble` is asked before and after each thing that is done, and throws what goes wrong there. */
  bucket(trouble?: (done: boolean) => void): Bucket;
}

/** Makes one that is empty. */
export function memoryStorage(): MemoryStorage {
  const objects = new Map<string, Buffer>();
  return {
    objects,
    bucket(trouble = () => undefined) {
      const does = async <T>(act: () => T): Promise<T> => {
        trouble(false);
        const result = act();
        // Others have their turn.
        await new Promise((resolve) => setImmediate(resolve));
        trouble(true);
        return result;
      };
      return {
        address: 's3://memory',
        async *list(prefix) {
          const found = await does(() => [...objects].filter(([name]) => name.startsWith(prefix)).sort());
          for (const [name, { length }] of found)
            yield { name, bytes: length, modifiedAt: new Date(0) } satisfies StoredObject;
        },
        readText: (name) => does(() => objects.get(name)?.toString()),
        read: (name, from) =>
          does(() => {
            const bytes = objects.get(name)?.subarray(from);
            return bytes && pieces(bytes, trouble);
          }),
        putNew: (name, text) =>
          does(() => {
            if (objects.has(name)) return false;
            objects.set(name, Buffer.from(text));
            return true;
          }),
        putFile: (name, { path, sha256 }) =>
          does(() => {
            const bytes = readFileSync(path);
            if (createHash('sha256').update(bytes).digest('hex') !== sha256)
              throw new StoreError(`${path} was changed`);
            objects.set(name, bytes);
          }),
        remove: (name) => does(() => void objects.delete(name)),
        abortUploads: () => does(() => undefined),
        close: () => undefined,
      };
    },
  };
}

async function* pieces(bytes: Buffer, trouble: (done: boolean) => void): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 10_000) {
    if (at > 0) trouble(false);
    yield bytes.subarray(at, at + 10_000);
  }
}

/** Trouble at the nth question: the host is killed, or hears nothing of how it went. */
export function troubleAt(nth: number, what: 'killed' | 'unheard'): () => void {
  let asked = 0;
  return () => {
    asked += 1;
    if (what === 'killed' && asked >= nth) throw new Killed();
    if (what === 'unheard' && asked === nth)
      throw new StorageError('no-network', 's3://memory: it could not be reached');
  };
}
