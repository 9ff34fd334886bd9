import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseBusyError } from './errors.ts';

/*
 * Within a process calls take turns at a file: two instances on one file would lose commits without an error.
 */

/** How long somebody waits. */
export interface Deadline {
  /** In performance.now() milliseconds. */
  at: number;
  seconds: number;
  /** Ends the waiting before that. */
  signal: AbortSignal | undefined;
}

/** The files that the code which is running has open; empties when they are closed, for what it has set going. */
const inside = new AsyncLocalStorage<Set<string>>();
/** By path: resolved when everybody who came before has closed the file. */
const turns = new Map<string, Promise<void>>();

/** Has a turn at a file, after all who asked before. Throws a DatabaseBusyError where that takes too long. */
export async function takeTurn<T>(path: string, deadline: Deadline, use: () => Promise<T>): Promise<T> {
  const before = turns.get(path) ?? Promise.resolve();
  let finish = () => {};
  const mine = new Promise<void>((resolve) => {
    finish = resolve;
  });
  // Who gives up leaves the queue, but those behind still wait for those before.
  const turn = before.then(() => mine);
  turns.set(path, turn);
  void turn.then(() => {
    if (turns.get(path) === turn) turns.delete(path);
  });
  try {
    await beforeDeadline(before, path, deadline);
    return await within(path, use);
  } finally {
    finish();
  }
}

/** Waits for what another call of this process does, as long as there is patience for. */
export async function beforeDeadline<T>(awaited: Promise<T>, path: string, deadline: Deadline): Promise<T> {
  const waiting = new AbortController();
  const signal = deadline.signal ? AbortSignal.any([waiting.signal, deadline.signal]) : waiting.signal;
  const late = sleep(Math.max(0, deadline.at - performance.now()), undefined, { signal }).then(() => {
    const { seconds } = deadline;
    // Nobody can close it there: other calls end by themselves, also those that wait for another process.
    throw new DatabaseBusyError(
      `${path} was not free in ${seconds} s: other calls of this process (${process.pid}) come first; try again`,
      'other calls of this process',
    );
  });
  try {
    return await Promise.race([awaited, late]);
  } finally {
    late.catch(() => {});
    waiting.abort();
  }
}

/** Runs what has a file open, which must not open it again. */
export async function within<T>(path: string, use: () => Promise<T>): Promise<T> {
  const held = new Set([...(inside.getStore() ?? []), path]);
  return await inside.run(held, use).finally(() => held.delete(path));
}

/** Whether the code which is running has the file open. */
export function isInside(path: string): boolean {
  return inside.getStore()?.has(path) === true;
}

/** The turn that was taken last at a file; undefined where nobody has it or waits for it. */
export function newestTurn(path: string): Promise<void> | undefined {
  return turns.get(path);
}

/** The error of who was not let in to a file in time: `who` has it. */
export function busy(path: string, who: string, { seconds }: Deadline, cause?: unknown): DatabaseBusyError {
  return new DatabaseBusyError(
    `${path} is held by ${who}, and was not free in ${seconds} s: wait for it to finish, or close it there, and try again`,
    who,
    { cause },
  );
}
