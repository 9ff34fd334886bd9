// Generated from job.schema.json by `npm run generate`: change the schema, not this file.

/**
 * What a trainer is started with: one node's recipe, its inputs and where to write. The trainer's contract, part one.
 */
export type Job =
  | TokenizerJob
  | OverlapJob
  | PretrainJob
  | CptJob
  | TrunkJob
  | CheckpointJob
  | SftJob
  | RlJob
  | DpoJob
  | RewardJob
  | GenerateJob
  | BuildJob
  | EvaluateJob;
/**
 * SHA-256 of a node's pre-image, in hex.
 */
export type Key = string;
/**
 * A tokenizer to train, or bytes.
 */
export type TokenizerRecipe =
  | {
      kind: 'bpe';
      /**
       * Size of the vocabulary, special tokens included.
       */
      vocab: number;
      /**
       * Characters to learn from, over all sets.
       */
      characters: number;
      /**
       * The data sets that it learns from, in equal parts.
       *
       * @minItems 1
       */
      data: [Part, ...Part[]];
    }
  | {
      kind: 'bytes';
    };
/**
 * Where a data set's content comes from: a generator of this trainer, or the prepared files of a data node.
 */
export type Source = GeneratedSource | PreparedSource;
/**
 * Training from random weights; the second form is that of schedule wsd.
 */
export type PretrainRecipe =
  | {
      architecture: Architecture;
      mix: Mixture;
      /**
       * Optimizer steps.
       */
      steps: number;
      /**
       * Sequences in one step.
       */
      batchSequences: number;
      /**
       * Peak learning rate.
       */
      lr: number;
      /**
       * Learning rate of the last step.
       */
      minLr: number;
      /**
       * Share of the steps with linear warm-up.
       */
      warmup: number;
      /**
       * After warm-up: a cosine to `minLr`, or constant.
       */
      schedule: 'cosine' | 'constant';
      /**
       * Decoupled weight decay.
       */
      weightDecay: number;
      /**
       * AdamW's two decay rates.
       *
       * @minItems 2
       * @maxItems 2
       */
      betas: [number, number];
      /**
       * Largest global gradient norm; 0 is off.
       */
      clip: number;
      precision?: Precision;
      engine?: Engine;
      weightDecayOn?: WeightDecayOn;
    }
  | {
      architecture: Architecture;
      mix: WeightedMixture;
      /**
       * Optimizer steps.
       */
      steps: number;
      /**
       * Sequences in one step.
       */
      batchSequences: number;
      /**
       * Peak learning rate.
       */
      lr: number;
      /**
       * Learning rate of the last step.
       */
      minLr: number;
      /**
       * Linear warm-up, then `lr`, then a decay to `minLr` along 1 - sqrt.
       */
      schedule: 'wsd';
      /**
       * Steps of linear warm-up.
       */
      warmupSteps: number;
      /**
       * Steps of the decay, the last of the run.
       */
      decaySteps: number;
      /**
       * Decoupled weight decay.
       */
      weightDecay: number;
      /**
       * AdamW's two decay rates.
       *
       * @minItems 2
       * @maxItems 2
       */
      betas: [number, number];
      /**
       * Largest global gradient norm; 0 is off.
       */
      clip: number;
      precision?: Precision;
      weightDecayOn?: WeightDecayOn;
    };
/**
 * The mix, exact to the sequence; the counts add up to steps times batchSequences.
 *
 * @minItems 1
 */
export type Mixture = [
  {
    /**
     * The data set's name.
     */
    name: string;
    source: Source;
    /**
     * Exactly this many sequences come from it.
     */
    sequences: number;
  },
  ...{
    /**
     * The data set's name.
     */
    name: string;
    source: Source;
    /**
     * Exactly this many sequences come from it.
     */
    sequences: number;
  }[]
];
/**
 * What matrices are multiplied in; weights, optimizer and all sums are float32 either way. Default: float32.
 */
export type Precision = 'float32' | 'bfloat16';
/**
 * What trains or evaluates in place of the built-in trainer.
 */
export type Engine = DrivenEngine | CommandEngine;
/**
 * A framework that Descent drives.
 */
export type DrivenEngine = 'litgpt' | 'trl' | 'llama-factory' | 'verl' | 'lm-eval';
/**
 * A program that `engines` of temporal.config names so.
 */
export type CommandEngine = string;
/**
 * Which parameters decay: all, or all but the gains of norms. Default: all.
 */
