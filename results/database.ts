import { randomBytes } from 'node:crypto';
import { channel } from 'node:diagnostics_channel';
import { existsSync } from 'node:fs';
import { copyFile, link, rename, rm } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { basename, dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { databasePath, storeFolder } from '../store/home.ts';
import { makeFolder, syncFolder } from '../store/write.ts';
import { offerReading, type Reading, readBeside, readingBeside, withGuests } from './beside.ts';
import { asSystemError, ResultsError, UnreadableDatabaseError } from './errors.ts';
import { schemaState, updateSchema } from './schema.ts';
import { quoted } from './sql.ts';
import { busy, type Deadline, isInside, takeTurn } from './turns.ts';
import { databaseWaits, toldAfterMs } from './waits.ts';

/** What `withDatabase` may be told beside the mode. */
export interface DatabaseOptions {
  /** How long to wait for whoever has the file open, in seconds. Default: 60 for writing, 30 for reading. */
  patienceSeconds?: number | undefined;
  /** Ends the waiting: nothing is begun any more, and the call rejects. What has begun is brought to its end. */
  signal?: AbortSignal;
  /** Let SQL read and write files and reach the network. Default: false. */
  files?: boolean;
  /** One path that SQL may write although `files` is off. */
  output?: string;
  /** Another file than `results.duckdb` of the home. */
  path?: string | undefined;
  /** Another database that is read beside it, as a catalogue of this name. */
  attached?: { name: string; path: string };
  /**
   * To read beside another call of this process that reads, in place of taking a turn, where that has had the file for no
   * longer than so many seconds: for whoever answers many at once. Whoever else waits goes before. Default: take a turn.
   */
  besideForSeconds?: number;
}

/**
 * Opens `results.duckdb`, hands over a connection, and closes the file: DuckDB lets no other process in while one has
 * it open for writing, so it is never kept open. Writing is one transaction, committed when `use` resolves and rolled
 * back when it throws. The file and its tables are made, and brought up to date, where that is needed.
 *
 * Within a process calls take turns: two instances on one file would lose commits without an error. Must not be called
 * from worker threads, nor from inside `use`. SQL cannot reach files or the network but through `options`.
 *
 * Throws a DatabaseBusyError, which names the process, when the file stays taken; a ResultsError when there is nothing
 * to read yet or the file is of a newer Descent; the system's error, with its code, where the disk is full.
 */
export async function withDatabase<T>(
  home: string,
  mode: 'read' | 'write',
  use: (connection: DuckDBConnection) => Promise<T>,
  options: DatabaseOptions = {},
): Promise<T> {
  const path = options.path ?? databasePath(home);
  const deadline = deadlineOf(mode, options);
  options.signal?.throwIfAborted();
  if (isInside(path)) throw new Error('withDatabase was called from inside itself; use its connection');
  if (mode === 'write') {
    return takeTurn(path, deadline, async () => {
      if (!existsSync(path)) await createDatabase(path);
      return openDatabase(path, mode, options, deadline, (connection) =>
        transaction(connection, () => use(connection)),
      ).catch((error: unknown) => {
        throw asSystemError(error, path);
      });
    });
  }
  const { besideForSeconds } = options;
  const mayJoin = besideForSeconds !== undefined && isPlain(options);
  const beside = mayJoin ? readingBeside(path, besideForSeconds) : undefined;
  const answered = beside && (await readBeside(path, beside, deadline, use));
  if (answered !== undefined) return answered.value;
  const read = (reading?: Reading): Promise<T> =>
    takeTurn(path, deadline, async () => {
      if (!existsSync(path)) throw nothingToRead(home);
      const answer = await openDatabase(path, mode, options, deadline, async (connection, instance) => {
        if ((await schemaState(connection)) !== 'current') return undefined;
        const answering = () => use(connection);
        return { value: await (reading ? withGuests(path, reading, instance, answering) : answering()) };
      });
      if (answer !== undefined) return answer.value;
      // Written by an older Descent: bring it up to date, which only a writer can.
      await openDatabase(path, 'write', {}, deadline, (connection) => transaction(connection, async () => {}));
      return openDatabase(path, mode, options, deadline, use);
    });
  return isPlain(options) ? await offerReading(path, read) : await read();
}

/** Does something with a connection whose statement a signal ends, and with it all that is to come. */
export async function interruptible<T>(
  connection: DuckDBConnection,
  signal: AbortSignal,
  use: () => Promise<T>,
): Promise<T> {
  // Again and again, as it reaches what runs only, and not what is about to.
  let stopping: NodeJS.Timeout | undefined;
  const stop = () => {
    connection.interrupt();
    stopping = setTimeout(stop, 50);
  };
  signal.throwIfAborted();
  signal.addEventListener('abort', stop);
  try {
    const value = await use();
    signal.throwIfAborted();
    return value;
  } finally {
    clearTimeout(stopping);
    signal.removeEventListener('abort', stop);
  }
}

/**
 * Puts another database file in the place of `results.duckdb`, when nobody has that open: nobody is let into either while
 * they change places. Gives where the old file lies now that could not be read; null where it was replaced or there was
 * none. Waits, and throws, as a writer does.
 */
export async function replaceDatabase(
  home: string,
  replacement: string,
  options: Pick<DatabaseOptions, 'patienceSeconds'> = {},
): Promise<string | null> {
  const path = databasePath(home);
  const deadline = deadlineOf('write', options);
  return takeTurn(path, deadline, async () => {
    const held: DuckDBInstance[] = [];
    try {
      const old = await openOrGiveUp(path, deadline);
      if (old !== undefined) held.push(old);
      held.push(await openWhenFree(replacement, 'write', deadline));
      const aside = old === undefined && existsSync(path) ? await moveAside(path) : null;
      // Or what it logs would be taken for a log of the new file.
      if (old !== undefined) await checkpoint(old);
      await rename(replacement, path);
      await syncFolder(dirname(path));
      return aside;
    } finally {
      for (const instance of held) instance.closeSync();
    }
  });
}

/** The database, held against others; undefined where there is none, or none that can be read. */
async function openOrGiveUp(path: string, deadline: Deadline): Promise<DuckDBInstance | undefined> {
  if (!existsSync(path)) return undefined;
  try {
    return await openWhenFree(path, 'write', deadline);
  } catch (error) {
    if (error instanceof UnreadableDatabaseError) return undefined;
    throw error;
  }
}

/** Moves a file that cannot be read, and its log, out of the way; gives the new path. */
async function moveAside(path: string): Promise<string> {
  const aside = `${path}.unreadable-${randomBytes(4).toString('hex')}`;
  await rename(path, aside);
  if (existsSync(`${path}.wal`)) await rename(`${path}.wal`, `${aside}.wal`);
  return aside;
}

async function checkpoint(instance: DuckDBInstance): Promise<void> {
  const connection = await instance.connect();
  try {
    await connection.run('CHECKPOINT');
  } finally {
    connection.closeSync();
  }
}

function deadlineOf(
  mode: 'read' | 'write',
  { patienceSeconds, signal }: Pick<DatabaseOptions, 'patienceSeconds' | 'signal'>,
): Deadline {
  const seconds = patienceSeconds ?? (mode === 'write' ? 60 : 30);
  return { at: performance.now() + seconds * 1000, seconds, signal };
}

function nothingToRead(home: string): ResultsError {
  return new ResultsError(
    existsSync(storeFolder(home))
      ? `results.duckdb is missing in ${home}: \`descent verify --rebuild\` brings it back; the store has its models, and nothing is trained again`
      : `there are no results yet in ${home}: run a lineage first`,
  );
}

async function openDatabase<T>(
  path: string,
  mode: 'read' | 'write',
  options: DatabaseOptions,
  deadline: Deadline,
  use: (connection: DuckDBConnection, instance: DuckDBInstance) => Promise<T>,
): Promise<T> {
  const instance = await openWhenFree(path, mode, deadline);
  try {
    const connection = await instance.connect();
    try {
      await restrict(connection, options);
      const value = await use(connection, instance);
      // Done here and not by closing, which would block the event loop for as long as it takes.
      if (mode === 'write') await connection.run('CHECKPOINT');
      return value;
    } finally {
      connection.closeSync();
    }
  } finally {
    instance.closeSync();
  }
}

async function openWhenFree(path: string, mode: 'read' | 'write', deadline: Deadline): Promise<DuckDBInstance> {
  const begun = performance.now();
  let told = false;
  for (let pause = 5; ; pause = Math.min(250, pause * 1.5)) {
    try {
      return await DuckDBInstance.create(path, configuration(mode));
    } catch (error) {
      const message = (error as Error).message;
      if (!message.includes('Could not set lock on file')) {
        if (!isUnreadable(message)) throw new ResultsError(`cannot open ${path}: ${message}`, { cause: error });
        throw new UnreadableDatabaseError(`cannot open ${path}: ${message}${remedy}`, { cause: error });
      }
      const left = deadline.at - performance.now();
      if (left <= 0) throw busy(path, holder(message), deadline, error);
      if (!told && performance.now() - begun > toldAfterMs) {
        channel(databaseWaits).publish(`waiting for ${basename(path)}, which ${holder(message)} holds`);
        told = true;
      }
      // Random, so that processes that wait for each other do not keep in step.
      await sleep(Math.min(left, pause * (0.5 + Math.random())), undefined, { signal: deadline.signal });
    }
  }
}

/** Whether it is the file's content that keeps it from opening; what else does is the person's to mend. */
function isUnreadable(message: string): boolean {
  return /not a valid DuckDB database|corrupt|checksum|serialization/i.test(message);
}

/** The results can be had again. */
const remedy =
  '\n\nmove the file away and run the lineage again, or let `descent verify --rebuild` do it: what the store has is read into a new one, and nothing is trained again';

function configuration(mode: 'read' | 'write'): Record<string, string> {
  // DuckDB would take 80 % of the memory, of which the trainers need most.
  const megabytes = Math.floor(Math.min(2048, totalmem() / 4 / 1024 / 1024));
  return {
    access_mode: mode === 'read' ? 'READ_ONLY' : 'READ_WRITE',
    memory_limit: `${megabytes}MB`,
    threads: String(Math.min(4, availableParallelism())),
    // What is written in an order says so; to keep that in which it was read leaves one thread to write.
    preserve_insertion_order: mode === 'read' ? 'true' : 'false',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  };
}

async function restrict(
  connection: DuckDBConnection,
  { files = false, output, attached }: DatabaseOptions,
): Promise<void> {
  // For all connections of the instance.
  await connection.run(`SET GLOBAL TimeZone = 'UTC'`);
  if (attached !== undefined) await connection.run(`ATTACH ${quoted(attached.path)} AS ${attached.name} (READ_ONLY)`);
  if (output !== undefined) await connection.run(`SET allowed_paths = [${quoted(output)}]`);
  if (!files) await connection.run('SET enable_external_access = false');
  await connection.run('SET lock_configuration = true');
}

/** Whether a connection may do what any other may: what is allowed holds for all connections of an instance. */
function isPlain({ files = false, output, attached }: DatabaseOptions): boolean {
  return !files && output === undefined && attached === undefined;
}

async function transaction<T>(connection: DuckDBConnection, use: () => Promise<T>): Promise<T> {
  await connection.run('BEGIN');
  try {
    await updateSchema(connection);
    const value = await use();
    await connection.run('COMMIT');
    return value;
  } catch (error) {
    // A transaction that DuckDB has given up by itself has nothing left to roll back; closing discards it too.
    await connection.run('ROLLBACK').catch(() => {});
    throw error;
  }
}

/** A database with tables and views and nothing in them, which the build leaves: to copy it is quicker than to run the SQL. */
const empty = new URL('./empty.duckdb', import.meta.url);

/**
 * Makes a database. It appears with its tables in it, by link(2): nobody sees a half-made one, and one of two makers wins. What the
 * build's lacks, because the SQL has changed since, it gets as an older one does.
 */
export async function createDatabase(path: string): Promise<void> {
  await makeFolder(dirname(path));
  const temporary = `${path}.${process.pid}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    if (existsSync(empty)) await copyFile(empty, temporary);
    const instance = await DuckDBInstance.create(temporary, configuration('write'));
    const connection = await instance.connect();
    try {
      await transaction(connection, async () => {});
      await connection.run('CHECKPOINT');
    } finally {
      connection.closeSync();
      instance.closeSync();
    }
    await link(temporary, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(temporary, { force: true });
    await rm(`${temporary}.wal`, { force: true });
  }
  await syncFolder(dirname(path));
}

/** DuckDB says `Conflicting lock is held in /usr/bin/node (PID 4711)`. */
function holder(message: string): string {
  const found = /Conflicting lock is held in (.+?) \(PID (\d+)\)/.exec(message);
  return found ? `process ${found[2]} (${found[1]})` : 'another process';
}
