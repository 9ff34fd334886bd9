import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** The last bytes of a text file, at most so many; what there is of it, where it is shorter. Throws where there is no file. */
export function readEnd(path: string, bytes: number): string {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    const buffer = Buffer.alloc(Math.min(size, bytes));
    readSync(file, buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString('utf8');
  } finally {
    closeSync(file);
  }
}