export type WeightDecayOn = 'all' | 'matrices';
/**
 * The mix of a run under wsd: sources take turns by their weights (schemas/interleave.ts), so that what a run begins with does not depend on how long it is.
 *
 * @minItems 1
 */
export type WeightedMixture = [
  {
    /**
     * The data set's name.
     */
    name: string;
    source: Source;
    /**
     * Its part of the mix; a whole number, as those of the others.
     */
    weight: number;
    /**
     * Exactly this many sequences come from it, which follows from the weights and the steps.
     */
    sequences: number;
  },
  ...{
    /**
     * The data set's name.
     */
    name: string;
    source: Source;
    /**
     * Its part of the mix; a whole number, as those of the others.
     */
    weight: number;
    /**
     * Exactly this many sequences come from it, which follows from the weights and the steps.
     */
    sequences: number;
  }[]
];
/**
 * Training on from the parent's weights; the second form is that of schedule wsd.
 */
export type CptRecipe =
  | {
      mix: Mixture;
      /**
       * Optimizer steps.
       */
      steps: number;
      /**
       * Sequences in one step.
       */
      batchSequences: number;
      /**
       * Peak learning rate.
       */
      lr: number;
      /**
       * Learning rate of the last step.
       */
      minLr: number;
      /**
       * Share of the steps with linear warm-up.
       */
      warmup: number;
      /**
       * After warm-up: a cosine to `minLr`, or constant.
       */
      schedule: 'cosine' | 'constant';
      /**
       * Decoupled weight decay.
       */
      weightDecay: number;
      /**
       * AdamW's two decay rates.
       *
       * @minItems 2
       * @maxItems 2
       */
      betas: [number, number];
      /**
       * Largest global gradient norm; 0 is off.
       */
      clip: number;
      precision?: Precision;
      engine?: Engine;
      weightDecayOn?: WeightDecayOn;
    }
  | {
      mix: WeightedMixture;
      /**
       * Optimizer steps.
       */
      steps: number;
      /**
       * Sequences in one step.
       */
      batchSequences: number;
      /**
       * Peak learning rate.
       */
      lr: number;
      /**
       * Learning rate of the last step.
       */
      minLr: number;
      /**
       * Linear warm-up, then `lr`, then a decay to `minLr` along 1 - sqrt.
       */
      schedule: 'wsd';
      /**
       * Steps of linear warm-up.
       */
      warmupSteps: number;
      /**
       * Steps of the decay, the last of the run.
       */
      decaySteps: number;
      /**
       * Decoupled weight decay.
       */
      weightDecay: number;
      /**
       * AdamW's two decay rates.
       *
       * @minItems 2
       * @maxItems 2
       */
      betas: [number, number];
      /**
       * Largest global gradient norm; 0 is off.
       */
      clip: number;
      precision?: Precision;
      weightDecayOn?: WeightDecayOn;
    };
/**
 * How prompts and responses are written: EvoLM's Human: and Assistant:, or the chat template in the parent's folder. Default: paper.
 */
export type Template = 'paper' | 'tokenizer';
/**
 * What every algorithm takes, and beside it what its own does.
 */
export type RlRecipe = RlAlgorithm & {
  data: Part;
  /**
   * Problems, the first so many of the split.
   */
  examples: number;
  /**
   * Passes over them.
   */
  epochs: number;
  /**
   * Prompts a round.
   */
  batch: number;
  /**
   * To each prompt: a group.
   */
  responses: number;
  /**
   * Responses an optimizer step.
   */
  miniBatch: number;
  /**
   * Passes over a round.
   */
  innerEpochs: number;
  /**
   * Longest response, in tokens.
   */
  maxResponse: number;
  /**
   * Of sampling.
   */
  temperature: number;
  /**
   * Of the policy.
   */
  lr: number;
  /**
   * Share of the optimizer steps with linear warm-up; constant after it.
   */
  warmup: number;
  /**
   * How far below 1 a ratio counts.
   */
  clipRatio: number;
  /**
   * How far above 1.
   */
  clipRatioHigh: number;
  /**
   * Largest ratio that counts where the advantage is negative; 0 is off.
   */
  dualClip: number;
  /**
   * Whether advantages are whitened over the round.
   */
  whiten: boolean;
  /**
   * How the losses of tokens make the loss of a mini-batch.
   */
  lossAggregation: 'token-mean' | 'seq-mean-token-sum' | 'seq-mean-token-mean' | 'seq-mean-token-sum-norm';
  /**
   * Where the KL to the parent counts; off where klCoef is 0.
   */
  kl: 'reward' | 'loss' | 'off';
  /**
   * How the KL is estimated at a token.
   */
  klEstimator: 'k1' | 'k2' | 'k3';
  /**
   * Weight of the KL to the parent; 0 is off.
   */
  klCoef: number;
  /**
   * Weight of the entropy bonus.
   */
  entropyCoef: number;
  /**
   * Tokens before maxResponse over which the reward falls; 0 is off.
   */
  overlongBuffer: number;
  /**
   * What is taken from the reward at maxResponse.
   */
  overlongPenalty: number;
  /**
   * Decoupled weight decay.
   */
  weightDecay: number;
  /**
   * AdamW's two decay rates.
   *
   * @minItems 2
   * @maxItems 2
   */
  betas: [number, number];
  /**
   * Largest global gradient norm; 0 is off.
   */
  clip: number;
  /**
   * Whether training ends once it has collapsed.
   */
  stopOnCollapse: boolean;
  precision?: Precision;
  engine?: Engine;
  template?: Template;
};
/**
 * An algorithm with the options that are its own.
 */
