import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { keyOf } from '../../planner/key.ts';
import type { Json, Key, Plan, PlanNode, Task } from '../../planner/plan.ts';
import { withDatabase } from '../../results/database.ts';
import { ingestAttempt } from '../../results/ingest.ts';
import { recordLineage } from '../../results/record.ts';
import type { TrainerEvent } from '../../schemas/types/event.ts';
import type { Architecture, Mixture, Part, Source } from '../../schemas/types/job.ts';
import type { Manifest } from '../../schemas/types/manifest.ts';
import { publish } from '../../store/artifact.ts';
import { beginAttempt } from '../../store/attempt.ts';
import { writePlan } from '../../store/plans.ts';

/** What varies in a made-up lineage. */
export interface Variation {
  lineage?: string;
  replay?: (string | number)[];
  seeds?: number[];
  /** Adds a stage `long`, a second cpt between `mid` and `tuned`. */
  long?: boolean;
}

/** A node before it has a key. */
type Declared = Omit<PlanNode, keyof Task | 'key' | 'preimage' | 'files' | 'placement'> & Task;

/**
 * A plan such as the planner makes:
 *
 *   tokenizer:words ─▶ base@seed ─▶ mid@replay,seed [─▶ long] ─▶ tuned ─▶ rl,  each model evaluated on heldout and id
 */
export function makePlan({
  lineage = 'replay',
  replay = ['0%', '20%'],
  seeds = [1, 2],
  long = false,
}: Variation = {}): Plan {
  const nodes: PlanNode[] = [];
  const add = (node: Declared): PlanNode => {
    const { type, recipe, seed, parents } = node;
    const preimage = JSON.parse(JSON.stringify({ type, version: 1, recipe, seed, parents })) as {
      [name: string]: Json;
    };
    const whole = {
      ...node,
      key: keyOf(preimage),
      preimage,
      files: [],
      placement: { device: 'cpu', checkpointEvery: 0, timeoutSeconds: 3600 },
    } as PlanNode;
    nodes.push(whole);
    return whole;
  };
  const tokenizer = add({
    type: 'tokenizer',
    recipe: { kind: 'bpe', vocab: 512, characters: 100_000, data: [{ name: 'web', part: 'text', source: stories }] },
    address: 'tokenizer:words',
    stage: 'tokenizer:words',
    axes: {},
    seed: 0,
    parents: {},
    architecture: null,
    settings: { vocab: 512 },
  });
  for (const seed of seeds) {
    const base = add({
      type: 'pretrain',
      recipe: {
        architecture: nano,
        mix: [{ name: 'web', source: stories, sequences: 640 }],
        steps: 20,
        batchSequences: 32,
        ...optimizer,
      },
      address: `base@seed=${seed}`,
      stage: 'base',
      axes: { seed },
      seed,
      parents: { tokenizer: tokenizer.key },
      architecture: nano,
      settings: { tokens: 40_960, lr: 3e-3, minLr: 3e-4, schedule: 'cosine' },
    });
    evaluate(add, base);
    for (const share of replay) {
      const axes = { replay: share, seed };
      const at = `replay=${share},seed=${seed}`;
      const fraction = typeof share === 'number' ? share : Number.parseFloat(share) / 100;
      let parent = add(cpt('mid', at, axes, seed, base.key, fraction));
      evaluate(add, parent);
      if (long) parent = add(cpt('long', at, axes, seed, parent.key, fraction / 2));
      const tuned = add({
        type: 'sft',
        recipe: {
          data: { name: 'math', part: 'problems', source: sums },
          examples: 100,
          epochs: 1,
          batch: 10,
          ...optimizer,
        },
        address: `tuned@${at}`,
        stage: 'tuned',
        axes,
        seed,
        parents: { parent: parent.key },
        architecture: nano,
        settings: { examples: 100, epochs: 1, lr: 1e-3, packed: false },
      });
      evaluate(add, tuned);
      const rl = add({
        type: 'rl',
        recipe: { ...ppo, data: { name: 'math', part: 'problems', source: sums } },
        address: `rl@${at}`,
        stage: 'rl',
        axes,
        seed,
        parents: { parent: tuned.key },
        architecture: nano,
        settings: { algorithm: 'ppo', examples: 64, klCoef: 0.001, warmup: null },
      });
      evaluate(add, rl);
    }
  }
  return {
    plan: 1,
    lineage,
    title: 'How much replay keeps general ability?',
    file: `/lineages/${lineage}.yaml`,
    axes: { replay: { values: replay, replicate: false }, seed: { values: seeds, replicate: true } },
    nodes,
  };
}

