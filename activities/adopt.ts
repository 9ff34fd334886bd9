import { constants, existsSync, statSync } from 'node:fs';
import { copyFile, mkdir, open, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isMap, parseDocument } from 'yaml';
import { hasDigest } from '../hub/digest.ts';
import type { Revision } from '../hub/request.ts';
import type { PlanNode } from '../planner/plan.ts';
import { configNames, type Head, shapeOfConfig } from '../schemas/llama.ts';
import { hasIndex, modelFilesAmong, papersAmong } from '../schemas/model-folder.ts';
import { indexFile } from '../schemas/safetensors.ts';
import type { DoneEvent, StartedEvent } from '../schemas/types/event.ts';
import type { Manifest } from '../schemas/types/manifest.ts';
import { adoptedEngine, adoptedFacts, writeAncestry } from '../store/adopt.ts';
import type { Attempt } from '../store/attempt.ts';
import { modelProblems, readJson } from '../store/foreign-model.ts';
import { freeBytes } from '../store/home.ts';
import { inTurns } from '../store/in-turns.ts';
import { NodeError } from './failures.ts';
import { type HubOptions, hubFiles } from './hub-files.ts';
import { makeModel } from './own-folder.ts';

type AdoptNode = Extract<PlanNode, { type: 'adopt' }>;

/** How it begins, as a trainer would say it. */
export const adoption: StartedEvent = {
  event: 'started',
  resumedFrom: null,
  steps: 0,
  device: 'none',
  engine: adoptedEngine,
};

export interface AdoptOptions extends HubOptions {
  /** Told how many bytes of how many there are. */
  onProgress?: (there: number, all: number) => void;
}

/** Files that come side by side. */
const atOnce = 4;

/** What adopting leaves, beside the model's folder. */
interface Adopted {
  started: StartedEvent;
  done: DoneEvent;
  adopted: NonNullable<Manifest['provenance']['adopted']>;
}

/**
 * Brings a model that was trained elsewhere into the attempt's `model/`, once all of it is there and is the Llama-shaped
 * model that was planned: see `makeModel`. Nothing is changed but the context in config.json, where the lineage gives it a
 * shorter one.
 *
 * @throws HubError; NodeError `bad-data` with everything that is wrong with the files, `disk-full` before they would not fit;
 * otherwise as `makeModel`
 */
export async function adoptCheckpoint(node: AdoptNode, attempt: Attempt, options: AdoptOptions): Promise<Adopted> {
  return makeModel(attempt, options.signal, async (own, signal) => {
    const folder = join(own, 'model');
    await mkdir(folder, { recursive: true });
    const adopted = await fill(node, folder, { ...options, signal });
    const facts = adoptedFacts(node.architecture, headIn(folder));
    return { started: adoption, done: { event: 'done', step: 0, tokens: 0, model: 'model', facts }, adopted };
  });
}

/** Whether a model that fits is a language model or a reward model. */
function headIn(folder: string): Head {
  const shape = shapeOfConfig(readJson(join(folder, 'config.json')));
  return shape.ok ? shape.head : 'language';
}

/** Brings all of a model into the folder, and looks whether it is the one that was planned. Gives where it is from. */
async function fill(node: AdoptNode, folder: string, options: AdoptOptions): Promise<Adopted['adopted']> {
  const { recipe, address, key } = node;
  if ('hub' in recipe) await bring(recipe, folder, options);
  else await copy(node, recipe.digests, folder, options.signal);
  const architecture = await contextOf(node, folder);
  const problems = modelProblems(folder, { name: address, architecture, tokenizer: undefined });
  if (problems.length > 0)
    throw new NodeError('bad-data', `what ${address} adopts cannot be used: ${problems.join('; ')}`);
  const from = 'hub' in recipe ? `hf:${recipe.hub}@${recipe.revision}` : dirname(node.files[0] as string);
  const licence = await licenceIn(folder);
  const told = 'hub' in recipe ? { hub: recipe.hub, revision: recipe.revision } : { folder: basename(from) };
  await writeAncestry(folder, {
    ...{ type: node.type, address, key, parents: {} },
    recipe: { ...told, ...(licence === undefined ? {} : { licence }) },
    adopted: 'hub' in recipe ? from : basename(from),
  });
  return { from, ...(licence === undefined ? {} : { licence }) };
}