export type RlAlgorithm =
  | {
      algorithm: 'ppo';
      /**
       * Of the critic.
       */
      criticLr: number;
      /**
       * Discount.
       */
      gamma: number;
      /**
       * Of GAE.
       */
      lambda: number;
      /**
       * Clip range of the critic's values.
       */
      valueClip: number;
    }
  | {
      algorithm: 'reinforce_plus_plus';
      /**
       * Discount.
       */
      gamma: number;
    }
  | {
      /**
       * How the policy learns from rewards.
       */
      algorithm: 'grpo' | 'dr_grpo' | 'dapo' | 'rloo';
      /**
       * Whether groups with equal rewards are replaced by further ones.
       */
      dynamicSampling: boolean;
      /**
       * How often a round samples at most.
       */
      maxSamplings: number;
    };
/**
 * A data set of problems made of others: one operation, which says of all that it drops why.
 */
export type BuildRecipe =
  | {
      /**
       * Responses that are right, each different one once.
       */
      operation: 'correct';
      data: Part;
    }
  | {
      /**
       * Problems on which so many models give one answer, with a response that does.
       */
      operation: 'agree';
      /**
       * Responses of a model each.
       *
       * @minItems 2
       */
      data: [Part, Part, ...Part[]];
      /**
       * Models whose answers agree.
       */
      least: number;
    }
  | {
      /**
       * Each problem once.
       */
      operation: 'dedupe';
      /**
       * What it is made of.
       *
       * @minItems 1
       */
      data: [Part, ...Part[]];
      /**
       * The same prompt but for case, spaces and Unicode forms; or also 13 words in a row in common with an earlier one.
       */
      by: 'prompt' | 'grams';
    }
  | {
      /**
       * Problems that share neither their prompt nor 13 words in a row with any of those compared with.
       */
      operation: 'decontaminate';
      data: Part;
      /**
       * Problems to compare with.
       *
       * @minItems 1
       */
      against: [Selection, ...Selection[]];
    }
  | {
      /**
       * All problems of a set, parted anew into those for SFT and those for RL.
       */
      operation: 'split';
      data: Part;
      /**
       * As they stand: SFT has the first and RL the last. Or as the seed draws.
       */
      order: 'given' | 'random';
      sft: Extent;
      rl: Extent;
    }
  | {
      /**
       * A right response and a wrong one to the same problem.
       */
      operation: 'pairs';
      data: Part;
      /**
       * Most pairs of one problem; no response is in two of them.
       */
      perProblem: number;
    };
/**
 * How much of a set: a number of problems, or a share of all of them, rounded down.
 */
export type Extent =
  | {
      /**
       * A number of problems.
       */
      problems: number;
    }
  | {
      /**
       * A share of them, from 0 to 1.
       */
      share: number;
    };
/**
 * What a model is asked: held-out text, which continuation is likeliest, or problems.
 */
