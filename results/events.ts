import { closeSync, openSync, readSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { setImmediate as turn } from 'node:timers/promises';
import type { TrainerEvent } from '../schemas/types/event.ts';
import { ContractError, validateEvent } from '../schemas/validate.ts';
import { EventsError } from './errors.ts';

/** An event and the line it was on, from 1. */
export interface EventLine {
  line: number;
  event: TrainerEvent;
}

/**
 * Reads an `events.jsonl`, some thousand events at a time; nothing where there is no file. Half a line at the end, from a
 * process that was killed, is left out. Throws an EventsError with file and line for anything else that is no event.
 */
export async function* readEvents(path: string): AsyncGenerator<EventLine[]> {
  let line = 0;
  let rest = '';
  for (const chunk of chunksOf(path)) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    const batch: EventLine[] = [];
    for (const text of lines) {
      line += 1;
      if (text.trim() !== '') batch.push({ line, event: parseEvent(text, path, line) });
    }
    yield batch;
    // Whatever else the process does, heartbeats among it, is not kept waiting by a long file, or by many.
    await turn();
  }
  if (rest.trim() !== '' && isJson(rest)) yield [{ line: line + 1, event: parseEvent(rest, path, line + 1) }];
}

/** Read at once, since most files are small: to open and read a stream takes ten times as long as such a file's events. */
const buffer = Buffer.allocUnsafeSlow(1 << 20);

function* chunksOf(path: string): Generator<string> {
  const file = openExisting(path);
  if (file === undefined) return;
  try {
    const decoder = new StringDecoder('utf8');
    for (let size = readOn(file); size > 0; size = readOn(file)) yield decoder.write(buffer.subarray(0, size));
    yield decoder.end();
  } finally {
    closeSync(file);
  }
}

/** Reads on into the buffer; gives how many bytes there were. */
function readOn(file: number): number {
  return readSync(file, buffer, 0, buffer.length, null);
}

function openExisting(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
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
