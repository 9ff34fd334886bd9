import { keyOf } from '../../planner/key.ts';
import type { Json, Key, Plan, PlanNode, Task } from '../../planner/plan.ts';
import { graderVersion } from '../../schemas/catalogue.ts';
import type { Architecture, Mixture, Part, Source } from '../../schemas/types/job.ts';

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
    declared: { lineage, models: {}, data: {}, stages: {} },
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
  responses: 1,
  clipRatioHigh: 0.2,
  dualClip: 3,
  whiten: true,
  lossAggregation: 'token-mean' as const,
  kl: 'reward' as const,
  klEstimator: 'k1' as const,
  overlongBuffer: 0,
  overlongPenalty: 1,
  stopOnCollapse: false,
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
      grader: graderVersion,
    },
  });
}
