import { appendFileSync, openSync, renameSync, statSync } from 'node:fs';

/** A log may become this large before it is put aside; of those put aside, one is kept. */
const largestLog = 8 << 20;

/** Opens a log to append to it, for a program that writes it by itself. One that is large is put aside first. */
export function openLog(path: string): number {
  putAside(path);
  return openSync(path, 'a');
}

/**
 * Appends a line to a log. It is dropped where it cannot be written: a full disk ends nothing that would not need it, and
 * may have space again when the next line comes.
 */
export function appendLine(path: string, line: string): void {
  try {
    putAside(path);
    appendFileSync(path, `${line}\n`);
  } catch {
    // There is nowhere to say so.
  }
}

function putAside(path: string): void {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > largestLog) renameSync(path, `${path}.1`);
}
