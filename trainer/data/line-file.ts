import { closeSync, openSync, writeSync } from 'node:fs';

/** A file that lines are written to, one after the other. */
export interface LineFile {
  /** A line, with its end. */
  write(line: string): void;
  /** How many there are. */
  count(): number;
  /** Writes what is left. Without it the file is not whole. */
  close(): void;
}

/** Characters that are gathered before they are written. */
const gathered = 1 << 16;

/** A new file, in place of what had its name. */
export function createLineFile(path: string): LineFile {
  const file = openSync(path, 'w');
  let [waiting, count] = ['', 0];
  const flush = () => {
    writeWhole(file, waiting);
    waiting = '';
  };
  return {
    write(line) {
      waiting += line;
      count += 1;
      if (waiting.length >= gathered) flush();
    },
    count: () => count,
    close() {
      try {
        flush();
      } finally {
        closeSync(file);
      }
    },
  };
}

/** Writes all of a text to a descriptor. On a disk that becomes full it throws, after a part. */
export function writeWhole(file: number, text: string): void {
  for (let bytes = Buffer.from(text); bytes.length > 0; ) bytes = bytes.subarray(writeSync(file, bytes));
}
