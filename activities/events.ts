import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StartedEvent, TrainerEvent } from '../schemas/types/event.ts';
import { ContractError, validateEvent } from '../schemas/validate.ts';
import { readEnd } from '../store/read-end.ts';

/*
 * A trainer's standard output is a file in the attempt's folder and not a pipe to the worker: what it says after its
 * worker was killed, while it saves its last checkpoint, is not lost. `events.jsonl`, the record of the attempt, is
 * what all executions said, one after the other, but for progress.
 */

/** A line of a trainer's standard output that is not an event. */
export class BadEventError extends Error {
  override name = 'BadEventError';
  /** Whether it is an event that the next one cut off: the disk had no room for the rest. */
  readonly cutOff: boolean;

  constructor(message: string, { cutOff = false } = {}) {
    super(message);
    this.cutOff = cutOff;
  }
}

/** Where an execution's standard output goes. Like all logs, it is no part of the artifact. */
export function outputPath(folder: string, execution: number): string {
  return join(folder, `execution-${execution}.events.log`);
}

/** Where an execution's standard error goes. */
export function errorsPath(folder: string, execution: number): string {
  return join(folder, `execution-${execution}.errors.log`);
}

/** What matters of the events that were said so far. */
export interface Said {
  /** The newest start. */
  started?: StartedEvent;
  /** The last event, but for progress. */
  last?: TrainerEvent;
  /** Half a line came after it, and nothing more. */
  half?: true;
}

/**
 * Writes `events.jsonl` anew from what all earlier executions said; a line that is no event was reported in its time,
 * and is left out. The file appears by rename: a worker that was taken for dead and still appends does so to the old
 * file, which is nobody's any more.
 *
 * @param before the first execution that is left out, as somebody follows it. Default: none
 */
