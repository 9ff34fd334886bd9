import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';

/** What a file's content hashes to: SHA-256 of large files, which LFS or Xet keep; of the others what git calls the blob. */
export interface Digest {
  kind: 'sha256' | 'git';
  hex: string;
}

/** Whether a file has the content that a digest is of. `signal` ends the reading with its reason. */
export async function hasDigest(path: string, { kind, hex }: Digest, signal?: AbortSignal): Promise<boolean> {
  const hash = createHash(kind === 'git' ? 'sha1' : 'sha256');
  if (kind === 'git') hash.update(`blob ${(await stat(path)).size}\0`);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    signal?.throwIfAborted();
    hash.update(chunk as Buffer);
  }
  return hash.digest('hex') === hex;
}
