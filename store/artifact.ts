import { existsSync, readdirSync } from 'node:fs';
import { realpath, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { canonicalJson, sha256 } from '../planner/key.ts';
import type { NodeState } from '../planner/verdict.ts';
import type { Manifest } from '../schemas/types/manifest.ts';
import type { Attempt } from './attempt.ts';
import { latestCheckpoint } from './checkpoint.ts';
import { digestOfFile } from './digest.ts';
import { StoreError } from './errors.ts';
import { failureIn } from './failure.ts';
import { attemptFolder, attemptNumbers, keysBeginning } from './home.ts';
import { type Artifact, damagePath, inspectAttempt, isAway } from './inspect.ts';
import { claimManifest, fenced, holdsLease, publishedBy } from './lease.ts';
import { syncFile, syncFolder, writeWhole } from './write.ts';

/** What publish is told; the rest of the manifest it finds out itself. */
export type Publication = Pick<
  Manifest,
  'type' | 'address' | 'preimage' | 'parents' | 'model' | 'facts' | 'provenance'
>;

/**
 * Makes an attempt count: hashes every file in its folder (as streams), makes them durable, writes the manifest last,
 * and only then removes the checkpoints. Temporary files, `*.log`, leases, jobs of a cluster and checkpoints are not part of an artifact.
 * Publishing again gives the manifest that is there. Throws a FencedError, and changes nothing, when another execution
 * has taken the lease; a StoreError when the model's folder is missing or something in the folder is not a plain file.
 * `onBytes` is told how much was read; what it throws ends the hashing, and nothing is published.
 */
export async function publish(
  attempt: Attempt,
  publication: Publication,
  onBytes?: (bytes: number) => void,
): Promise<Manifest> {
  const { key, folder, number: attemptNumber, executions } = attempt;
  let manifest = await publishedBy(folder, executions);
  if (manifest === undefined) {
    if (!holdsLease(attempt.leasePath, attempt.token)) throw fenced(folder);
    const { type, address, preimage, parents, model, facts, provenance } = publication;
    if (sha256(canonicalJson(preimage)) !== key) {
      throw new StoreError(`cannot publish ${address}: its pre-image does not hash to its key ${key}`);
    }
    const files = await hashFiles(folder, onBytes);
    // The attempt's own name; its key's was made durable together with the pre-image.
    await syncFolder(dirname(folder));
    if (model !== null && !files.some(({ path }) => path.startsWith(`${model}/`))) {
      throw new StoreError(`cannot publish ${address}: its model is said to be in ${model}/, and nothing is there`);
    }
    manifest = await claimManifest(folder, executions, {
      manifest: 1,
      key,
      type,
      attempt: attemptNumber,
      address,
      preimage,
      parents,
      model,
      files,
      facts,
      provenance,
    });
  }
  const checkpoints = join(folder, 'checkpoints');
  if (existsSync(checkpoints)) await rm(checkpoints, { recursive: true, force: true });
  return manifest;
}

/**
 * The newest published attempt of a key, from attempt `from` on, whose files are all there, or undefined. Looks at sizes
 * and at the hashes of small files; verifyArtifact looks at all of it.
 */
export async function findArtifact(home: string, key: string, from = 1): Promise<Artifact | undefined> {
  return newestWhole(home, key, from);
}

/**
 * How a node stands, for the planner: done when any attempt is whole, else by its newest attempt. Attempts before `from`
 * are not looked at. Reads a few small files and never throws for damaged ones.
 */
export function inspectNode(home: string, key: string, from = 1): NodeState {
  const newest = attemptNumbers(home, key)[0];
  if (newest === undefined || newest < from) return { state: 'none' };
  const whole = newestWhole(home, key, from);
  if (whole !== undefined) return { state: 'done', attempt: whole.attempt, finishedAt: whole.provenance.finishedAt };
  const inspection = inspectAttempt(home, key, newest);
  if (inspection.state === 'damaged') return inspection;
  const folder = attemptFolder(home, key, newest);
  const failure = failureIn(folder);
  const step = latestCheckpoint(folder)?.step ?? null;
  return { state: 'partial', attempt: newest, step, ...(failure && { failure }) };
}

/**
 * inspectNode for as many keys as a plan has: the store's keys are listed once, now, so that those it does not have cost
 * nothing.
 */
export function nodesInspector(home: string): (key: string, from?: number) => NodeState {
  const keys = new Set(keysBeginning(home, ''));
  return (key, from) => (keys.has(key) ? inspectNode(home, key, from) : { state: 'none' });
}

/**
 * Hashes every file of an artifact again. What it finds is noted in the attempt's folder, so that a damaged artifact is
 * served to nobody from then on; a later look that finds all well takes the note away. A file that a link leads to, out
 * of the attempt's folder, is none of it; what is away, in a bucket, is passed over. `onBytes` is told how much was read; what it throws ends the hashing.
 */
export async function verifyArtifact(
  artifact: Artifact,
  onBytes?: (bytes: number) => void,
): Promise<{ ok: true } | { ok: false; reason: string }> {
  const { folder } = artifact;
  const note = damagePath(folder);
  if (!existsSync(folder)) return { ok: false, reason: 'it is gone' };
  const place = await realpath(folder);
  for (const file of artifact.files) {
    if (isAway(folder, file)) continue;
    const reason = await damageOf(place, file, onBytes);
    // A cache that was too full may have let go of it meanwhile.
    if (reason === undefined || isAway(folder, file)) continue;
    // Removed meanwhile: a note would make the folder anew.
    if (!existsSync(folder)) return { ok: false, reason: 'it is gone' };
    await writeWhole(note, `${reason}\n`);
    return { ok: false, reason };
  }
  await rm(note, { force: true });
  return { ok: true };
}

/** What is wrong with a file of an artifact that lies in `place`; undefined where it is as it was published. */
async function damageOf(
  place: string,
  { path, bytes, sha256 }: Manifest['files'][number],
  onBytes?: (bytes: number) => void,
): Promise<string | undefined> {
  try {
    if ((await realpath(join(place, path))) !== join(place, path)) return `${path} lies elsewhere: a link leads to it`;
    const found = await digestOfFile(join(place, path), onBytes);
    return found.bytes === bytes && found.sha256 === sha256 ? undefined : `${path} was changed since it was published`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return `${path} is missing`;
    throw error;
  }
}

/** findArtifact, without waiting. */
export function newestWhole(home: string, key: string, from = 1): Artifact | undefined {
  for (const number of attemptNumbers(home, key)) {
    if (number < from) return undefined;
    const inspection = inspectAttempt(home, key, number);
    if (inspection.state === 'whole') return inspection.artifact;
  }
  return undefined;
}

/** What lies in an attempt's folder without being part of its artifact. */
const passing = new Set(['checkpoints', 'claims', 'jobs', 'lease.json', 'manifest.json', 'damage.txt', 'remote.json']);

async function hashFiles(folder: string, onBytes?: (bytes: number) => void): Promise<Manifest['files']> {
  const files: Manifest['files'] = [];
  const walk = async (relative: string): Promise<void> => {
    const entries = readdirSync(join(folder, relative), { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (relative === '' && passing.has(entry.name)) continue;
      if (entry.name.endsWith('.tmp') || entry.name.endsWith('.log')) continue;
      const path = relative === '' ? entry.name : `${relative}/${entry.name}`;
      if (entry.isDirectory()) {
        await walk(path);
      } else if (entry.isFile()) {
        files.push({ path, ...(await digestOfFile(join(folder, path), onBytes)) });
        await syncFile(join(folder, path));
      } else {
        throw new StoreError(`cannot publish ${join(folder, path)}: it is neither a file nor a folder`);
      }
    }
    await syncFolder(join(folder, relative));
  };
  await walk('');
  return files;
}
