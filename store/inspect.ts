import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson, sha256 } from '../planner/key.ts';
import type { Manifest } from '../schemas/types/manifest.ts';
import { validateManifest } from '../schemas/validate.ts';
import { digestOf } from './digest.ts';
import { attemptFolder } from './home.ts';
import { manifestPath, readClaims } from './lease.ts';
import { sharedAt } from './remote/note.ts';

/** What a published attempt left, and where. */
export type Artifact = Manifest & {
  /** Absolute path of the attempt's folder; the manifest's paths are relative to it. */
  folder: string;
};

/** How an attempt stands. */
export type Inspection =
  | { state: 'whole'; artifact: Artifact }
  | { state: 'unfinished' }
  | { state: 'damaged'; reason: string };

/** Files up to this many bytes are hashed whenever an artifact is looked at; larger ones only by verifyArtifact. */
const smallFile = 16 * 1024;

/**
 * Whether a file of an artifact may be away, where the attempt can be had from a bucket: only what no look at an artifact
 * reads, and neither do the results.
 */
export function isBulk({ path, bytes }: Manifest['files'][number]): boolean {
  return bytes > smallFile && path !== 'events.jsonl';
}

/** Whether a file of the attempt in `folder` is not here, but in a bucket. */
export function isAway(folder: string, file: Manifest['files'][number]): boolean {
  return isBulk(file) && !existsSync(join(folder, file.path)) && sharedAt(folder) !== undefined;
}

/** The files of an artifact that are not here, but in a bucket: see `isBulk`. None of most artifacts. */
export function awayFiles({ folder, files }: Artifact): Manifest['files'] {
  return files.filter((file) => isBulk(file) && !existsSync(join(folder, file.path)));
}

/**
 * Looks at one attempt: unfinished without a manifest; whole when the manifest is as it was published, every file has
 * its size and every small file its hash; otherwise damaged, with what is wrong. Never throws for what a person may
 * have done to the files. `notes` of earlier checks are ignored by whoever checks again.
 */
export function inspectAttempt(
  home: string,
  key: string,
  number: number,
  notes: 'heeded' | 'ignored' = 'heeded',
): Inspection {
  const folder = attemptFolder(home, key, number);
  const text = readIfThere(manifestPath(folder));
  if (text === undefined) return { state: 'unfinished' };
  try {
    const manifest = readManifest(text, folder, { key, number });
    for (const file of manifest.files) checkFile(folder, file);
    const noted = notes === 'heeded' ? readIfThere(damagePath(folder)) : undefined;
    if (noted !== undefined) throw new Damage(noted.trim());
    return { state: 'whole', artifact: { ...manifest, folder } };
  } catch (error) {
    if (error instanceof Damage) return { state: 'damaged', reason: `attempt ${number}: ${error.message}` };
    // Anything else (no rights, too many open files) says nothing of the artifact, and must not train it again.
    throw error;
  }
}

/** Where verifyArtifact notes what it found wrong; while the note is there, the attempt counts as damaged. */
export function damagePath(attemptFolder: string): string {
  return join(attemptFolder, 'damage.txt');
}

/** Why an attempt cannot be used; caught in this file. */
class Damage extends Error {}

function readManifest(text: string, folder: string, { key, number }: { key: string; number: number }): Manifest {
  const claim = readClaims(folder).at(-1);
  if (claim?.text !== text) throw new Damage('manifest.json is not what was published: it was changed or cut off');
  return manifestOf(text, { key, number });
}

/** A manifest's text as what it is. Throws where it is none, or not of this key and attempt, or leads out of its folder. */
export function manifestOf(text: string, { key, number }: { key: string; number: number }): Manifest {
  const manifest = parseManifest(text);
  if (manifest.key !== key) throw new Damage(`manifest.json is of another key, ${manifest.key.slice(0, 12)}`);
  if (manifest.attempt !== number) throw new Damage(`manifest.json is of attempt ${manifest.attempt}`);
  if (sha256(canonicalJson(manifest.preimage)) !== key) {
    throw new Damage('the pre-image in manifest.json does not hash to the key');
  }
  for (const { path } of manifest.files) {
    if (path.split('/').some((part) => part === '' || part === '.' || part === '..')) {
      throw new Damage(`manifest.json names a file outside of its folder, ${JSON.stringify(path)}`);
    }
  }
  return manifest;
}

function parseManifest(text: string): Manifest {
  try {
    return validateManifest(JSON.parse(text));
  } catch (error) {
    throw new Damage(`manifest.json cannot be read: ${(error as Error).message}`);
  }
}

function checkFile(folder: string, file: Manifest['files'][number]): void {
  const { path, bytes } = file;
  const place = join(folder, path);
  const found = lstatSync(place, { throwIfNoEntry: false });
  // Not looked for twice: in between a cache that is too full may let go of it.
  if (found === undefined && isBulk(file) && sharedAt(folder) !== undefined) return;
  if (found === undefined) throw new Damage(`${path} is missing`);
  if (!found.isFile()) throw new Damage(`${path} is no longer a file`);
  if (found.size !== bytes) throw new Damage(`${path} has ${found.size} bytes, not ${bytes}`);
  if (bytes <= smallFile && digestOf(readFileSync(place)) !== file.sha256) {
    throw new Damage(`${path} was changed: it has another hash than when it was published`);
  }
}

function readIfThere(path: string): string | undefined {
  // An exception costs many times as much, and a plan asks for thousands of notes that are not there.
  if (!existsSync(path)) return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