export type EvaluateRecipe =
  | {
      /**
       * The suite's name.
       */
      suite: string;
      kind: 'heldout';
      /**
       * Tokens a domain.
       */
      tokens: number;
      /**
       * Data sets whose text is kept aside.
       *
       * @minItems 1
       */
      domains: [Part, ...Part[]];
    }
  | {
      /**
       * The suite's name.
       */
      suite: string;
      kind: 'cloze';
      /**
       * What is asked.
       *
       * @minItems 1
       */
      tasks: [Part, ...Part[]];
      /**
       * Items a task, or all where it has fewer.
       */
      problems: number;
      engine?: Engine;
    }
  | {
      /**
       * The suite's name.
       */
      suite: string;
      kind: 'problems';
      /**
       * What is asked.
       *
       * @minItems 1
       */
      tasks: [Part, ...Part[]];
      /**
       * Problems a task.
       */
      problems: number;
      /**
       * Sampled responses a problem; 0 for greedy only.
       */
      samples: number;
      /**
       * Of the sampled responses.
       */
      temperature: number;
      /**
       * Longest response, in tokens.
       */
      maxResponse: number;
      /**
       * Scores of tokens that stand in prompt or response are divided by it where above 0, and multiplied by it elsewhere. Default: 1.
       */
      repetitionPenalty?: number;
      /**
       * A response ends before the first of these strings. Default: none.
       *
       * @minItems 1
       */
      stop?: [string, ...string[]];
      template?: Template;
      rewardTemplate?: Template;
      /**
       * Version of how answers are read and compared.
       */
      grader: number;
      engine?: Engine;
    };

export interface TokenizerJob {
  /**
   * Version of this contract.
   */
  contract: 1;
  type: 'tokenizer';
  key: Key;
  /**
   * The node's address, for messages.
   */
  address: string;
  /**
   * Which attempt at the node this is, from 1.
   */
  attempt: number;
  /**
   * Seed of everything random in this node.
   */
  seed: number;
  recipe: TokenizerRecipe;
  /**
   * Where what it starts from lies.
   */
  inputs: {
    /**
     * Folders of prepared data, by role.
     */
    data: {
      [k: string]: string;
    };
  };
  /**
   * The attempt's folder: everything is written in it.
   */
  output: string;
  placement: Placement;
  lease: Lease;
}
/**
 * A part of a data set.
 */
export interface Part {
  /**
   * The data set's name in the lineage file.
   */
  name: string;
  /**
   * Documents, problems with answers, pairs of a better and a worse response, or items with choices of which one is right.
   */
  part: 'text' | 'problems' | 'preferences' | 'choices';
  source: Source;
}
export interface GeneratedSource {
  /**
   * Name of the generator.
   */
  generator: string;
  /**
   * Version of its output.
   */
  version: number;
  /**
   * Seed of the data.
   */
  seed: number;
  /**
   * The generator's options, each of them.
   */
  options: {
    [k: string]: number | string | boolean;
  };
}
export interface PreparedSource {
  /**
   * The data node's role in `inputs`, for example `data:web`.
   */
  prepared: string;
  grading?: Grading;
}
/**
 * How responses to problems are graded.
 */
export interface Grading {
  /**
   * What the answers are; without it their own form says: number, label or literal.
   */
  answers?: 'number' | 'math' | 'choice' | 'label' | 'literal';
  /**
   * Where a response's answer is looked for, if not in the usual places; the first that occurs counts.
   *
   * @minItems 1
   */
  marks?: ['boxed' | 'phrase' | 'hashes' | 'last' | 'whole', ...('boxed' | 'phrase' | 'hashes' | 'last' | 'whole')[]];
  /**
   * The part by which a number may be off and still be right.
   */
  tolerance?: number;
}
/**
 * Where and how it runs; nothing here may change the result.
 */
export interface Placement {
  /**
   * Device class: cpu, gpu.
   */
  device: string;
  /**
   * Threads for TensorFlow.
   */
  threads: number;
  /**
   * Steps between checkpoints; 0 says about every minute.
   */
  checkpointEvery: number;
  /**
   * Keep only the input of each block for the backward pass, and compute the rest of it again there: less memory, more time, the same bytes. Default: false.
   */
  recomputeActivations?: boolean;
}
/**
 * Who may write into the attempt's folder.
 */
export interface Lease {
  /**
   * File that holds the token of whoever may write.
   */
  path: string;
  /**
   * This execution's token: when the file holds another, stop and write nothing.
   */
  token: string;
}
export interface OverlapJob {
  /**
   * Version of this contract.
   */
  contract: 1;
  type: 'overlap';
  key: Key;
  /**
   * The node's address, for messages.
   */
  address: string;
  /**
   * Which attempt at the node this is, from 1.
   */
  attempt: number;
  /**
   * Seed of everything random in this node.
   */
  seed: number;
  recipe: OverlapRecipe;
  /**
   * Where what it starts from lies.
   */
  inputs: {
    /**
     * Folders of prepared data, by role.
     */
    data: {
      [k: string]: string;
    };
  };
  /**
   * The attempt's folder: everything is written in it.
   */
  output: string;
  placement: Placement;
  lease: Lease;
}
/**
 * What is compared, and how much may be found.
 */
