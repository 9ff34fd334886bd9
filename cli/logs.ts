import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isExecuted } from '../activities/claim.ts';
import { errorsPath, greeting } from '../activities/events.ts';
import type { TrainerEvent } from '../schemas/types/event.ts';
import { attemptFolder, attemptNumbers, findHome } from '../store/home.ts';
import { tailOf } from '../store/tail.ts';
import { type Context, type ExitCode, exitCodes } from './context.ts';
import { CommandError } from './failure.ts';
import { findNode } from './find-node.ts';
import { watchInterrupts } from './interrupt.ts';
import { eventLine } from './render/event-line.ts';
import { onOneLine } from './render/one-line.ts';

/** Between two looks of `--follow`. */
const lookEveryMs = 300;

/** Options of `descent logs`. */
export interface LogsOptions {
  follow?: true;
  attempt?: number;
  /** Only so many of the lines that are there already. */
  lines?: number;
  json?: true;
  lineage?: string;
}

/** A line, and whether it was written on standard error. */
interface Line {
  text: string;
  error: boolean;
}

/**
 * `descent logs NODE`: what the trainer of a node said: a line an event, then what it wrote on standard error. With
 * `--follow` it goes on, also from one attempt to the next, until the node is done or has failed, or Ctrl-C.
 */
export async function logs(text: string, options: LogsOptions, context: Context): Promise<ExitCode> {
  const home = findHome(context.cwd, context.env);
  const { node } = await findNode(home, text, options.lineage ?? null);
  const numbers = attemptNumbers(home, node.key);
  const asked = options.attempt ?? numbers[0];
  if (asked !== undefined && options.attempt !== undefined && !numbers.includes(asked)) {
    const there = numbers.length === 0 ? 'it has none yet' : `it has ${numbers.toReversed().join(', ')}`;
    throw new CommandError(`${node.address} has no attempt ${asked}`, there);
  }
  if (asked === undefined && !options.follow) {
    throw new CommandError(`${node.address} was never begun`, 'descent logs -f waits for it');
  }
  const print = ({ text: line, error }: Line): void =>
    context.terminal.out(error && !options.json ? context.terminal.colours.dim(line) : line);
  let reader = asked === undefined ? undefined : readerOf(home, node.key, asked, options.json, options.lines);
  const there = reader?.next() ?? [];
  for await (const line of options.lines === undefined ? there : await lastOf(there, options.lines)) print(line);
  if (!options.follow) return exitCodes.fine;

  const interrupts = watchInterrupts();
  try {
    while (interrupts.pressed() === 0) {
      // Looked at before reading: what was said before it ended is read then.
      const over = reader?.over() === true && !isExecuted(home, node.key);
      for await (const line of reader?.next() ?? []) print(line);
      const newest = attemptNumbers(home, node.key)[0];
      if (options.attempt === undefined && newest !== undefined && newest !== reader?.attempt) {
        reader = readerOf(home, node.key, newest, options.json);
      } else if (over) break;
      await interrupts.pause(lookEveryMs);
    }
    return exitCodes.fine;
  } finally {
    interrupts.stop();
  }
}

/**
 * Reads an attempt's events and its executions' standard errors, from where it stopped before. With `lines` the first look
 * reads no more than so many of each file, from its end.
 */
export function readerOf(home: string, key: string, attempt: number, json = false, lines?: number) {
  const folder = attemptFolder(home, key, attempt);
  const events = tailOf(join(folder, 'events.jsonl'), lines);
  const errors = new Map(
    executionsIn(folder).map((execution) => [execution, tailOf(errorsPath(folder, execution), lines)]),
  );
  let last: TrainerEvent['event'] | undefined;
  return {
    attempt,
    /** Whether the trainer said that nothing more will come. */
    over: () => last === 'done' || last === 'failed',
    async *next(): AsyncGenerator<Line> {
      for await (const { text: line } of events.next()) {
        const event = parsed(line);
        if (event === undefined) continue;
        const again = event.event === 'started' && event.resumedFrom !== null;
        if (again && last !== undefined && !lastWords.includes(last) && !json) {
          yield { text: 'killed        without a last word', error: false };
        }
        last = event.event;
        yield { text: json ? line : eventLine(event), error: false };
      }
      if (json) return;
      for (const execution of executionsIn(folder)) {
        if (!errors.has(execution)) errors.set(execution, tailOf(errorsPath(folder, execution)));
      }
      for (const tail of errors.values())
        for await (const { text } of tail.next())
          if (!greeting.test(text)) yield { text: onOneLine(text), error: true };
    },
  };
}

/** What a trainer that ends by itself says last. */
const lastWords: readonly TrainerEvent['event'][] = ['done', 'interrupted', 'failed'];

/** The event of a line; undefined of what is none, as half a line is where an attempt began anew while it was read. */
function parsed(line: string): TrainerEvent | undefined {
  try {
    return JSON.parse(line) as TrainerEvent;
  } catch {
    return undefined;
  }
}

async function lastOf(lines: AsyncIterable<Line> | Iterable<Line>, count: number): Promise<Line[]> {
  const kept: Line[] = [];
  for await (const line of lines) kept.push(line);
  return kept.slice(-count);
}

function executionsIn(folder: string): number[] {
  return readdirSync(folder)
    .map((name) => Number(/^execution-(\d+)\.errors\.log$/.exec(name)?.[1] ?? 0))
    .filter((execution) => execution > 0)
    .sort((a, b) => a - b);
}
