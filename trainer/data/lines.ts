/** Files of JSON lines, read as they go, so that a large one takes no memory. */
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { TrainerFailure } from '../failure.ts';

/** A line that is JSON. */
export interface Line {
  value: unknown;
  /** Its file and number, for messages. */
  where: string;
  /** The byte that it begins at: `lineAt` reads it again from there. */
  offset: number;
}

/**
 * The lines of a file in their order, but for empty ones.
 *
 * @throws TrainerFailure `bad-data` when the file is missing or a line is not JSON.
 */
export function* readLines(path: string): Generator<Line> {
  let number = 0;
  for (const { bytes, offset } of rawLines(path, 0)) {
    number++;
    const text = bytes.toString('utf8');
    if (text.trim() !== '') yield parsed(text, `${path}:${number}`, offset);
  }
}

/** As `readLines`, up to where a kill or a power cut has left something that is no whole line. */
export function* readFinishedLines(path: string): Generator<Line> {
  for (const { bytes, offset, isFinished } of rawLines(path, 0)) {
    if (!isFinished) return;
    try {
      yield { value: JSON.parse(bytes.toString('utf8')) as unknown, where: `${path}, byte ${offset}`, offset };
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      return;
    }
  }
}

/** The line that begins at a byte of a file. Throws as `readLines`. */
export function lineAt(path: string, offset: number): Line {
  const where = `${path}, byte ${offset}`;
  for (const { bytes } of rawLines(path, offset, 1 << 14)) return parsed(bytes.toString('utf8'), where, offset);
  throw new TrainerFailure('bad-data', `${where}: the file is shorter than it was. Prepare the data set again.`);
}

/** A field of a line that must be text. Throws a `bad-data` TrainerFailure where it is none. */
export function textField(value: unknown, name: string, where: string): string {
  const content = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  if (typeof content !== 'string') throw new TrainerFailure('bad-data', `${where}: there is no text in "${name}".`);
  return content;
}

function parsed(text: string, where: string, offset: number): Line {
  try {
    return { value: JSON.parse(text) as unknown, where, offset };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const what = `${where}: this is not JSON (${error.message}). Prepare the data set again.`;
    throw new TrainerFailure('bad-data', what, { cause: error });
  }
}

const newline = 0x0a;

interface RawLine {
  /** Its own until the next one is asked for. */
  bytes: Buffer;
  offset: number;
  /** Whether its end is there. */
  isFinished: boolean;
}

function* rawLines(path: string, from: number, block = 1 << 20): Generator<RawLine> {
  if (!existsSync(path)) throw new TrainerFailure('bad-data', `${path} is missing. Prepare the data set again.`);
  const file = openSync(path, 'r');
  try {
    let offset = from;
    let rest: Buffer[] = [];
    const buffer = Buffer.allocUnsafe(block);
    for (let position = from; ; ) {
      const size = readSync(file, buffer, 0, block, position);
      if (size === 0) break;
      position += size;
      let start = 0;
      for (let end = buffer.indexOf(newline); end >= 0 && end < size; end = buffer.indexOf(newline, start)) {
        const piece = buffer.subarray(start, end);
        const bytes = rest.length === 0 ? piece : Buffer.concat([...rest, piece]);
        yield { bytes, offset, isFinished: true };
        offset += bytes.length + 1;
        start = end + 1;
        rest = [];
      }
      if (start < size) rest.push(Buffer.from(buffer.subarray(start, size)));
    }
    if (rest.length > 0) yield { bytes: Buffer.concat(rest), offset, isFinished: false };
  } finally {
    closeSync(file);
  }
}