export interface OverlapRecipe {
  trained: Selection;
  /**
   * What must not be among what is trained on.
   *
   * @minItems 1
   */
  against: [Comparison, ...Comparison[]];
}
/**
 * Problems that a stage learns from or a suite asks.
 */
export interface Selection {
  /**
   * The data set's name in the lineage file.
   */
  name: string;
  /**
   * Which of the data set's problems; choices: the items of a cloze task; preferences: the pairs that are learned from.
   */
  split: 'sft' | 'rl' | 'test' | 'choices' | 'preferences';
  /**
   * The first so many of the split.
   */
  problems: number;
  source: Source;
}
/**
 * What must not overlap with what is trained on.
 */
export interface Comparison {
  selection: Selection;
  /**
   * Largest share of its problems that may be among those trained on, word for word.
   */
  mostExact: number;
  /**
   * Largest share of its problems that may have 13 words in a row in common with those trained on.
   */
  mostGrams: number;
}
export interface PretrainJob {
  /**
   * Version of this contract.
   */
  contract: 1;
  type: 'pretrain';
  key: Key;
  /**
   * The node's address, for messages.
   */
  address: string;
  /**
   * Which attempt at the node this is, from 1.
   */
  attempt: number;
  /**
   * Seed of everything random in this node.
   */
  seed: number;
  recipe: PretrainRecipe;
  /**
   * Where what it starts from lies.
   */
  inputs: {
    /**
     * Folder with tokenizer.json.
     */
    tokenizer: string;
    trunk?: TrunkInput;
    /**
     * Folders of prepared data, by role.
     */
    data: {
      [k: string]: string;
    };
  };
  /**
   * The attempt's folder: everything is written in it.
   */
  output: string;
  placement: Placement;
  lease: Lease;
}
/**
 * A LLaMA-2 shaped decoder, fully resolved.
 */
export interface Architecture {
  /**
   * Decoder layers.
   */
  layers: number;
  /**
   * Width of the residual stream.
   */
  hidden: number;
  /**
   * Query heads.
   */
  heads: number;
  /**
   * Key and value heads.
   */
  kvHeads: number;
  /**
   * Inner width of the feed-forward layer.
   */
  ffn: number;
  /**
   * Size of the vocabulary, special tokens included.
   */
  vocab: number;
  /**
   * Longest sequence, in tokens.
   */
  context: number;
  /**
   * Base of the rotary embeddings.
   */
  ropeTheta: number;
  /**
   * Epsilon of RMSNorm.
   */
  normEpsilon: number;
}
/**
 * A trunk or a checkpoint of the same run to go on from.
 */
export interface TrunkInput {
  /**
   * Its folder: a model with the state of its optimizer (optimizer.safetensors, state.json).
   */
  folder: string;
  /**
   * Steps that it has done: where the run goes on. A trunk of any other length is refused.
   */
  steps: number;
}
export interface CptJob {
  /**
   * Version of this contract.
   */
  contract: 1;
  type: 'cpt';
  key: Key;
  /**
   * The node's address, for messages.
   */
  address: string;
  /**
   * Which attempt at the node this is, from 1.
   */
  attempt: number;
  /**
   * Seed of everything random in this node.
   */
  seed: number;
  recipe: CptRecipe;
  /**
   * Where what it starts from lies.
   */
  inputs: {
    /**
     * Folder of the parent's model: config.json, model.safetensors, tokenizer.json.
     */
    parent: string;
    trunk?: TrunkInput;
    /**
     * Folders of prepared data, by role.
     */
    data: {
      [k: string]: string;
    };
  };
  /**
   * The attempt's folder: everything is written in it.
   */
  output: string;
  placement: Placement;
  lease: Lease;
}
export interface TrunkJob {
  /**
   * Version of this contract.
   */
  contract: 1;
  type: 'trunk';
  key: Key;
  /**
   * The node's address, for messages.
   */
  address: string;
  /**
   * Which attempt at the node this is, from 1.
   */
  attempt: number;
  /**
   * Seed of everything random in this node.
   */
  seed: number;
  recipe: TrunkRecipe;
  /**
   * Where what it starts from lies.
   */
  inputs: {
    /**
     * Folder with tokenizer.json, where it begins with random weights.
     */
    tokenizer?: string;
    /**
     * Folder of the parent's model: config.json, model.safetensors, tokenizer.json.
     */
    parent?: string;
    trunk?: TrunkInput;
    /**
     * Folders of prepared data, by role.
     */
    data: {
      [k: string]: string;
    };
  };
  /**
   * The attempt's folder: everything is written in it.
   */
  output: string;
  placement: Placement;
  lease: Lease;
}
/**
 * The part of a run under wsd before its decay. With an architecture it begins with random weights, else with the parent.
 */
