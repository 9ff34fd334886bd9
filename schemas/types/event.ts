// Generated from event.schema.json by `npm run generate`: change the schema, not this file.

/**
 * One line of a trainer's standard output: the contract, part two.
 */
export type TrainerEvent =
  | StartedEvent
  | MetricsEvent
  | ProgressEvent
  | CheckpointEvent
  | SampleEvent
  | EvaluationEvent
  | OverlapEvent
  | MemoryEvent
  | PaceEvent
  | DoneEvent
  | InterruptedEvent
  | FailedEvent;

/**
 * The first line.
 */
export interface StartedEvent {
  event: 'started';
  /**
   * The step of the checkpoint it goes on from; null for a fresh start. Metrics of later steps that were written before are void.
   */
  resumedFrom: number | null;
  /**
   * Steps in all.
   */
  steps: number;
  /**
   * What it runs on: cpu, gpu.
   */
  device: string;
  /**
   * Which one that is, with the versions of its driver and libraries, for the record.
   */
  hardware?: string;
  /**
   * Name and version of the trainer and its framework.
   */
  engine: string;
}
/**
 * Once a step, and deterministic: equal bytes on a rerun.
 */
export interface MetricsEvent {
  event: 'metrics';
  /**
   * Steps done.
   */
  step: number;
  /**
   * Tokens trained on so far.
   */
  tokens: number;
  /**
   * loss, lr, gradientNorm, reward, kl, ... by name; finite numbers only.
   */
  values: {
    [k: string]: number;
  };
  data?: TrainedOn;
}
/**
 * What one step learned from.
 */
export interface TrainedOn {
  /**
   * SHA-256 of the step's sequences of tokens in their order, each by its length and its ids as 32-bit integers, little end first; the first 16 digits.
   */
  digest: string;
  /**
   * Of packed text, by data set: for each sequence, in the step's order, the first and the last document that it has tokens of. Documents are counted from 0 in the order of the data set, and on through each further pass over it.
   */
  documents?: {
    [k: string]: [number, number][];
  };
  /**
   * Of problems, by data set: their ids, in the step's order.
   */
  problems?: {
    [k: string]: string[];
  };
}
/**
 * At most a few a second, for people; never stored as results.
 */
export interface ProgressEvent {
  event: 'progress';
  /**
   * Steps done.
   */
  step: number;
  /**
   * Steps in all.
   */
  steps: number;
  /**
   * Speed of late.
   */
  tokensPerSecond: number;
  /**
   * Estimated time to the end.
   */
  secondsLeft: number;
  /**
   * The newest metrics.
   */
  values: {
    [k: string]: number;
  };
}
/**
 * A checkpoint was written whole.
 */
export interface CheckpointEvent {
  event: 'checkpoint';
  /**
   * Steps done.
   */
  step: number;
  /**
   * Its folder, relative to the attempt's.
   */
  path: string;
}
/**
 * One response and its verdict.
 */
export interface SampleEvent {
  event: 'sample';
  /**
   * The task, or `rollout` in RL.
   */
  task: string;
  /**
   * The problem's id.
   */
  problem: string;
  /**
   * Step of the model.
   */
  step: number;
  /**
   * 0 is greedy; sampled responses count from 1.
   */
  index: number;
  /**
   * What the model was given.
   */
  prompt: string;
  /**
   * What it wrote.
   */
  response: string;
  /**
   * The answer read from the response; null where none was found.
   */
  answer: string | null;
  /**
   * The right answer.
   */
  expected: string;
  /**
   * Whether the two agree.
   */
  correct: boolean;
  /**
   * Of the verdict: the kind of answer, and the two forms that were compared or what was missing.
   */
  why?: string;
  /**
   * Reward, where one was given.
   */
  reward?: number;
  /**
   * Whether it was cut before it ended.
   */
  truncated?: boolean;
  /**
   * Of a cloze task: ln p of each choice's continuation after its context; `answer` and `expected` are numbers of choices, from 0.
   */
  logLikelihoods?: number[];
}
/**
 * One figure with its count and interval.
 */
export interface EvaluationEvent {
  event: 'evaluation';
  /**
   * The suite.
   */
  suite: string;
  /**
   * The task or domain; `all` for the suite's mean.
   */
  task: string;
  /**
   * loss, perplexity, pass@1, pass@k, ...
   */
  metric: string;
  /**
   * The figure.
   */
  value: number;
  /**
   * Items it is over.
   */
  n: number;
  /**
   * Lower end of the 95 % interval.
   */
  low: number;
  /**
   * Upper end of the 95 % interval.
   */
  high: number;
}
/**
 * How much two sets of problems have in common.
 */
export interface OverlapEvent {
  event: 'overlap';
  /**
   * What is trained on: data set and split, `math/sft`.
   */
  trained: string;
  /**
   * How many problems of it.
   */
  trainedProblems: number;
  /**
   * What it must not overlap with: `math/test`.
   */
  against: string;
  /**
   * How many problems of that.
   */
  problems: number;
  /**
   * Those of them that are trained on, word for word.
   */
  exact: number;
  /**
   * Of the others, those that have 13 words in a row, or all words, in common with what is trained on.
   */
  grams: number;
  /**
   * Of the others, those that have only such words in common as more than ten problems trained on have.
   */
  common: number;
  /**
   * The largest share of the problems that may be exact.
   */
  mostExact: number;
  /**
   * The largest share of the problems that may have 13 words in common.
   */
  mostGrams: number;
}
/**
 * Before the last line, where the trainer knows: kept as the fact peakMemoryBytes. No fact of the result, so not of `done`.
 */
export interface MemoryEvent {
  event: 'memory';
  /**
   * The most memory of its machine that the trainer has had at once, in bytes.
   */
  peakBytes: number;
}
/**
 * Before the last line of a success with several steps: kept as the fact secondsPerStep, which tells what later nodes take. No fact of the result, so not of `done`.
 */
export interface PaceEvent {
  event: 'pace';
  /**
   * What a step took on average, in seconds; the first of the execution, which prepares for the others, does not count.
   */
  secondsPerStep: number;
}
/**
 * The last line of a success.
 */
export interface DoneEvent {
  event: 'done';
  /**
   * Steps done.
   */
  step: number;
  /**
   * Tokens trained on.
   */
  tokens: number;
  /**
   * Folder of the finished model or tokenizer, relative to the attempt's; null where there is none.
   */
  model: string | null;
  /**
   * What else is known of it: unigramEntropy, parameters, trainTokens, ...
   */
  facts: {
    [k: string]: number | string;
  };
}
/**
 * The last line after a request to stop.
 */
export interface InterruptedEvent {
  event: 'interrupted';
  /**
   * Step of the checkpoint that was saved.
   */
  step: number;
}
/**
 * The last line of a failure.
 */
export interface FailedEvent {
  event: 'failed';
  /**
   * bad-job, bad-data and no-access are never retried.
   */
  kind:
    | 'bad-job'
    | 'bad-data'
    | 'bad-download'
    | 'no-access'
    | 'no-network'
    | 'diverged'
    | 'out-of-memory'
    | 'disk-full'
    | 'device-lost'
    | 'fenced'
    | 'internal';
  /**
   * What happened, where, and what to do.
   */
  message: string;
  /**
   * Steps done before it.
   */
  step: number;
  /**
   * For --debug.
   */
  stack?: string;
}
