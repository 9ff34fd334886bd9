import { statSync } from 'node:fs';
import { DatabaseBusyError } from '../results/errors.ts';
import { databasePath } from '../store/home.ts';

/** What the results say, or said when they could be read last. */
export interface LastRead<T> {
  value: T;
  /** Who keeps them from being read now; null where this is what they say. */
  holder: string | null;
}

/**
 * Reads something of a home's results again whenever these have changed. While somebody holds them it gives what was read
 * last, at first `before`. Whoever asks at once is told the same.
 */
export function readWhenChanged<T>(home: string, before: T, read: () => Promise<T>): () => Promise<LastRead<T>> {
  let last: { stamp: string | null; value: T } = { stamp: null, value: before };
  let reading: Promise<LastRead<T>> | undefined;
  const readNow = async (stamp: string): Promise<LastRead<T>> => {
    try {
      last = { stamp, value: await read() };
      return { value: last.value, holder: null };
    } catch (error) {
      if (!(error instanceof DatabaseBusyError)) throw error;
      return { value: last.value, holder: error.holder };
    }
  };
  return async () => {
    const stamp = stampOf(databasePath(home));
    if (reading === undefined && last.stamp === stamp) return { value: last.value, holder: null };
    reading ??= readNow(stamp).finally(() => {
      reading = undefined;
    });
    return await reading;
  };
}

/** Changes whenever a file or folder does. */
export function stampOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? 'none' : `${found.ino} ${found.mtimeMs} ${found.size}`;
}
