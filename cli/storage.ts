import { openStorage, type Storage } from '../store/remote/storage.ts';
import { loadConfig } from './config.ts';
import type { Context } from './context.ts';

/** Does something with the object storage that is configured, which is closed afterwards; undefined where none is. */
export async function withStorage<T>(
  { cwd, env }: Pick<Context, 'cwd' | 'env'>,
  use: (storage: Storage) => Promise<T>,
): Promise<T | undefined> {
  const { config } = await loadConfig(cwd, env);
  if (config.storage === undefined) return undefined;
  const storage = await openStorage(config.storage);
  try {
    return await use(storage);
  } finally {
    storage.bucket.close();
  }
}
