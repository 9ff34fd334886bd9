import { accessSync, constants, existsSync, readdirSync, statfsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { StoreError } from './errors.ts';

/**
 * The folder that everything of a person's work lives in: `DESCENT_HOME`, else `.descent` in the working folder.
 * Gives an absolute path; the folder need not exist. Throws a StoreError where it, or the store in it, is there and cannot
 * be read: what is not seen would be taken for what was never done.
 */
export function findHome(cwd: string, env: { [name: string]: string | undefined }): string {
  const home = homePath(cwd, env);
  for (const folder of [home, storeFolder(home), plansFolder(home)]) checkFolder(folder);
  return home;
}

/** The home's path, whatever is there. */
export function homePath(cwd: string, env: { [name: string]: string | undefined }): string {
  return env.DESCENT_HOME ? resolve(cwd, env.DESCENT_HOME) : resolve(cwd, '.descent');
}

function checkFolder(folder: string): void {
  const elsewhere = 'name another with --home or DESCENT_HOME';
  try {
    const there = statSync(folder, { throwIfNoEntry: false });
    if (!there) return;
    if (!there.isDirectory()) throw new StoreError(`${folder} is a file, not a folder: ${elsewhere}`);
    accessSync(folder, constants.R_OK | constants.X_OK);
  } catch (error) {
    const why = unreadable[(error as NodeJS.ErrnoException).code ?? ''];
    if (why === undefined) throw error;
    throw new StoreError(`cannot read ${folder}: ${why}; correct that, or ${elsewhere}`);
  }
}

const unreadable: { [code: string]: string } = {
  EACCES: 'you may not read it, or a folder above it',
  ENOTDIR: 'a folder above it is a file',
  ELOOP: 'it is a link that leads to itself',
};

/** Free space without which nothing is begun, in bytes: the server's own files alone need some ten megabytes. */
export const leastFreeBytes = 32e6;

/** Bytes that this user may still write in a folder, or in the nearest one above it that exists. */
export function freeBytes(folder: string): number {
  let existing = folder;
  while (!existsSync(existing)) existing = dirname(existing);
  const { bavail, bsize, blocks } = statfsSync(existing);
  // File systems that do not know how large they are say 0.
  return blocks === 0 ? Number.POSITIVE_INFINITY : bavail * bsize;
}

/** Where frozen plans lie. */
export function plansFolder(home: string): string {
  return join(home, 'plans');
}

/** Which plans of a lineage were run. Throws for what is no name, so that no path can lead out of the home. */
export function runsPath(home: string, lineage: string): string {
  if (!/^[a-zA-Z][a-zA-Z0-9_-]{0,62}$/.test(lineage))
    throw new StoreError(`${JSON.stringify(lineage)} is no lineage's name`);
  return join(lineagesFolder(home), `${lineage}.json`);
}

/** Where it is noted which plans lineages were run with. */
export function lineagesFolder(home: string): string {
  return join(home, 'lineages');
}

/** Where it is noted what was imported of publications. */
export function importsFolder(home: string): string {
  return join(home, 'imports');
}

/** The DuckDB file with all results. */
export function databasePath(home: string): string {
  return join(home, 'results.duckdb');
}

/** Which worker writes to that file. */
export function writerPath(home: string): string {
  return join(home, 'results.writer.json');
}

/** Where attempts lie, by key. */
export function storeFolder(home: string): string {
  return join(home, 'store');
}

/** Everything there is of one key. Throws for what is no key, so that no path can lead out of the store. */
export function keyFolder(home: string, key: string): string {
  return join(storeFolder(home), checkDigest(key, 'a node’s key'));
}

/** The keys that the store has a folder of and that begin with these digits, sorted. */
export function keysBeginning(home: string, prefix: string): string[] {
  return names(storeFolder(home))
    .filter((name) => isDigest(name) && name.startsWith(prefix))
    .sort();
}

/** The folder of one attempt. */
export function attemptFolder(home: string, key: string, number: number): string {
  if (!Number.isSafeInteger(number) || number < 1) {
    throw new StoreError(`${number} is no attempt: attempts count from 1`);
  }
  return join(keyFolder(home, key), `attempt-${number}`);
}

/** The numbers of a key's attempts, newest first; empty where there is none. */
export function attemptNumbers(home: string, key: string): number[] {
  return names(keyFolder(home, key))
    .map((name) => /^attempt-([1-9]\d{0,8})$/.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
    .sort((a, b) => b - a);
}

/** Whether a text is a SHA-256 in lower-case hex: a key or the digest of a plan. */
export function isDigest(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

/** The text itself where it is a SHA-256 in hex; throws otherwise, saying what was expected (`a node’s key`). */
export function checkDigest(text: string, expected: string): string {
  if (!isDigest(text)) {
    throw new StoreError(`${JSON.stringify(text)} is not ${expected}: that is 64 hexadecimal digits, in lower case`);
  }
  return text;
}

/** The names in a folder, in no order; none where the folder is not there. */
function names(folder: string): string[] {
  // An exception costs many times as much, and a plan asks for thousands of keys that are not there.
  if (!existsSync(folder)) return [];
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
