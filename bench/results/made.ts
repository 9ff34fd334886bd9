import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Plan, PlanNode } from '../../planner/plan.ts';
import type { IngestInput } from '../../results/staging.ts';
import type { TrainerEvent } from '../../schemas/types/event.ts';
import type { Manifest } from '../../schemas/types/manifest.ts';
import { planModels } from './lineage.ts';

/** Steps that each made-up model is trained for, with a row each for every one of `stepMetrics`. */
export const steps = 250;
const stepMetrics = ['loss', 'lr', 'gradientNorm', 'tokensPerSecond'];

/** What each suite asks, of the tasks and of their mean. */
const suites: Record<string, { tasks: string[]; metrics: string[] }> = {
  heldout: { tasks: ['all', 'math', 'web'], metrics: ['loss', 'perplexity'] },
  upstream: { tasks: ['all', 'facts', 'stories', 'sums'], metrics: ['acc_norm'] },
  id: { tasks: ['all', 'short', 'long'], metrics: ['pass@1', 'pass@16', 'maj@16', 'correctRatio', 'orm'] },
  ood: { tasks: ['all', 'logic', 'code'], metrics: ['pass@1', 'pass@16', 'maj@16', 'orm', 'majority'] },
};

/** Figures of each evaluated model. */
export const figures = Object.values(suites).reduce(
  (sum, { tasks, metrics }) => sum + tasks.length * metrics.length,
  0,
);

/** Learning rates of pretraining, and seeds, that each of EvoLM's 141 models is trained with: 10,152 in all. */
export const learningRates = [1e-4, 1.5e-4, 2e-4, 2.5e-4, 3e-4, 3.5e-4, 4e-4, 4.5e-4];
const seeds = 9;

/** The nth of some lineages that have the models of the first so many learning rates between them, a rate in one of them. */
export async function madeLineage(nth: number, lineages: number, rates: number): Promise<Plan> {
  const own = learningRates.slice(0, rates).filter((_, place) => place % lineages === nth);
  return planModels(`made-${nth}`, own, seeds);
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

/** Whether a node is a model with steps. */
export function isModel({ type }: PlanNode): boolean {
  return type === 'pretrain' || type === 'cpt' || type === 'sft' || type === 'rl';
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
  const { tasks, metrics } = suites[suite] as (typeof suites)[string];
  return tasks.flatMap((task, place) =>
    metrics.map((metric, at): TrainerEvent => {
      const value = ((place + 1) * (at + 1) * luck) % 1;
      return { event: 'evaluation', suite, task, metric, value, n: 1000, low: value - 0.01, high: value + 0.01 };
    }),
  );
}
