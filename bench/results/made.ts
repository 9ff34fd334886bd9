import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Plan, PlanNode } from '../../planner/plan.ts';
import type { IngestInput } from '../../results/staging.ts';
import type { TrainerEvent } from '../../schemas/types/event.ts';
import type { Manifest } from '../../schemas/types/manifest.ts';
import { makePlan } from '../../test/results/lineage.ts';

/** Steps that each made-up model is trained for, with a row each for every one of `stepMetrics`. */
export const steps = 250;
const stepMetrics = ['loss', 'lr', 'gradientNorm', 'tokensPerSecond'];

/** Figures of each model: 5 tasks of 2 metrics on held-out text, and of 6 on problems. */
export const figures = 40;
const tasks = ['all', 'math', 'logic', 'code', 'web'];
const ofProblems = ['pass@1', 'pass@1(sampled)', 'pass@8', 'maj@8', 'truncated', 'majority'];

const seeds = 10;
const shares = 33;

/** Models of one made-up lineage: of each seed a base, and of each share of replay cpt, SFT and RL. */
export const modelsOfLineage = seeds * (1 + 3 * shares);

/** The nth lineage of 1,000 models; no two have a model in common. */
export function madeLineage(nth: number): Plan {
  return makePlan({
    lineage: `made-${nth}`,
    seeds: Array.from({ length: seeds }, (_, seed) => nth * seeds + seed + 1),
    replay: Array.from({ length: shares }, (_, share) => `${share}%`),
  });
}

/**
 * Leaves in a folder what a trainer would have written for a node that was trained for so many steps, and says it was
 * published; no store has it.
 */
export async function leaveRun(folder: string, node: PlanNode, trained = steps): Promise<IngestInput> {
  const attempt = join(folder, node.key, 'attempt-1');
  await mkdir(attempt, { recursive: true });
  await writeFile(
    join(attempt, 'events.jsonl'),
    eventsOf(node, trained)
      .map((event) => `${JSON.stringify(event)}\n`)
      .join(''),
  );
  const manifest: Manifest = {
    manifest: 1,
    key: node.key,
    attempt: 1,
    type: node.type,
    address: node.address,
    preimage: node.preimage,
    parents: node.parents,
    model: null,
    files: [],
    facts: isModel(node) ? { parameters: 860_000 } : {},
    provenance: {
      engine: 'descent 0.1.0',
      device: 'cpu',
      startedAt: '2026-01-01T00:00:00.000Z',
      finishedAt: '2026-01-01T00:01:30.500Z',
      executions: 1,
    },
  };
  return { node, manifest, folder: attempt };
}

function isModel({ type }: PlanNode): boolean {
  return type !== 'evaluate' && type !== 'tokenizer';
}

function eventsOf(node: PlanNode, steps: number): TrainerEvent[] {
  const events: TrainerEvent[] = [
    { event: 'started', resumedFrom: null, steps, device: 'cpu', engine: 'descent 0.1.0' },
  ];
  // Other figures for each node, and the same in every run of the bench.
  const luck = Number.parseInt(node.key.slice(0, 8), 16) / 2 ** 32;
  if (node.type === 'evaluate') events.push(...evaluationsOf(node.recipe.suite, luck));
  else if (isModel(node))
    for (let step = 1; step <= steps; step += 1) {
      const values = Object.fromEntries(stepMetrics.map((metric, at) => [metric, (at + 1 + luck) / step]));
      events.push({ event: 'metrics', step, tokens: step * 2048, values });
    }
  const done = isModel(node) ? steps : 0;
  events.push({ event: 'done', step: done, tokens: done * 2048, model: isModel(node) ? 'model' : null, facts: {} });
  return events;
}

function evaluationsOf(suite: string, luck: number): TrainerEvent[] {
  const metrics = suite === 'heldout' ? ['loss', 'perplexity'] : ofProblems;
  return tasks.flatMap((task, place) =>
    metrics.map((metric, at): TrainerEvent => {
      const value = ((place + 1) * (at + 1) * luck) % 1;
      return { event: 'evaluation', suite, task, metric, value, n: 1000, low: value - 0.01, high: value + 0.01 };
    }),
  );
}
