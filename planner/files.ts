import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { DataRecipe } from './plan.ts';

/** Files that a pattern names, or why there are none. */
export type FoundFiles =
  | { ok: true; names: string[] }
  | { ok: false; why: 'no-match' | 'refused'; problem: string; hint?: string };

/** Most files that one data set may have, and most directory entries that one search looks at. */
const mostFiles = 10_000;
const mostEntries = 200_000;

/**
 * Files below a folder that a pattern names, relative to it with `/`, sorted. In a pattern `*` and `?` stand for
 * characters of one name and `**` for any number of folders; none of them finds names that begin with a dot. Whatever
 * leads out of the folder is refused, through `..` or through symbolic links.
 */
export async function findFiles(folder: string, pattern: string): Promise<FoundFiles> {
  if (/^([/~\\]|[a-zA-Z]:)/.test(pattern))
    return { ok: false, why: 'refused', problem: 'is not relative to the lineage file', hint: outsideHint };
  const steps = stepsOf(pattern);
  if (steps.includes('..'))
    return { ok: false, why: 'refused', problem: "leads out of the lineage file's folder", hint: outsideHint };
  const search: Search = { folder, root: await realpath(folder), names: new Set(), entries: 0 };
  try {
    await walk(search, '', steps);
  } catch (error) {
    if (error instanceof Refused)
      return {
        ok: false,
        why: 'refused',
        problem: error.message,
        ...(error.hint === undefined ? {} : { hint: error.hint }),
      };
    return {
      ok: false,
      why: 'refused',
      problem: `cannot be searched (${(error as NodeJS.ErrnoException).code ?? String(error)})`,
    };
  }
  if (search.names.size === 0)
    return {
      ok: false,
      why: 'no-match',
      problem: 'matches no file',
      hint: 'paths are relative to the lineage file; `**` stands for any folders',
    };
  return { ok: true, names: [...search.names].sort() };
}

/** Those of some names with `/` that one of the patterns names, as `findFiles` reads them; sorted. */
export function namesMatching(patterns: readonly string[], names: readonly string[]): string[] {
  const found = (pattern: readonly string[], name: readonly string[]): boolean => {
    const [step, ...rest] = pattern;
    const [first, ...others] = name;
    if (step === undefined || first === undefined) return step === undefined && first === undefined;
    if (step === '**' && rest.length > 0)
      return found(rest, name) || (!first.startsWith('.') && found(pattern, others));
    if (step === '**') return name.every((part) => !part.startsWith('.'));
    return matches(step, first) && found(rest, others);
  };
  return names.filter((name) => patterns.some((pattern) => found(stepsOf(pattern), name.split('/')))).sort();
}

const endings: Readonly<Record<string, DataRecipe['format']>> = {
  txt: 'text',
  md: 'text',
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  parquet: 'parquet',
};

/** The format that a file's ending says; undefined of others. */
export function formatOf(name: string): DataRecipe['format'] | undefined {
  const ending = name.slice(name.lastIndexOf('.') + 1).toLowerCase();
  return Object.hasOwn(endings, ending) ? endings[ending] : undefined;
}

/** SHA-256 of a file's content, in hex. */
export async function digestFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

function stepsOf(pattern: string): string[] {
  return pattern
    .split('/')
    .filter((step, index, all) => step !== '' && step !== '.' && !(step === '**' && all[index - 1] === '**'));
}

const outsideHint = 'put the files, or a copy of them, below the folder of the lineage file';

interface Search {
  folder: string;
  /** The folder's real path: nothing found may lie outside of it. */
  root: string;
  names: Set<string>;
  entries: number;
}

class Refused extends Error {
  readonly hint: string | undefined;
  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

async function walk(search: Search, at: string, steps: readonly string[]): Promise<void> {
  const [step, ...rest] = steps;
  if (step === undefined) {
    await take(search, at);
  } else if (step === '**') {
    await walk(search, at, rest.length === 0 ? ['*'] : rest);
    for (const entry of await list(search, at)) {
      if (entry.isDirectory() && !entry.name.startsWith('.')) await walk(search, below(at, entry.name), steps);
    }
  } else if (/[*?]/.test(step)) {
    for (const entry of await list(search, at)) {
      if (matches(step, entry.name)) await walk(search, below(at, entry.name), rest);
    }
  } else {
    await walk(search, below(at, step), rest);
  }
}

/** Takes a path when it is a file; a folder, or nothing, is no match. */
async function take(search: Search, name: string): Promise<void> {
  const path = join(search.folder, name);
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
  if (!found?.isFile()) return;
  await refuseOutside(search, name);
  search.names.add(name);
  if (search.names.size > mostFiles)
    throw new Refused(
      `matches more than ${mostFiles.toLocaleString('en')} files`,
      'put the documents into fewer files, as jsonl or parquet',
    );
}

/** Throws where a name stands for something outside of the folder, before even the names in it are looked at. */
async function refuseOutside({ folder, root }: Search, name: string): Promise<void> {
  const real = await realpath(join(folder, name)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return root;
    throw error;
  });
  if (real === root || real.startsWith(root.endsWith(sep) ? root : root + sep)) return;
  throw new Refused(`leads out of the lineage file's folder through the link ${name}`, outsideHint);
}

async function list(search: Search, at: string) {
  await refuseOutside(search, at);
  const entries = await readdir(join(search.folder, at), { withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
      throw error;
    },
  );
  search.entries += entries.length;
  if (search.entries > mostEntries)
    throw new Refused(`searches more than ${mostEntries.toLocaleString('en')} files`, 'name a folder further down');
  return entries;
}

/** `*` and `?` against one name, in time that is at most the product of the lengths: only the last `*` is ever tried again. */
function matches(pattern: string, name: string): boolean {
  if (name.startsWith('.') && !pattern.startsWith('.')) return false;
  let [at, star, taken] = [0, -1, 0];
  let index = 0;
  while (index < name.length) {
    if (pattern[at] === '*') {
      [star, taken] = [at, index];
      at += 1;
    } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === name[index])) {
      at += 1;
      index += 1;
    } else if (star >= 0) {
      taken += 1;
      [at, index] = [star + 1, taken];
    } else {
      return false;
    }
  }
  return /^\**$/.test(pattern.slice(at));
}

function below(at: string, name: string): string {
  return at === '' ? name : `${at}/${name}`;
}