const nano: Architecture = {
  layers: 4,
  hidden: 128,
  heads: 4,
  kvHeads: 2,
  ffn: 352,
  vocab: 512,
  context: 64,
  ropeTheta: 10_000,
  normEpsilon: 1e-5,
};
const stories: Source = { generator: 'stories', version: 1, seed: 0, options: {} };
const sums: Source = { generator: 'arithmetic', version: 1, seed: 0, options: { maximum: 20 } };
const optimizer = {
  lr: 3e-3,
  minLr: 3e-4,
  warmup: 0.1,
  schedule: 'cosine' as const,
  weightDecay: 0.1,
  betas: [0.9, 0.95] as [number, number],
  clip: 1,
};
const ppo = {
  algorithm: 'ppo' as const,
  examples: 64,
  epochs: 1,
  batch: 16,
  miniBatch: 16,
  innerEpochs: 1,
  maxResponse: 32,
  temperature: 1,
  lr: 1e-4,
  criticLr: 1e-3,
  warmup: 0.1,
  gamma: 1,
  lambda: 1,
  clipRatio: 0.2,
  valueClip: 0.5,
  klCoef: 0.001,
  entropyCoef: 0,
  weightDecay: 0.01,
  betas: [0.9, 0.999] as [number, number],
  clip: 1,
};

function cpt(stage: string, at: string, axes: PlanNode['axes'], seed: number, parent: Key, replay: number) {
  const replayed = Math.round(320 * replay);
  return {
    type: 'cpt' as const,
    recipe: {
      mix: [
        { name: 'math', source: sums, sequences: 320 - replayed },
        { name: 'web', source: stories, sequences: replayed },
      ] satisfies Mixture,
      steps: 10,
      batchSequences: 32,
      ...optimizer,
    },
    address: `${stage}@${at}`,
    stage,
    axes,
    seed,
    parents: { parent },
    architecture: nano,
    settings: { tokens: 20_480, lr: 3e-3, replayShare: replay },
  };
}

function evaluate(add: (node: Declared) => PlanNode, model: PlanNode): void {
  const common = {
    type: 'evaluate' as const,
    stage: model.stage,
    axes: model.axes,
    seed: 0,
    parents: { parent: model.key },
    architecture: nano,
    settings: {},
  };
  add({
    ...common,
    address: `${model.address}/heldout`,
    recipe: {
      suite: 'heldout',
      kind: 'heldout',
      tokens: 16_000,
      domains: [
        { name: 'math', part: 'text', source: sums },
        { name: 'web', part: 'text', source: stories },
      ] satisfies [Part, ...Part[]],
    },
  });
  add({
    ...common,
    address: `${model.address}/id`,
    recipe: {
      suite: 'id',
      kind: 'problems',
      tasks: [{ name: 'math', part: 'problems', source: sums }],
      problems: 5,
      samples: 1,
      temperature: 1,
      maxResponse: 32,
    },
  });
}
/** A figure of a model, made up from its address so that a test can say what must come out. */
export function heldoutLoss(address: string, domain: string): number {
  const stage = ['base', 'mid', 'long', 'tuned', 'rl'].findIndex((name) => address.startsWith(name));
  const replay = Number(/replay=(\d+)/.exec(address)?.[1] ?? 0);
  const seed = Number(/seed=(\d+)/.exec(address)?.[1] ?? 0);
  const forgotten = stage === 0 ? 0 : 0.5 - replay / 100;
  return (domain === 'web' ? 2 + forgotten : 3 - 0.5 * stage) + seed / 100;
}

/** Right answers out of five problems. */
export function rightAnswers(address: string): number {
  return ['base', 'mid', 'long', 'tuned', 'rl'].findIndex((name) => address.startsWith(name));
}