export interface TrunkRecipe {
  architecture?: Architecture;
  mix: WeightedMixture;
  /**
   * Optimizer steps from the start of the run to the end of the trunk.
   */
  steps: number;
  /**
   * Sequences in one step.
   */
  batchSequences: number;
  /**
   * Learning rate after the warm-up.
   */
  lr: number;
  /**
   * Steps of linear warm-up.
   */
  warmupSteps: number;
  /**
   * Decoupled weight decay.
   */
  weightDecay: number;
  /**
   * AdamW's two decay rates.
   *
   * @minItems 2
   * @maxItems 2
   */
  betas: [number, number];
  /**
   * Largest global gradient norm; 0 is off.
   */
  clip: number;
  precision?: Precision;
  weightDecayOn?: WeightDecayOn;
}
export interface CheckpointJob {
  /**
   * Version of this contract.
   */
  contract: 1;
  type: 'checkpoint';
  key: Key;
  /**
   * The node's address, for messages.
   */
  address: string;
  /**
   * Which attempt at the node this is, from 1.
   */
  attempt: number;
  /**
   * Seed of everything random in this node.
   */
  seed: number;
  recipe: CheckpointRecipe;
  /**
   * Where what it starts from lies.
   */
  inputs: {
    /**
     * Folder with tokenizer.json, where it begins with random weights.
     */
    tokenizer?: string;
    /**
     * Folder of the parent's model: config.json, model.safetensors, tokenizer.json.
     */
    parent?: string;
    trunk?: TrunkInput;
    /**
     * Folders of prepared data, by role.
     */
    data: {
      [k: string]: string;
    };
  };
  /**
   * The attempt's folder: everything is written in it.
   */
  output: string;
  placement: Placement;
  lease: Lease;
}
/**
 * A run, and how many of its steps to do.
 */
export interface CheckpointRecipe {
  /**
   * The whole run: a pretraining where it has an architecture, else a continued pretraining.
   */
  run: PretrainRecipe | CptRecipe;
  /**
   * Optimizer steps from the start of the run to the checkpoint: fewer than the run's.
   */
  steps: number;
}
export interface SftJob {
  /**
   * Version of this contract.
   */
  contract: 1;
  type: 'sft';
  key: Key;
  /**
   * The node's address, for messages.
   */
  address: string;
  /**
   * Which attempt at the node this is, from 1.
   */
  attempt: number;
  /**
   * Seed of everything random in this node.
   */
  seed: number;
  recipe: SftRecipe;
  /**
   * Where what it starts from lies.
   */
  inputs: {
    /**
     * Folder of the parent's model: config.json, model.safetensors, tokenizer.json.
     */
    parent: string;
    /**
     * Folders of prepared data, by role.
     */
    data: {
      [k: string]: string;
    };
  };
  /**
   * The attempt's folder: everything is written in it.
   */
  output: string;
  placement: Placement;
  lease: Lease;
}
/**
 * Supervised fine-tuning.
 */
