import { createReadStream } from 'node:fs';
import type { TrainerEvent } from '../schemas/types/event.ts';
import { ContractError, validateEvent } from '../schemas/validate.ts';
import { EventsError } from './errors.ts';

/** An event and the line it was on, from 1. */
export interface EventLine {
  line: number;
  event: TrainerEvent;
}

/**
 * Reads an `events.jsonl` as a stream, some thousand events at a time; nothing where there is no file. Half a line at
 * the end, from a process that was killed, is left out. Throws an EventsError with file and line for anything else
 * that is no event.
 */
export async function* readEvents(path: string): AsyncGenerator<EventLine[]> {
  let line = 0;
  let rest = '';
  for await (const chunk of chunks(path)) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    const batch: EventLine[] = [];
    for (const text of lines) {
      line += 1;
      if (text.trim() !== '') batch.push({ line, event: parseEvent(text, path, line) });
    }
    yield batch;
  }
  if (isJson(rest)) yield [{ line: line + 1, event: parseEvent(rest, path, line + 1) }];
}

async function* chunks(path: string): AsyncGenerator<string> {
  try {
    yield* createReadStream(path, { encoding: 'utf8', highWaterMark: 1 << 20 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function parseEvent(text: string, path: string, line: number): TrainerEvent {
  try {
    return validateEvent(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError) throw new EventsError(`${path}:${line}: not a line of JSON: ${excerpt(text)}`);
    if (error instanceof ContractError) throw new EventsError(`${path}:${line}: ${error.message}: ${excerpt(text)}`);
    throw error;
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function excerpt(text: string): string {
  return text.length <= 120 ? text : `${text.slice(0, 120)}…`;
}
