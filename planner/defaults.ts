import { builtIn } from '../schemas/engines.ts';
import type { RlRecipe } from '../schemas/types/job.ts';
import { timesPowerOfTen } from './quantities.ts';

/**
 * Every default of the lineage language, once; schemas/lineage.schema.json says the same in its descriptions. A default is
 * applied when a recipe is resolved, and left out again of its identity: a new field with its default changes no key. To
 * change a default is to change what existing keys mean: bump the type's version in schemas/catalogue.ts with it.
 */
export const defaults = {
  architecture: { ropeTheta: 10000, normEpsilon: 1e-5 },
  generated: { seed: 0 },
  files: {
    heldout: 0.05,
    columns: {
      text: 'text',
      prompt: 'prompt',
      answer: 'answer',
      solution: 'solution',
      chosen: 'chosen',
      rejected: 'rejected',
    },
  },
  benchmark: { prompts: 'clean' },
  tokenizer: { characters: 2_000_000 },
  pretrain: {
    batchSequences: 32,
    lr: 3e-3,
    warmup: 0.1,
    schedule: 'cosine',
    decay: 0.1,
    weightDecay: 0.1,
    betas: [0.9, 0.95],
    clip: 1,
    precision: 'float32',
    weightDecayOn: 'all',
  },
  cpt: {
    batchSequences: 32,
    lr: 3e-3,
    warmup: 0.1,
    schedule: 'cosine',
    decay: 0.1,
    weightDecay: 0.1,
    betas: [0.9, 0.95],
    clip: 1,
    precision: 'float32',
    weightDecayOn: 'all',
  },
  sft: {
    epochs: 1,
    batch: 32,
    lr: 1e-3,
    minLr: 0,
    warmup: 0.1,
    schedule: 'cosine',
    weightDecay: 0,
    betas: [0.9, 0.999],
    clip: 1,
    precision: 'float32',
    weightDecayOn: 'all',
    template: 'paper',
    packing: false,
    neftune: 0,
    overlong: 'truncate',
  },
  rl: {
    algorithm: 'ppo',
    epochs: 1,
    batch: 128,
    innerEpochs: 1,
    maxResponse: 32,
    temperature: 1,
    lr: 1e-4,
    warmup: 0.1,
    clipRatio: 0.2,
    dualClip: 3,
    klCoef: 0.001,
    entropyCoef: 0,
    overlongPenalty: 1,
    weightDecay: 0.01,
    betas: [0.9, 0.999],
    clip: 1,
    stopOnCollapse: false,
    precision: 'float32',
  },
  dpo: {
    epochs: 1,
    batch: 32,
    lr: 1e-4,
    minLr: 0,
    warmup: 0.1,
    schedule: 'cosine',
    beta: 0.1,
    loss: 'sigmoid',
    labelSmoothing: 0,
    nllCoef: 0,
    weightDecay: 0,
    betas: [0.9, 0.999],
    clip: 1,
    precision: 'float32',
    weightDecayOn: 'all',
  },
  reward: {
    epochs: 1,
    batch: 32,
    lr: 3e-4,
    minLr: 0,
    warmup: 0.1,
    schedule: 'cosine',
    centerCoef: 0,
    weightDecay: 0,
    betas: [0.9, 0.999],
    clip: 1,
    precision: 'float32',
    weightDecayOn: 'all',
  },
  generate: { split: 'sft', samples: 1, temperature: 1, topP: 1, maxResponse: 32 },
  build: {
    order: 'given',
    /** Test problems of each data set that `decontaminate` compares with, at most. */
    compared: 100_000,
  },
  /** Of RL the options that only some algorithms have. */
  rlOfSome: { gamma: 1, lambda: 1, valueClip: 0.5, maxSamplings: 10 },
  /** Of RL what differs by algorithm. */
  algorithms: {
    ppo: { responses: 1, whiten: true, kl: 'reward', lossAggregation: 'token-mean' },
    grpo: { responses: 8, whiten: false, kl: 'loss', lossAggregation: 'seq-mean-token-mean', dynamicSampling: false },
    dr_grpo: {
      responses: 8,
      whiten: false,
      kl: 'off',
      lossAggregation: 'seq-mean-token-sum-norm',
      dynamicSampling: false,
    },
    dapo: { responses: 8, whiten: false, kl: 'off', lossAggregation: 'token-mean', dynamicSampling: true },
    rloo: { responses: 8, whiten: false, kl: 'off', lossAggregation: 'seq-mean-token-sum', dynamicSampling: false },
    reinforce_plus_plus: { responses: 1, whiten: true, kl: 'reward', lossAggregation: 'token-mean' },
  },
  evaluate: {
    heldout: { tokens: 16_000 },
    cloze: { problems: 200 },
    problems: { problems: 200, samples: 4, temperature: 1, maxResponse: 32, repetitionPenalty: 1 },
    seed: 0,
  },
  /** Largest shares of the problems compared with that may be trained on; docs/data.md says why these. */
  overlap: { mostExact: 0, mostGrams: { files: 0.01, generated: 1 } },
  /** Of every stage that trains, and of evaluations. */
  engine: builtIn,
  placement: { device: 'auto', checkpointEvery: 0, timeout: '30d', recomputeActivations: false },
  seed: 0,
} as const;

type Algorithm = RlRecipe['algorithm'];

/** Defaults that follow from other fields. */
export const derived = {
  /** The learning rate of the last step of pretraining and CPT: a tenth of the peak. */
  minLr: (lr: number) => timesPowerOfTen(lr, -1),
  /** The warm-up of a run under wsd, in tokens: one for each parameter of the model (Porian et al. 2024, arXiv 2406.19146). */
  wsdWarmup: (parameters: number) => parameters,
  /** The critic's learning rate: ten times the policy's. */
  criticLr: (lr: number) => timesPowerOfTen(lr, 1),
  /** Responses in one optimizer step of RL: the whole round. */
  miniBatch: (batch: number, responses: number) => batch * responses,
  /** How far above 1 a ratio counts: as far as below, and under DAPO further (Yu et al. 2025, arXiv 2503.14476, 3.1). */
  clipRatioHigh: (algorithm: Algorithm, clipRatio: number) => (algorithm === 'dapo' ? 0.28 : clipRatio),
  /** Tokens over which the reward of long responses falls: under DAPO a fifth of the longest (3.4 there: 4,096 of 20,480). */
  overlongBuffer: (algorithm: Algorithm, maxResponse: number) =>
    algorithm === 'dapo' ? Math.floor(maxResponse / 5) : 0,
  /** The KL's estimator: unbiased in the reward, of low variance in the loss. */
  klEstimator: (kl: RlRecipe['kl']) => (kl === 'loss' ? 'k3' : 'k1'),
  /** Key and value heads: as many as query heads. */
  kvHeads: (heads: number) => heads,
} as const;
