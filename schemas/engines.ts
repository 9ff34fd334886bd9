/**
 * The frameworks that may train or evaluate in place of the built-in trainer, and what of a recipe each of them honours: the one table that
 * the planner refuses by, the adapters in `engines/` keep to, and docs/engines.md is made from.
 */
import type {
  CptRecipe,
  DpoRecipe,
  DrivenEngine,
  Engine,
  EvaluateRecipe,
  PretrainRecipe,
  RewardRecipe,
  RlRecipe,
  SftRecipe,
} from './types/job.ts';

/** The recipes that an engine can be asked to train or to evaluate by, by type of node. */
export interface EngineRecipes {
  pretrain: Exclude<PretrainRecipe, { schedule: 'wsd' }>;
  cpt: Exclude<CptRecipe, { schedule: 'wsd' }>;
  sft: SftRecipe;
  dpo: DpoRecipe;
  rl: RlRecipe;
  reward: RewardRecipe;
  evaluate: Exclude<EvaluateRecipe, { kind: 'heldout' }>;
}

export type EngineStage = keyof EngineRecipes;

/** How an engine takes an option of a recipe: whatever it says, only some values of it, or those that fit the rest of the recipe. */
export type Honour<Recipe = object> =
  | 'any'
  | { only: readonly (string | number | boolean)[]; why: string }
  | { fits(recipe: Recipe): boolean; says: string; why: string };

/** How an engine takes each option of a recipe: an option that is missing here does not compile. */
export type Honours<Recipe> = { readonly [Option in Exclude<AllKeys<Recipe>, 'engine'>]-?: Honour<Recipe> };
type AllKeys<Recipe> = Recipe extends unknown ? keyof Recipe : never;

export interface EngineEntry {
  /** As its makers write it. */
  title: string;
  /** Of what the adapter makes of a recipe; part of the key of each node that the engine trains. */
  version: number;
  /** What it trains, or evaluates. A type of node that is missing is refused. */
  stages: Readonly<Partial<Record<EngineStage, Readonly<Record<string, Honour>>>>>;
}

/** Said where an engine is meant that is none of these: the built-in trainer. */
export const builtIn = 'descent';

const litgptText = {
  mix: 'any',
  steps: 'any',
  batchSequences: 'any',
  lr: 'any',
  minLr: 'any',
  warmup: 'any',
  schedule: { only: ['cosine', 'constant'], why: 'runs that share a trunk are trained by descent alone' },
  weightDecay: 'any',
  weightDecayOn: { only: ['all'], why: 'LitGPT decays every parameter' },
  betas: 'any',
  clip: 'any',
  precision: 'any',
} as const satisfies Honours<EngineRecipes['cpt']>;

const huggingFace = {
  data: 'any',
  examples: 'any',
  epochs: 'any',
  batch: 'any',
  lr: 'any',
  minLr: 'any',
  warmup: 'any',
  schedule: 'any',
  weightDecay: 'any',
  weightDecayOn: 'any',
  betas: 'any',
  clip: 'any',
  precision: 'any',
  template: 'any',
} as const;

const trlSft = {
  ...huggingFace,
  packing: { only: [false], why: 'TRL packs examples into other batches than those of the recipe' },
  neftune: 'any',
  overlong: 'any',
} as const satisfies Honours<EngineRecipes['sft']>;

const trlDpo = {
  ...huggingFace,
  loss: 'any',
  beta: 'any',
  labelSmoothing: { only: [0], why: 'TRL smooths the labels of other losses' },
  nllCoef: { only: [0], why: 'TRL takes the mean over all tokens of a batch' },
} as const satisfies Honours<EngineRecipes['dpo']>;

const trlReward = { ...huggingFace, centerCoef: 'any' } as const satisfies Honours<EngineRecipes['reward']>;

/** What every engine that learns from rewards takes of them as it is. */
const rlTerms = {
  criticLr: 'any',
  gamma: 'any',
  lambda: 'any',
  valueClip: 'any',
  maxSamplings: 'any',
  data: 'any',
  examples: 'any',
  epochs: 'any',
  batch: 'any',
  responses: 'any',
  innerEpochs: 'any',
  maxResponse: 'any',
  temperature: 'any',
  lr: 'any',
  clipRatio: 'any',
  klCoef: 'any',
  overlongBuffer: 'any',
  overlongPenalty: 'any',
  weightDecay: 'any',
  betas: 'any',
  clip: 'any',
  template: 'any',
} as const;

