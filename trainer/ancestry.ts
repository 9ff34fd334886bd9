/** What a model descends from: `ancestry.json` in its folder, written by each node and read by those that start from it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Ancestor, Ancestry } from '../schemas/types/ancestry.ts';
import type { Job } from '../schemas/types/job.ts';
import { ContractError, validateAncestry } from '../schemas/validate.ts';
import { TrainerFailure } from './failure.ts';

export const ancestryFile = 'ancestry.json';

/** A job that leaves a model or a tokenizer. */
type MakingJob = Exclude<Job, { type: 'evaluate' | 'overlap' }>;

/**
 * The ancestry of what a job makes, as a function of how far it is: that of the folders that the job starts from, each
 * node once, and the job's own node last. A function of the job and those folders alone. A folder that has none (its model
 * was made by another program) is passed over. Throws `bad-data` where one is malformed.
 */
export async function ancestryOf(job: MakingJob): Promise<(progress: { step: number; tokens: number }) => Ancestry> {
  const nodes = new Map<string, Ancestor>();
  const parents: Record<string, string> = {};
  for (const [role, folder] of startsFrom(job)) {
    const ancestry = await readAncestry(folder);
    const before = ancestry === undefined ? [] : role === 'trunk' ? withoutCheckpoint(ancestry) : ancestry.nodes;
    for (const node of before) nodes.set(node.key, node);
    const parent = before.at(-1);
    if (parent !== undefined && parent.key !== parents.parent && parent.key !== parents.tokenizer)
      parents[role] = parent.key;
  }
  const { type, address, key, seed } = job;
  return ({ step, tokens }) => {
    const own: Ancestor = { type, address, key, parents, seed, recipe: brief(saidOf(job)), steps: step, tokens };
    return { ancestry: 1, nodes: [...nodes.values(), own] };
  };
}

/**
 * What a run descends from that goes on from its own checkpoint: what is before that. A checkpoint is a look at a run, and no
 * ancestor: the run is the same without it.
 */
function withoutCheckpoint({ nodes }: Ancestry): readonly Ancestor[] {
  return nodes.at(-1)?.type === 'checkpoint' ? nodes.slice(0, -1) : nodes;
}

/** The recipe that a job is of: of a checkpoint its run's, with the steps of both. */
function saidOf(job: MakingJob): object {
  if (job.type !== 'checkpoint') return job.recipe;
  const { run, steps } = job.recipe;
  return { ...run, steps, runSteps: run.steps };
}

/** The folders of models and tokenizers, by role; the oldest first, so that what leads to a trunk is before it. */
function startsFrom({ inputs }: MakingJob): [role: string, folder: string][] {
  const { tokenizer, parent, trunk } = inputs as { tokenizer?: string; parent?: string; trunk?: { folder: string } };
  return Object.entries({ tokenizer, parent, trunk: trunk?.folder }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
}

async function readAncestry(folder: string): Promise<Ancestry | undefined> {
  const path = join(folder, ancestryFile);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    return validateAncestry(JSON.parse(text));
  } catch (error) {
    if (!(error instanceof ContractError || error instanceof SyntaxError)) throw error;
    throw new TrainerFailure('bad-data', `${path}: ${error.message}`, { cause: error });
  }
}

/**
 * A recipe's numbers and words, and of what is learned from the names: no paths, which mean nothing elsewhere, and no
 * architecture, which config.json has.
 */
function brief(recipe: object): Record<string, number | string> {
  const said: Record<string, number | string> = {};
  for (const [name, value] of Object.entries(recipe)) {
    const words = name === 'architecture' ? undefined : inWords(value);
    if (words !== undefined) said[name] = words;
  }
  return said;
}

function inWords(value: unknown): number | string | undefined {
  if (typeof value === 'number' || typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) return value.flatMap((one) => inWords(one) ?? []).join(', ');
  const { name, sequences } = (value ?? {}) as { name?: unknown; sequences?: unknown };
  if (typeof name !== 'string') return undefined;
  return typeof sequences === 'number' ? `${name} (${sequences} sequences)` : name;
}