export async function collectEvents(folder: string, { before = Number.POSITIVE_INFINITY } = {}): Promise<Said> {
  const said: Said = {};
  const temporary = join(folder, `.events.jsonl.${process.pid}.tmp`);
  try {
    const into = await open(temporary, 'w');
    try {
      for (const execution of executionsIn(folder).filter((number) => number < before)) {
        const events = await openEvents(outputPath(folder, execution), 'skip');
        try {
          for (let batch = await events.next(); batch.length > 0; batch = await events.next()) {
            await record(into, batch, said);
          }
        } finally {
          await events.close();
        }
      }
    } finally {
      await into.close();
    }
    await rename(temporary, join(folder, 'events.jsonl'));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  return said;
}

/**
 * Follows the output of a running execution to its end: appends to `events.jsonl` and hands every event to `take`, a
 * moment after it was written. Resolves once `ended` has, and everything is read; rejects with a BadEventError at the
 * first line that is none.
 */
export async function followEvents(
  folder: string,
  execution: number,
  ended: Promise<unknown>,
  take: (event: TrainerEvent) => void,
): Promise<Said> {
  const over = new AbortController();
  const end = (): void => over.abort();
  ended.then(end, end);
  const said: Said = {};
  const into = await open(join(folder, 'events.jsonl'), 'a');
  const events = await openEvents(outputPath(folder, execution), 'refuse');
  try {
    for (;;) {
      const nothingAfter = over.signal.aborted;
      for (let batch = await events.next(); batch.length > 0; batch = await events.next()) {
        await record(into, batch, said);
        for (const { event } of batch) take(event);
      }
      if (nothingAfter) return events.half() ? { ...said, half: true } : said;
      // No race with `ended`: each would leave something in it, ten times a second for as long as a training takes.
      await sleep(100, undefined, { signal: over.signal }).catch(() => undefined);
    }
  } finally {
    await events.close();
    await into.close();
  }
}

/** The record of an attempt at what runs inside of the worker, in place of the one before: no trainer writes any. */
export function writeEvents(folder: string, events: readonly TrainerEvent[]): void {
  writeFileSync(join(folder, 'events.jsonl'), events.map((event) => `${JSON.stringify(event)}\n`).join(''));
}

/** Removes the record, which none of the executions' outputs has. */
export function removeEvents(folder: string): void {
  rmSync(join(folder, 'events.jsonl'), { force: true });
}

/** Removes the executions' outputs, once `events.jsonl` is published and says it all. */
export function removeOutputs(folder: string): void {
  for (const execution of executionsIn(folder)) rmSync(outputPath(folder, execution), { force: true });
}

/** How TensorFlow greets on standard error before it can be told not to: `I0000 00:00:17… port.cc:153] oneDNN …`. */
export const greeting = /^(WARNING: All log messages before absl::InitializeLog|I\d{4} \d\d:\d\d:)/;

/** The last lines of a text file that say something; none where there is no file. */
export function lastLines(path: string, count: number): string[] {
  const lines = existsSync(path) ? readEnd(path, 16 * 1024).split('\n') : [];
  return lines.filter((line) => line.trim() !== '' && !greeting.test(line)).slice(-count);
}

interface EventLine {
  line: string;
  event: TrainerEvent;
}

async function record(into: FileHandle, batch: EventLine[], said: Said): Promise<void> {
  const kept = batch.filter(({ event }) => event.event !== 'progress');
  if (kept.length > 0) await into.appendFile(kept.map(({ line }) => `${line}\n`).join(''));
  for (const { event } of kept) {
    said.last = event;
    if (event.event === 'started') said.started = event;
  }
}

function executionsIn(folder: string): number[] {
  return readdirSync(folder)
    .map((name) => Number(/^execution-(\d+)\.events\.log$/.exec(name)?.[1] ?? 0))
    .filter((execution) => execution > 0)
    .sort((a, b) => a - b);
}

/** Longest line that is read: a sample with a long response is some kilobytes. */
const longestLine = 4 << 20;

/** An event's beginning inside of another; in a text of JSON its quotes were escaped. */
const cutOffEvent = /^\{.*\{\s*"event"\s*:/;

/** Reads whole lines from where it stopped before; half a line at the end waits for its other half. */
async function openEvents(
  path: string,
  others: 'refuse' | 'skip',
): Promise<{ next(): Promise<EventLine[]>; half(): boolean; close(): Promise<void> }> {
  const file = await open(path, 'r');
  const chunk = Buffer.allocUnsafe(1 << 16);
  let rest = Buffer.alloc(0);
  let number = 0;
  const parse = (line: string): EventLine[] => {
    number += 1;
    try {
      return [{ line, event: validateEvent(JSON.parse(line)) }];
    } catch (error) {
      if (!(error instanceof SyntaxError || error instanceof ContractError)) throw error;
      if (others === 'skip') return [];
      const cutOff = error instanceof SyntaxError && cutOffEvent.test(line);
      const json = cutOff ? 'the next event begins before its end' : 'it is not JSON';
      const said = error instanceof ContractError ? error.message : json;
      throw new BadEventError(
        `line ${number} of the trainer's standard output is not an event: ${said}: ${line.slice(0, 200)}`,
        { cutOff },
      );
    }
  };
  return {
    /** Events that came since the last call; empty at the end of what there is. */
    async next() {
      for (;;) {
        const { bytesRead } = await file.read(chunk, 0, chunk.length);
        if (bytesRead === 0) return [];
        const data = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
        const end = data.lastIndexOf(0x0a) + 1;
        rest = data.subarray(end);
        if (rest.length > longestLine)
          throw new BadEventError(`line ${number + 1} is longer than ${longestLine} bytes`);
        const events =
          end === 0
            ? []
            : data
                .toString('utf8', 0, end - 1)
                .split('\n')
                .flatMap(parse);
        if (events.length > 0) return events;
      }
    },
    /** Whether the last line that was read has no end yet. */
    half: () => rest.length > 0,
    close: () => file.close(),
  };
}
