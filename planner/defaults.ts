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
    gamma: 1,
    lambda: 1,
    clipRatio: 0.2,
    valueClip: 0.5,
    klCoef: 0.001,
    entropyCoef: 0,
    weightDecay: 0.01,
    betas: [0.9, 0.999],
    clip: 1,
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
  evaluate: {
    heldout: { tokens: 16_000 },
    cloze: { problems: 200 },
    problems: { problems: 200, samples: 4, temperature: 1, maxResponse: 32, repetitionPenalty: 1 },
    seed: 0,
  },
  /** Largest shares of the problems compared with that may be trained on; docs/data.md says why these. */
  overlap: { mostExact: 0, mostGrams: { files: 0.01, generated: 1 } },
  placement: { device: 'auto', checkpointEvery: 0, timeout: '30d', recomputeActivations: false },
  seed: 0,
} as const;

/** Defaults that follow from other fields. */
export const derived = {
  /** The learning rate of the last step of pretraining and CPT: a tenth of the peak. */
  minLr: (lr: number) => timesPowerOfTen(lr, -1),
  /** The warm-up of a run under wsd, in tokens: one for each parameter of the model (Porian et al. 2024, arXiv 2406.19146). */
  wsdWarmup: (parameters: number) => parameters,
  /** The critic's learning rate: ten times the policy's. */
  criticLr: (lr: number) => timesPowerOfTen(lr, 1),
  /** Responses in one optimizer step of RL: the whole round. */
  miniBatch: (batch: number) => batch,
  /** Key and value heads: as many as query heads. */
  kvHeads: (heads: number) => heads,
} as const;
