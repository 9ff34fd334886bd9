import { constants } from 'node:fs';
import { copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PlanNode } from '../planner/plan.ts';
import { type Head, parameterShapes } from '../schemas/llama.ts';
import type { Ancestor, Ancestry } from '../schemas/types/ancestry.ts';
import type { Architecture } from '../schemas/types/job.ts';
import type { Manifest } from '../schemas/types/manifest.ts';
import { newestWhole, publish } from './artifact.ts';
import { beginAttempt, newestAttempt } from './attempt.ts';
import { StoreError } from './errors.ts';
import { modelFiles } from './foreign-model.ts';

/** The engine of an attempt that was not trained here. */
export const adoptedEngine = 'adopted';

/**
 * Copies a model folder into the store as a new attempt of a node and publishes it, with where it came from and why. Whether
 * the model fits is for the caller to know: see modelProblems. The caller has claimed the node. Throws a StoreError where the node is done already.
 */
export async function adoptModel(home: string, node: PlanNode, folder: string, reason: string): Promise<Manifest> {
  const { key, preimage, address, type, parents, architecture } = node;
  // Never an attempt that a trainer has begun: what lies in its folder is not this model's.
  const begun = await beginAttempt(home, { key, preimage }, { from: newestAttempt(home, key) + 1 });
  if (begun.state === 'published' || newestWhole(home, key)) throw new StoreError(`${address} is in the store already`);
  const { attempt } = begun;
  const unfinished = join(attempt.folder, `model-${attempt.token}.tmp`);
  try {
    await mkdir(unfinished, { recursive: true });
    for (const name of modelFiles(folder))
      await copyFile(join(folder, name), join(unfinished, name), constants.COPYFILE_FICLONE);
    await writeAncestry(unfinished, { type, address, key, parents: { ...parents }, adopted: reason });
    await rename(unfinished, join(attempt.folder, 'model'));
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    throw error;
  }
  return await publish(attempt, {
    type,
    address,
    preimage,
    parents,
    model: 'model',
    facts: adoptedFacts(architecture, headOfType(type)),
    provenance: {
      engine: adoptedEngine,
      device: 'none',
      startedAt: attempt.startedAt,
      finishedAt: new Date().toISOString(),
      executions: attempt.executions,
      adopted: { from: folder, reason },
    },
  });
}

/** Writes ancestry.json as the trainer does, whose models' own lineages begin with what was adopted. */
export async function writeAncestry(folder: string, ancestor: Ancestor): Promise<void> {
  const ancestry: Ancestry = { ancestry: 1, nodes: [ancestor] };
  await writeFile(join(folder, 'ancestry.json'), `${JSON.stringify(ancestry, null, 2)}\n`);
}

/** What there is to report of an adopted model. */
export function adoptedFacts(architecture: Architecture | null, head: Head): Record<string, number> {
  return architecture ? { parameters: sizeOf(parameterShapes(architecture, head)) } : {};
}

/** What a node of a type leaves: a reward model, or a language model. */
export function headOfType(type: PlanNode['type']): Head {
  return type === 'reward' ? 'score' : 'language';
}

function sizeOf(shapes: Readonly<Record<string, number[]>>): number {
  return Object.values(shapes).reduce((sum, shape) => sum + shape.reduce((size, length) => size * length, 1), 0);
}
