import { type FileHandle, open } from 'node:fs/promises';

/** Most that is read of a file at once. */
const chunkBytes = 1 << 20;

/** A line of a file, and the byte that it begins at. */
export interface TailLine {
  at: number;
  text: string;
}

/** Reads the lines of a text file that grows. */
export interface Tail {
  /** The whole lines that came since the last call; none while there is no file. */
  next(): AsyncGenerator<TailLine>;
}

/**
 * Reads a file by its path, so that one which was replaced by a longer one of the same beginning goes on; one that is
 * shorter than what was read is another file, and begins anew. With `last` only so many of the lines are read that are there
 * at the first call, from the end of the file.
 */
export function tailOf(path: string, last?: number): Tail {
  let offset: number | undefined;
  return {
    async *next() {
      const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      });
      if (file === undefined) {
        offset = 0;
        return;
      }
      try {
        const { size } = await file.stat();
        offset ??= last === undefined ? 0 : await startOfLast(file, size, last);
        if (size < offset) offset = 0;
        let rest: Buffer[] = [];
        for (let at = offset; at < size; ) {
          const data = await readAt(file, at, Math.min(chunkBytes, size - at));
          if (data.length === 0) return;
          at += data.length;
          const end = data.lastIndexOf(lineFeed) + 1;
          if (end === 0) {
            rest.push(data);
            continue;
          }
          const lines = Buffer.concat([...rest, data.subarray(0, end - 1)]).toString('utf8');
          rest = [data.subarray(end)];
          let begin: number = offset;
          offset = at - (data.length - end);
          for (const text of lines.split('\n')) {
            yield { at: begin, text };
            begin += Buffer.byteLength(text) + 1;
          }
        }
      } finally {
        await file.close();
      }
    },
  };
}

const lineFeed = 0x0a;

/** Where the last whole lines of a file begin, `count` of them or as many as there are. */
async function startOfLast(file: FileHandle, size: number, count: number): Promise<number> {
  // The line feed that ends the last whole line is one more.
  let wanted = count + 1;
  for (let end = size; end > 0; end -= chunkBytes) {
    const start = Math.max(0, end - chunkBytes);
    const data = await readAt(file, start, end - start);
    for (let at = data.lastIndexOf(lineFeed); at >= 0; at = at === 0 ? -1 : data.lastIndexOf(lineFeed, at - 1)) {
      wanted -= 1;
      if (wanted === 0) return start + at + 1;
    }
  }
  return 0;
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