/** Downloads the files of a repository's model, or takes them from the cache of the Hub's libraries, which offline is all there is. */
async function bring(revision: Revision, folder: string, { onProgress, ...options }: AdoptOptions): Promise<void> {
  const { names, remote, bring } = await hubFiles(revision, options);
  const index = hasIndex(names) ? join(folder, indexFile) : undefined;
  if (index !== undefined) await bring(indexFile, index);
  const wanted = wantedAmong(names, revision, index === undefined ? undefined : await readFile(index));
  const all = wanted.reduce((sum, name) => sum + (remote(name)?.bytes ?? 0), 0);
  let there = await bytesIn(folder);
  if (all - there > freeBytes(folder))
    throw new NodeError('disk-full', `${revision.hub} takes ${megabytes(all - there)} MB more, and the disk has less`);
  await inTurns(wanted, atOnce, options.signal, (name) =>
    bring(name, join(folder, name), (bytes) => {
      there += bytes;
      onProgress?.(there, all);
    }),
  );
}

/** The files to take. Throws a `bad-data` NodeError where they make no model. */
function wantedAmong(names: ReadonlySet<string>, { hub }: Revision, index: Uint8Array | undefined): string[] {
  const files = modelFilesAmong(names, index);
  if (!files.ok) throw new NodeError('bad-data', `${hub} cannot be adopted: ${files.problems.join('; ')}`);
  return [...files.names, ...papersAmong(names)];
}

/** Copies the files of a folder. Throws a `bad-data` NodeError where they are not those of the plan. */
async function copy(
  { files }: AdoptNode,
  digests: readonly string[],
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  for (const [at, file] of files.entries()) {
    const path = join(folder, basename(file));
    const wrong = (what: string) =>
      new NodeError('bad-data', `${file} ${what}; run the lineage again, and what is adopted gets another key`);
    if (!existsSync(file)) throw wrong('is gone');
    await copyFile(file, path, constants.COPYFILE_FICLONE);
    if (!(await hasDigest(path, { kind: 'sha256', hex: digests[at] as string }, signal)))
      throw wrong('has changed since the lineage was planned');
  }
  const source = dirname(files[0] as string);
  for (const name of papersAmong(await readdir(source))) await copyFile(join(source, name), join(folder, name));
}

/**
 * The shape that the model has to be of; config.json is given the lineage's context where that is shorter than its own. A
 * longer one is left to be found: config.json is another one than was planned with.
 */
async function contextOf(
  { recipe: { context }, architecture }: AdoptNode,
  folder: string,
): Promise<NonNullable<AdoptNode['architecture']>> {
  if (architecture === null) throw new Error('a model without a shape');
  const path = join(folder, 'config.json');
  const config = readJson(path) as Record<string, unknown> | undefined;
  const longest = config?.[configNames.context];
  if (context !== undefined && typeof longest === 'number' && context < longest) {
    await writeFile(path, `${JSON.stringify({ ...config, [configNames.context]: context }, null, 2)}\n`);
  }
  return architecture;
}

/** What of a model's card is read: front matter comes first, and is short. */
const cardBytes = 64 * 1024;

/**
 * The licence that a model's card names in its front matter; undefined where it names none. A card is a stranger's, and
 * nothing that is wrong with it keeps a model from being adopted.
 */
async function licenceIn(folder: string): Promise<string | undefined> {
  const name = (await readdir(folder)).find((one) => one.toLowerCase() === 'readme.md');
  const card = name === undefined ? '' : await beginningOf(join(folder, name), cardBytes);
  const matter = parseDocument(/^---\r?\n([\s\S]*?)\r?\n---/.exec(card)?.[1] ?? '', { logLevel: 'silent' });
  const textOf = (field: string): string | undefined => {
    const value = isMap(matter.contents) ? matter.contents.get(field) : undefined;
    return typeof value === 'string' ? value : undefined;
  };
  const licence = textOf('license');
  return licence === 'other' ? (textOf('license_name') ?? licence) : licence;
}

async function beginningOf(path: string, bytes: number): Promise<string> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

async function bytesIn(folder: string): Promise<number> {
  return (await readdir(folder)).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

function megabytes(bytes: number): number {
  return Math.ceil(bytes / 1e6);
}