const trlRl = {
  algorithm: {
    only: ['ppo', 'grpo', 'dr_grpo', 'dapo', 'rloo'],
    why: 'TRL has no advantages that are discounted token by token',
  },
  ...rlTerms,
  dynamicSampling: { only: [false], why: 'TRL samples once a round' },
  miniBatch: {
    fits({ algorithm, lossAggregation, batch, responses, miniBatch }) {
      const isWhole = algorithm === 'ppo' || lossAggregation === 'token-mean';
      return isWhole ? miniBatch === batch * responses : (batch * responses) % miniBatch === 0;
    },
    says: 'batch times responses, or what divides that with other algorithms than ppo and other losses than token-mean',
    why: "PPOTrainer steps once a pass over a round, and GRPOTrainer's mini-batches have one size and the mean over a round's tokens",
  },
  warmup: {
    fits: ({ algorithm, warmup, innerEpochs }) => algorithm !== 'ppo' || warmup === 0 || innerEpochs === 1,
    says: '0, or any where a round is one optimizer step',
    why: 'PPOTrainer has a learning rate for each round, not for each optimizer step',
  },
  clipRatioHigh: {
    fits: ({ algorithm, clipRatio, clipRatioHigh }) => algorithm !== 'ppo' || clipRatioHigh === clipRatio,
    says: 'as clipRatio with ppo',
    why: 'PPOTrainer clips by one bound',
  },
  dualClip: {
    fits: ({ algorithm, dualClip, clipRatioHigh }) =>
      dualClip === 0 || (algorithm !== 'ppo' && dualClip > 1 + clipRatioHigh),
    says: '0, or above 1 + clipRatioHigh with other algorithms than ppo',
    why: 'PPOTrainer has none, and one that is no higher would also bound what GRPOTrainer makes likelier',
  },
  whiten: {
    fits: ({ algorithm, whiten }) => whiten === (algorithm === 'ppo'),
    says: 'true with ppo, false with others',
    why: 'TRL whitens the advantages of PPO always, and those of others never',
  },
  lossAggregation: {
    fits: ({ algorithm, lossAggregation }) => algorithm !== 'ppo' || lossAggregation === 'token-mean',
    says: 'token-mean with ppo',
    why: 'PPOTrainer takes the mean over tokens',
  },
  kl: {
    fits: ({ algorithm, kl }) => kl === 'off' || kl === (algorithm === 'ppo' ? 'reward' : 'loss'),
    says: 'off, or reward with ppo and loss with others',
    why: 'PPOTrainer has a KL in the reward, and GRPOTrainer in the loss',
  },
  klEstimator: {
    fits: ({ algorithm, kl, klEstimator }) =>
      kl === 'off' || klEstimator === 'k3' || (algorithm === 'ppo' && klEstimator === 'k1'),
    says: 'k3, or k1 with ppo',
    why: 'TRL has no others',
  },
  entropyCoef: { only: [0], why: 'TRL takes the mean of the means of parts' },
  stopOnCollapse: { only: [false], why: 'TRL goes on to its last round' },
  precision: {
    fits: ({ algorithm, precision = 'float32' }) => algorithm !== 'ppo' || precision === 'float32',
    says: 'float32 with ppo',
    why: 'PPOTrainer trains in the precision of the weights',
  },
} as const satisfies Honours<EngineRecipes['rl']>;

/** It loads the weights in the precision that it trains in, and so begins with rounded ones. */
const whole = { only: ['float32'], why: 'LLaMA-Factory rounds the weights that it begins with' } as const;

const llamaFactorySft = {
  ...trlSft,
  precision: whole,
  packing: { only: [false], why: 'LLaMA-Factory packs examples into other batches than those of the recipe' },
} as const satisfies Honours<EngineRecipes['sft']>;

const llamaFactoryDpo = {
  ...huggingFace,
  precision: whole,
  loss: { only: ['sigmoid'], why: 'LLaMA-Factory 0.9.5 has TRL compute sigmoid whatever it is told' },
  beta: 'any',
  labelSmoothing: 'any',
  nllCoef: 'any',
} as const satisfies Honours<EngineRecipes['dpo']>;