export interface SftRecipe {
  data: Part;
  /**
   * Problems, the first so many of the split.
   */
  examples: number;
  /**
   * Passes over them.
   */
  epochs: number;
  /**
   * Examples in one step.
   */
  batch: number;
  /**
   * Peak learning rate.
   */
  lr: number;
  /**
   * Learning rate of the last step.
   */
  minLr: number;
  /**
   * Share of the steps with linear warm-up.
   */
  warmup: number;
  /**
   * After warm-up: a cosine to `minLr`, or constant.
   */
  schedule: 'cosine' | 'constant';
  /**
   * Decoupled weight decay.
   */
  weightDecay: number;
  /**
   * AdamW's two decay rates.
   *
   * @minItems 2
   * @maxItems 2
   */
  betas: [number, number];
  /**
   * Largest global gradient norm; 0 is off.
   */
  clip: number;
  precision?: Precision;
  engine?: Engine;
  weightDecayOn?: WeightDecayOn;
  template?: Template;
  /**
   * Whether several examples share a row, each attending to itself alone. Default: false.
   */
  packing?: boolean;
  /**
   * Alpha of NEFTune: noise on the embeddings, uniform in [-1, 1) times alpha / sqrt(tokens read * hidden). Default: 0, which is none.
   */
  neftune?: number;
  /**
   * What becomes of an example that does not fit into the context: truncate cuts the beginning of its prompt, and the end of a response that alone fills it. Default: truncate.
   */
  overlong?: 'truncate' | 'drop';
}
export interface RlJob {
  /**
   * Version of this contract.
   */
  contract: 1;
  type: 'rl';
  key: Key;
  /**
   * The node's address, for messages.
   */
  address: string;
  /**
   * Which attempt at the node this is, from 1.
   */
  attempt: number;
  /**
   * Seed of everything random in this node.
   */
  seed: number;
  recipe: RlRecipe;
  /**
   * Where what it starts from lies.
   */
  inputs: {
    /**
     * Folder of the parent's model: config.json, model.safetensors, tokenizer.json.
     */
    parent: string;
    /**
     * Folders of prepared data, by role.
     */
    data: {
      [k: string]: string;
    };
  };
  /**
   * The attempt's folder: everything is written in it.
   */
  output: string;
  placement: Placement;
  lease: Lease;
}
export interface DpoJob {
  /**
   * Version of this contract.
   */
  contract: 1;
  type: 'dpo';
  key: Key;
  /**
   * The node's address, for messages.
   */
  address: string;
  /**
   * Which attempt at the node this is, from 1.
   */
  attempt: number;
  /**
   * Seed of everything random in this node.
   */
  seed: number;
  recipe: DpoRecipe;
  /**
   * Where what it starts from lies.
   */
  inputs: {
    /**
     * Folder of the parent's model: config.json, model.safetensors, tokenizer.json.
     */
    parent: string;
    /**
     * Folders of prepared data, by role.
     */
    data: {
      [k: string]: string;
    };
  };
  /**
   * The attempt's folder: everything is written in it.
   */
  output: string;
  placement: Placement;
  lease: Lease;
}
/**
 * Direct preference optimisation against the parent, on pairs of responses.
 */
export interface DpoRecipe {
  data: Part;
  /**
   * Pairs, the first so many of the set.
   */
  examples: number;
  /**
   * Passes over them.
   */
  epochs: number;
  /**
   * Pairs in one step.
   */
  batch: number;
  /**
   * DPO as published, or IPO.
   */
  loss: 'sigmoid' | 'ipo';
  /**
   * How much departing from the parent costs.
   */
  beta: number;
  /**
   * Share of the pairs that are taken to be the wrong way round.
   */
  labelSmoothing: number;
  /**
   * Weight of the likelihood of the chosen responses, in the loss.
   */
  nllCoef: number;
  /**
   * Peak learning rate.
   */
  lr: number;
  /**
   * Learning rate of the last step.
   */
  minLr: number;
  /**
   * Share of the steps with linear warm-up.
   */
  warmup: number;
  /**
   * After warm-up: a cosine to `minLr`, or constant.
   */
  schedule: 'cosine' | 'constant';
  /**
   * Decoupled weight decay.
   */
  weightDecay: number;
  /**
   * AdamW's two decay rates.
   *
   * @minItems 2
   * @maxItems 2
   */
  betas: [number, number];
  /**
   * Largest global gradient norm; 0 is off.
   */
  clip: number;
  precision?: Precision;
  engine?: Engine;
  weightDecayOn?: WeightDecayOn;
  template?: Template;
}
export interface RewardJob {
  /**
   * Version of this contract.
   */
  contract: 1;
  type: 'reward';
  key: Key;
  /**
   * The node's address, for messages.
   */
  address: string;
  /**
   * Which attempt at the node this is, from 1.
   */
  attempt: number;
  /**
   * Seed of everything random in this node.
   */
  seed: number;
  recipe: RewardRecipe;
  /**
   * Where what it starts from lies.
   */
  inputs: {
    /**
     * Folder of the parent's model: config.json, model.safetensors, tokenizer.json.
     */
    parent: string;
    /**
     * Folders of prepared data, by role.
     */
    data: {
      [k: string]: string;
    };
  };
  /**
   * The attempt's folder: everything is written in it.
   */
  output: string;
  placement: Placement;
  lease: Lease;
}
/**
 * A reward model (Bradley-Terry) on pairs of responses.
 */
