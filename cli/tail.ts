import { open } from 'node:fs/promises';

/** Reads the lines of a text file that grows. */
export interface Tail {
  /** The whole lines that came since the last call; none while there is no file. */
  next(): Promise<string[]>;
}

/** Reads a file from its beginning, by its path: one that was replaced by a longer one of the same beginning goes on. */
export function tailOf(path: string): Tail {
  let offset = 0;
  return {
    async next() {
      const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      });
      if (file === undefined) return [];
      try {
        const { size } = await file.stat();
        if (size <= offset) return [];
        const { buffer, bytesRead } = await file.read(Buffer.alloc(size - offset), 0, size - offset, offset);
        const end = buffer.subarray(0, bytesRead).lastIndexOf(0x0a) + 1;
        offset += end;
        return end === 0 ? [] : buffer.toString('utf8', 0, end - 1).split('\n');
      } finally {
        await file.close();
      }
    },
  };
}
