import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, statSync } from 'node:fs';

/** SHA-256 of bytes, in hex. */
export function digestOf(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** Files up to this many bytes are read at once, which costs less than a stream. */
const smallFile = 256 * 1024;

/** Size and SHA-256 of a file, read as a stream: a model may be larger than memory. `onBytes` is told of each piece. */
export async function digestOfFile(
  path: string,
  onBytes: (bytes: number) => void = () => {},
): Promise<{ bytes: number; sha256: string }> {
  if (statSync(path).size <= smallFile) {
    const data = readFileSync(path);
    onBytes(data.length);
    return { bytes: data.length, sha256: digestOf(data) };
  }
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    onBytes((chunk as Buffer).length);
  }
  return { bytes, sha256: hash.digest('hex') };
}
