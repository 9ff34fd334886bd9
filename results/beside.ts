import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { beforeDeadline, type Deadline, newestTurn, within } from './turns.ts';

/*
 * Readers of one process that read beside each other, in one turn: each has a connection of its own to one open file.
 */

/** A call that reads, or waits for its turn to, which others may join. */
export interface Reading {
  /** Resolves when the file is open: to undefined where it has to be brought up to date first. Rejects as opening does. */
  opened: Promise<DuckDBInstance | undefined>;
  resolve: (instance: DuckDBInstance | undefined) => void;
  reject: (error: unknown) => void;
  /** When it was opened, in performance.now() milliseconds. */
  since: number;
  /** Its turn: another one that was taken since is of somebody who waits for the file. */
  turn: Promise<void> | undefined;
  guests: Set<Promise<unknown>>;
}

/** By path, the newest. */
const readings = new Map<string, Reading>();

/** The call to read beside that has had the file for no longer than so many seconds; undefined where none may be joined. */
export function readingBeside(path: string, seconds: number): Reading | undefined {
  const reading = readings.get(path);
  if (reading === undefined) return undefined;
  const someoneWaits = newestTurn(path) !== reading.turn;
  const isLong = performance.now() - reading.since > seconds * 1000;
  return someoneWaits || isLong ? undefined : reading;
}

/** Lets others join what `read` does, in the turn that it takes. */
export async function offerReading<T>(path: string, read: (reading: Reading) => Promise<T>): Promise<T> {
  let resolve: Reading['resolve'] = () => {};
  let reject: Reading['reject'] = () => {};
  const opened = new Promise<DuckDBInstance | undefined>((...both) => {
    [resolve, reject] = both;
  });
  // Whether or not anybody is there to be told.
  opened.catch(() => {});
  const since = Number.POSITIVE_INFINITY;
  const reading: Reading = { opened, resolve, reject, since, turn: undefined, guests: new Set() };
  const taken = read(reading);
  reading.turn = newestTurn(path);
  readings.set(path, reading);
  try {
    return await taken;
  } catch (error) {
    reject(error);
    throw error;
  } finally {
    resolve(undefined);
    if (readings.get(path) === reading) readings.delete(path);
  }
}

/** Reads beside another call; gives undefined where that came to nothing, as the file has to be brought up to date. */
export async function readBeside<T>(
  path: string,
  { opened, guests }: Reading,
  deadline: Deadline,
  use: (connection: DuckDBConnection) => Promise<T>,
): Promise<{ value: T } | undefined> {
  const read = async (): Promise<{ value: T } | undefined> => {
    const instance = await beforeDeadline(opened, path, deadline);
    if (instance === undefined) return undefined;
    const connection = await instance.connect();
    try {
      return { value: await within(path, () => use(connection)) };
    } finally {
      connection.closeSync();
    }
  };
  const reading = read();
  guests.add(reading);
  return await reading.finally(() => guests.delete(reading));
}

/** Lets in who waits to read beside `use`, and waits for them when it is done. */
export async function withGuests<T>(
  path: string,
  reading: Reading,
  instance: DuckDBInstance,
  use: () => Promise<T>,
): Promise<T> {
  reading.since = performance.now();
  reading.resolve(instance);
  try {
    return await use();
  } finally {
    if (readings.get(path) === reading) readings.delete(path);
    await Promise.allSettled(reading.guests);
  }
}
