import type { Digest } from './digest.ts';
import { HubError } from './errors.ts';
import { type Revision, requestJson } from './request.ts';
import type { HubSettings } from './settings.ts';

/** A file of a repository at a commit. */
export interface RemoteFile {
  name: string;
  bytes: number;
  digest: Digest;
}

/**
 * The files of a repository at a commit, by name, with what they hash to.
 *
 * @throws HubError as `request` does; `no-access` where the answer is of another commit, or lacks sizes or digests.
 */
export async function filesAt(
  settings: HubSettings,
  revision: Revision,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, RemoteFile>> {
  const what = `the files of ${revision.hub}`;
  const path = `/api/${revision.kind ?? 'model'}s/${revision.hub}/revision/${revision.revision}?blobs=true`;
  const { sha, siblings } = fieldsOf(await requestJson(settings, path, { revision, what, signal }));
  const refuse = (why: string) => new HubError('no-access', `${what}: ${settings.endpoint} ${why}`);
  if (sha !== revision.revision)
    throw refuse(`answers for the commit ${JSON.stringify(sha)}, not for ${revision.revision}: check \`revision\``);
  if (!Array.isArray(siblings)) throw refuse('lists no files: check HF_ENDPOINT');
  const files = new Map<string, RemoteFile>();
  for (const sibling of siblings) {
    const { rfilename: name, size, blobId, lfs } = fieldsOf(sibling);
    const { sha256 } = fieldsOf(lfs);
    const digest = digestOf(sha256, blobId);
    if (typeof name !== 'string' || !Number.isSafeInteger(size) || digest === undefined)
      throw refuse(`says no size or digest of ${JSON.stringify(name)}: check HF_ENDPOINT`);
    files.set(name, { name, bytes: size as number, digest });
  }
  return files;
}

function digestOf(sha256: unknown, blobId: unknown): Digest | undefined {
  if (typeof sha256 === 'string' && /^[0-9a-f]{64}$/.test(sha256)) return { kind: 'sha256', hex: sha256 };
  if (typeof blobId === 'string' && /^[0-9a-f]{40}$/.test(blobId)) return { kind: 'git', hex: blobId };
  return undefined;
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