const verlRl = {
  algorithm: 'any',
  ...rlTerms,
  dynamicSampling: 'any',
  miniBatch: {
    fits: ({ batch, responses, miniBatch }) => miniBatch % responses === 0 && (batch * responses) % miniBatch === 0,
    says: 'whole groups that divide a round',
    why: 'verl takes mini-batches of whole groups, all of one size',
  },
  warmup: {
    fits: ({ warmup, batch, responses, miniBatch, innerEpochs }) =>
      warmup === 0 || (innerEpochs === 1 && miniBatch === batch * responses),
    says: '0, or any where a round is one optimizer step',
    why: 'verl has a learning rate for each round, not for each optimizer step',
  },
  clipRatioHigh: 'any',
  dualClip: {
    fits: ({ dualClip }) => dualClip === 0 || dualClip > 1,
    says: '0 or above 1',
    why: 'verl refuses others',
  },
  whiten: {
    fits: ({ algorithm, whiten }) => whiten === (algorithm === 'ppo' || algorithm === 'reinforce_plus_plus'),
    says: 'true with ppo and reinforce_plus_plus, false with others',
    why: 'verl whitens the advantages of ppo and reinforce_plus_plus always, and those of others never',
  },
  lossAggregation: 'any',
  kl: 'any',
  klEstimator: 'any',
  entropyCoef: 'any',
  stopOnCollapse: { only: [false], why: 'verl goes on to its last round' },
  precision: 'any',
} as const satisfies Honours<EngineRecipes['rl']>;

const lmEval = {
  suite: { only: ['upstream', 'id', 'ood'], why: 'lm-evaluation-harness cuts text into other rows' },
  kind: 'any',
  tasks: 'any',
  problems: 'any',
  samples: 'any',
  temperature: 'any',
  maxResponse: 'any',
  repetitionPenalty: 'any',
  stop: 'any',
  template: 'any',
  rewardTemplate: { only: [], why: 'a reward model scores what descent evaluates' },
  grader: 'any',
} as const satisfies Honours<EngineRecipes['evaluate']>;

/** The engines by name. */
export const engines: Readonly<Record<DrivenEngine, EngineEntry>> = {
  litgpt: {
    title: 'LitGPT',
    version: 1,
    stages: { pretrain: { architecture: 'any', ...litgptText }, cpt: litgptText },
  },
  trl: { title: 'TRL', version: 1, stages: { sft: trlSft, dpo: trlDpo, rl: trlRl, reward: trlReward } },
  'llama-factory': { title: 'LLaMA-Factory', version: 1, stages: { sft: llamaFactorySft, dpo: llamaFactoryDpo } },
  verl: { title: 'verl', version: 1, stages: { rl: verlRl } },
  'lm-eval': { title: 'lm-evaluation-harness', version: 1, stages: { evaluate: lmEval } },
};

/** What the name of an engine begins with that is a program of the user's own: `command/mine` is `mine` of temporal.config. */
const commandPrefix = 'command/';

/** Whether temporal.config may name a program so. */
export function isCommandName(name: string): boolean {
  return /^[a-z0-9][a-z0-9._-]*$/.test(name);
}

/** The name by which temporal.config knows an engine; undefined of one that Descent drives. */
export function commandName(engine: Engine): string | undefined {
  return engine.startsWith(commandPrefix) ? engine.slice(commandPrefix.length) : undefined;
}

/**
 * What an engine is called and honours. A program of the user's own is taken to do whatever a recipe says: who changes what it
 * makes of one gives it another name, which is what its keys have of it.
 */
export function engineEntry(engine: Engine): EngineEntry {
  return commandName(engine) === undefined
    ? engines[engine as DrivenEngine]
    : { title: `\`${engine}\``, version: 1, stages: anything };
}

/** Of commands an option that is not named is honoured. */
const ofCommands: Readonly<Record<string, Honour>> = {
  schedule: { only: ['cosine', 'constant'], why: 'runs that share a trunk are trained by descent alone' },
};

const anything: EngineEntry['stages'] = {
  pretrain: ofCommands,
  cpt: ofCommands,
  sft: ofCommands,
  dpo: ofCommands,
  rl: ofCommands,
  reward: ofCommands,
  evaluate: ofCommands,
};

/** The engine that trains by a recipe; undefined where the built-in trainer does, or where there is nothing to train. */
export function engineOf(recipe: object): Engine | undefined {
  return (recipe as { engine?: Engine }).engine;
}
