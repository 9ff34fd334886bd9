import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findAnywhere, share } from '../../activities/shared.ts';
import { publish } from '../../store/artifact.ts';
import { beginAttempt } from '../../store/attempt.ts';
import type { Artifact } from '../../store/inspect.ts';
import type { Storage } from '../../store/remote/storage.ts';
import { nodeNamed, publication } from '../store/support.ts';

/** Bytes of a node's weights: one of six goes in several parts, and the others in one request. */
export function weightBytes(nth: number): number {
  return nth % 6 === 5 ? 36 * 1024 * 1024 : 200_000 + nth * 1000;
}

/**
 * Brings a node to an artifact that all hosts have, as an execution does under its claim: what there is already counts, and
 * what is made here goes up. Half of the nodes come out the same on every host; the others as their host makes them.
 */
export async function bringToAll(home: string, storage: Storage, nth: number, host: string): Promise<Artifact> {
  const moving = { home, storage, signal: new AbortController().signal };
  const node = nodeNamed(`node-${nth}`);
  const found = await findAnywhere(moving, node, true);
  if (found !== undefined) return await share(moving, found);
  const begun = await beginAttempt(home, node);
  if (begun.state === 'published') return await share(moving, begun.artifact);
  const { attempt } = begun;
  mkdirSync(join(attempt.folder, 'model'), { recursive: true });
  const weights = bytesOf(`${nth} ${nth % 2 === 0 ? '' : host}`, weightBytes(nth));
  writeFileSync(join(attempt.folder, 'model', 'model.safetensors'), weights);
  writeFileSync(join(attempt.folder, 'model', 'config.json'), JSON.stringify({ nth }));
  writeFileSync(join(attempt.folder, 'events.jsonl'), '{"event":"interrupted","step":1}\n');
  const manifest = await publish(attempt, { ...publication(attempt, node.preimage), address: `node-${nth}` });
  return await share(moving, { ...manifest, folder: attempt.folder });
}

/** So many bytes that follow from a text. */
export function bytesOf(text: string, length: number): Buffer {
  const block = createHash('sha512').update(text).digest();
  const all = Buffer.alloc(length);
  for (let at = 0, count = 0; at < length; at += block.length, count += 1) {
    block.writeUInt32LE(count, 0);
    block.copy(all, at);
  }
  return all;
}

const known = new Map<string, string>();

/** The SHA-256 of a file in hex; null where there is none. What has not been written since is not read again. */
export function digestAt(path: string): string | null {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return null;
  const stamp = `${path} ${found.ino} ${found.size} ${found.mtimeMs} ${found.ctimeMs}`;
  const digest = known.get(stamp) ?? createHash('sha256').update(readFileSync(path)).digest('hex');
  known.set(stamp, digest);
  return digest;
}
