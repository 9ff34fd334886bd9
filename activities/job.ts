import { join } from 'node:path';
import type { PlanNode } from '../planner/plan.ts';
import type { Job } from '../schemas/types/job.ts';
import { ContractError, validateJob } from '../schemas/validate.ts';
import type { Attempt } from '../store/attempt.ts';
import type { Artifact } from '../store/inspect.ts';
import { NodeError } from './failures.ts';

/** What a job says beside the node's own recipe. */
export interface JobContext {
  attempt: Attempt;
  /** What the node's parents left, by role. */
  parents: Record<string, Artifact>;
  device: string;
  threads: number;
  /** Of an evaluation: the events of an earlier one, whose responses may be graded again. */
  responses?: string | undefined;
}

/** The job that a trainer is started with for a node. Throws a `bad-job` NodeError where the schema does not allow it. */
export function jobFor(node: PlanNode, { attempt, parents, device, threads, responses }: JobContext): Job {
  const folders = Object.fromEntries(Object.entries(parents).map(([role, artifact]) => [role, modelFolder(artifact)]));
  const { parent, tokenizer, trunk, rewardModel, ...data } = folders;
  const job = {
    contract: 1,
    type: node.type,
    key: node.key,
    address: node.address,
    attempt: attempt.number,
    seed: node.seed,
    recipe: node.recipe,
    inputs: {
      ...(parent === undefined ? {} : { parent }),
      ...(tokenizer === undefined ? {} : { tokenizer }),
      ...(trunk === undefined ? {} : { trunk: { folder: trunk, steps: node.startsAt } }),
      ...(rewardModel === undefined ? {} : { rewardModel }),
      ...(responses === undefined ? {} : { responses }),
      data,
    },
    output: attempt.folder,
    placement: { device, threads, ...trainerPlacement(node.placement) },
    lease: { path: attempt.leasePath, token: attempt.token },
  };
  try {
    return validateJob(job);
  } catch (error) {
    if (error instanceof ContractError) throw new NodeError('bad-job', `${node.address}: ${error.message}`);
    throw error;
  }
}

/** What of a node's placement is the trainer's business. */
function trainerPlacement({ checkpointEvery, recomputeActivations }: PlanNode['placement']) {
  return { checkpointEvery, ...(recomputeActivations && { recomputeActivations }) };
}

function modelFolder({ folder, model, address }: Artifact): string {
  if (model === null) throw new NodeError('bad-job', `${address} left no model or data to go on from`);
  return join(folder, model);
}
