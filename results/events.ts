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

/** Some whole lines of a file, each with its newline, and the number of the first. */
export interface Lines {
  path: string;
  line: number;
  text: string;
}

/**
 * Reads an `events.jsonl`, some hundred events at a time; nothing where there is no file. Half a line at the end, from a
 * process that was killed, is left out. Throws an EventsError with file and line for anything else that is no event.
 */
export async function* readEvents(path: string): AsyncGenerator<Iterable<EventLine>> {
  for await (const lines of readLines(path)) yield eventsOf(lines);
}

/** The lines of an `events.jsonl`, as readEvents reads them, that are not parsed yet. */
export async function* readLines(path: string): AsyncGenerator<Lines> {
  let line = 1;
  let rest = '';
  for (const chunk of chunksOf(path)) {
    const read = rest + chunk;
    const end = read.lastIndexOf('\n') + 1;
    const text = read.slice(0, end);
    rest = read.slice(end);
    if (text !== '') yield { path, line, text };
    line += countLines(text);
    // Whatever else the process does, heartbeats among it, is not kept waiting by a long file, or by many.
    await turn();
  }
  if (rest.trim() !== '' && isJson(rest)) yield { path, line, text: `${rest}\n` };
}

/** The event of the line that begins at a place of a text; undefined of an empty one. Throws as readEvents does. */
export function parseEvent({ path, text }: Lines, line: number, from: number, end: number): TrainerEvent | undefined {
  const written = text.slice(from, end);
  if (written.trim() === '') return undefined;
  try {
    return validateEvent(JSON.parse(written));
  } catch (error) {
    if (error instanceof SyntaxError) throw new EventsError(`${path}:${line}: not a line of JSON: ${excerpt(written)}`);
    if (error instanceof ContractError) throw new EventsError(`${path}:${line}: ${error.message}: ${excerpt(written)}`);
    throw error;
  }
}

function* eventsOf(lines: Lines): Generator<EventLine> {
  const { text } = lines;
  let { line } = lines;
  for (let from = 0; from < text.length; line += 1) {
    const end = text.indexOf('\n', from);
    const event = parseEvent(lines, line, from, end);
    if (event) yield { line, event };
    from = end + 1;
  }
}

function countLines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}

/** Read at once, since most files are small: to open and read a stream takes ten times as long as such a file's events. */
const buffer = Buffer.allocUnsafeSlow(1 << 16);

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