export interface RewardRecipe {
  data: Part;
  /**
   * Pairs, the first so many of the set.
   */
  examples: number;
  /**
   * Passes over them.
   */
  epochs: number;
  /**
   * Pairs in one step.
   */
  batch: number;
  /**
   * Weight of the squared sum of a pair's rewards in the loss, which keeps them around 0.
   */
  centerCoef: number;
  /**
   * Peak learning rate.
   */
  lr: number;
  /**
   * Learning rate of the last step.
   */
  minLr: number;
  /**
   * Share of the steps with linear warm-up.
   */
  warmup: number;
  /**
   * After warm-up: a cosine to `minLr`, or constant.
   */
  schedule: 'cosine' | 'constant';
  /**
   * Decoupled weight decay.
   */
  weightDecay: number;
  /**
   * AdamW's two decay rates.
   *
   * @minItems 2
   * @maxItems 2
   */
  betas: [number, number];
  /**
   * Largest global gradient norm; 0 is off.
   */
  clip: number;
  precision?: Precision;
  engine?: Engine;
  weightDecayOn?: WeightDecayOn;
  template?: Template;
}
export interface GenerateJob {
  /**
   * Version of this contract.
   */
  contract: 1;
  type: 'generate';
  key: Key;
  /**
   * The node's address, for messages.
   */
  address: string;
  /**
   * Which attempt at the node this is, from 1.
   */
  attempt: number;
  /**
   * Seed of everything random in this node.
   */
  seed: number;
  recipe: GenerateRecipe;
  /**
   * Where what it starts from lies.
   */
  inputs: {
    /**
     * Folder of the model that answers; not there where an endpoint does.
     */
    parent?: string;
    /**
     * Folders of prepared data, by role.
     */
    data: {
      [k: string]: string;
    };
  };
  /**
   * The attempt's folder: everything is written in it.
   */
  output: string;
  placement: Placement;
  lease: Lease;
}
/**
 * Responses to the first problems of a split, each graded.
 */
export interface GenerateRecipe {
  data: Part;
  /**
   * Which problems are asked; what comes of them stays in that split.
   */
  split: 'sft' | 'rl';
  /**
   * The first so many of the split.
   */
  problems: number;
  /**
   * Responses a problem.
   */
  samples: number;
  /**
   * 0 is greedy.
   */
  temperature: number;
  /**
   * Nucleus sampling; 1 is off.
   */
  topP: number;
  /**
   * Longest response, in tokens.
   */
  maxResponse: number;
  /**
   * The name of the model at an OpenAI-compatible endpoint, where no checkpoint answers.
   */
  endpoint?: string;
  /**
   * Version of how answers are read and compared.
   */
  grader: number;
  template?: Template;
  /**
   * Of a smoke run alone, whose models are right about nothing: every second response to a problem, from the first on, is the problem's own solution, and none counts as cut off.
   */
  toy?: true;
}
export interface BuildJob {
  /**
   * Version of this contract.
   */
  contract: 1;
  type: 'build';
  key: Key;
  /**
   * The node's address, for messages.
   */
  address: string;
  /**
   * Which attempt at the node this is, from 1.
   */
  attempt: number;
  /**
   * Seed of everything random in this node.
   */
  seed: number;
  recipe: BuildRecipe;
  /**
   * Where what it starts from lies.
   */
  inputs: {
    /**
     * Folders of prepared data, by role.
     */
    data: {
      [k: string]: string;
    };
  };
  /**
   * The attempt's folder: everything is written in it.
   */
  output: string;
  placement: Placement;
  lease: Lease;
}
export interface EvaluateJob {
  /**
   * Version of this contract.
   */
  contract: 1;
  type: 'evaluate';
  key: Key;
  /**
   * The node's address, for messages.
   */
  address: string;
  /**
   * Which attempt at the node this is, from 1.
   */
  attempt: number;
  /**
   * Seed of everything random in this node.
   */
  seed: number;
  recipe: EvaluateRecipe;
  /**
   * Where what it starts from lies.
   */
  inputs: {
    /**
     * Folder of the parent's model: config.json, model.safetensors, tokenizer.json.
     */
    parent: string;
    /**
     * Folder of the reward model that scores the sampled responses: config.json, model.safetensors with score.weight, tokenizer.json.
     */
    rewardModel?: string;
    /**
     * The events.jsonl of an earlier evaluation that differs in nothing but the grader: its responses may be graded again instead of sampling them.
     */
    responses?: string;
    /**
     * Folders of prepared data, by role.
     */
    data: {
      [k: string]: string;
    };
  };
  /**
   * The attempt's folder: everything is written in it.
   */
  output: string;
  placement: Placement;
  lease: Lease;
}