/** All that a trainer would write for a node: steps from `from` on, then done. */
export function makeEvents(
  node: PlanNode,
  { steps = 20, from = null, until = steps }: { steps?: number; from?: number | null; until?: number } = {},
): TrainerEvent[] {
  const events: TrainerEvent[] = [
    { event: 'started', resumedFrom: from, steps, device: 'cpu', engine: 'descent 0.1.0' },
  ];
  if (node.type === 'tokenizer') return [...events, done(0, 0, 'model', { vocab: 512 })];
  if (node.type === 'evaluate') return [...events, ...evaluationEvents(node), done(0, 0, null, {})];
  for (let step = (from ?? 0) + 1; step <= until; step += 1) {
    events.push({
      event: 'metrics',
      step,
      tokens: step * 2048,
      values: { loss: 5 - step / 10, lr: 1e-3, gradientNorm: 1 / step },
    });
    if (step % 5 === 0)
      events.push({ event: 'checkpoint', step, path: `checkpoints/step-${String(step).padStart(6, '0')}` });
  }
  return until < steps
    ? events
    : [...events, done(steps, steps * 2048, 'model', { parameters: 860_000, unigramEntropy: 4.25 })];
}

function done(
  step: number,
  tokens: number,
  model: string | null,
  facts: Record<string, number | string>,
): TrainerEvent {
  return { event: 'done', step, tokens, model, facts };
}

function evaluationEvents(node: PlanNode): TrainerEvent[] {
  const model = node.address.slice(0, node.address.lastIndexOf('/'));
  if (node.type === 'evaluate' && node.recipe.kind === 'heldout') {
    return ['math', 'web', 'all'].map((task) => {
      const value =
        task === 'all' ? (heldoutLoss(model, 'math') + heldoutLoss(model, 'web')) / 2 : heldoutLoss(model, task);
      return {
        event: 'evaluation',
        suite: 'heldout',
        task,
        metric: 'loss',
        value,
        n: 16_000,
        low: value - 0.01,
        high: value + 0.01,
      };
    });
  }
  const right = rightAnswers(model);
  const samples: TrainerEvent[] = Array.from({ length: 5 }, (_, index) => ({
    event: 'sample',
    task: 'math',
    problem: `p${index}`,
    step: 0,
    index: 0,
    prompt: `What is ${index} + 1?`,
    response:
      index < right ? ` ${index} + 1 = ${index + 1}.\nThe answer is ${index + 1}.` : ' I "like", apples | pears',
    answer: index < right ? String(index + 1) : null,
    expected: String(index + 1),
    correct: index < right,
  }));
  const figures: TrainerEvent[] = ['math', 'all'].map((task) => ({
    event: 'evaluation',
    suite: 'id',
    task,
    metric: 'pass@1',
    value: right / 5,
    n: 5,
    low: Math.max(0, right / 5 - 0.2),
    high: Math.min(1, right / 5 + 0.2),
  }));
  return [...samples, ...figures];
}

/** Events as they lie in a file. */
export function asLines(events: readonly TrainerEvent[]): string {
  return events.map((event) => `${JSON.stringify(event)}\n`).join('');
}

/** Runs a node the way activities do, with made-up events, and publishes it. */
export async function runNode(
  home: string,
  node: PlanNode,
  text = asLines(makeEvents(node)),
  from = 1,
): Promise<{ manifest: Manifest; folder: string }> {
  const begun = await beginAttempt(home, node, { from });
  if (begun.state === 'published') return { manifest: begun.artifact, folder: begun.artifact.folder };
  const { attempt } = begun;
  await writeFile(join(attempt.folder, 'events.jsonl'), text);
  const trained = node.type !== 'evaluate' && node.type !== 'data';
  if (trained) {
    await mkdir(join(attempt.folder, 'model'), { recursive: true });
    await writeFile(join(attempt.folder, 'model', 'config.json'), '{}');
  }
  const manifest = await publish(attempt, {
    type: node.type,
    address: node.address,
    preimage: node.preimage,
    parents: node.parents,
    model: trained ? 'model' : null,
    facts: trained ? { parameters: 860_000, unigramEntropy: 4.25 } : {},
    provenance: {
      engine: 'descent 0.1.0',
      device: 'cpu',
      startedAt: '2026-01-01T00:00:00.000Z',
      finishedAt: '2026-01-01T00:01:30.500Z',
      executions: attempt.executions,
    },
  });
  return { manifest, folder: attempt.folder };
}

/** Freezes the plan, runs every node, and records and ingests all of it. */
export async function runLineage(home: string, plan: Plan): Promise<string> {
  const digest = await writePlan(home, plan);
  const runs: { node: PlanNode; manifest: Manifest; folder: string }[] = [];
  for (const node of plan.nodes) runs.push({ node, ...(await runNode(home, node)) });
  await withDatabase(home, 'write', async (connection) => {
    await recordLineage(connection, plan, digest);
    for (const run of runs) await ingestAttempt(connection, run);
  });
  return digest;
}
