/**
 * How much memory a node takes at most, known before it runs: arithmetic on its shape and its batch, following the trainer.
 *
 * What TensorFlow itself takes and how much its allocator keeps beside what is in use follow from no arithmetic. They are
 * constants here, measured of TensorFlow 2.21 on Linux (x86-64); test/long/memory.test.ts holds them against real runs.
 */
import { engineOf } from '../schemas/engines.ts';
import { queryBlocks } from '../schemas/llama.ts';
import {
  allocatorShare,
  problemsAtOnce,
  promptTokensAtOnce,
  responsesAtOnce,
  rowsAtOnce,
  rowsTogether,
  scoredTokensAtOnce,
  tokensAtOnce,
} from '../schemas/passes.ts';
import type { Architecture, Precision } from '../schemas/types/job.ts';
import { parameterCount } from './architecture.ts';
import { defaults } from './defaults.ts';
import { causalPairs } from './flops.ts';
import type { Placement, Task } from './plan.ts';

/** What of a node its memory depends on; every PlanNode is one. */
export type Remembering = Task & { architecture: Architecture | null; judge?: Architecture; placement: Placement };

/** What a node's trainer takes of its machine's memory at most, in bytes, and what for. */
export interface Memory {
  /** All of it together. */
  peak: number;
  /** Of TensorFlow and Node before there is a model. */
  runtime: number;
  /** Weights of all models, and of those that are trained AdamW's moments and sums of gradients. */
  models: number;
  /** What a step computes: activations, gradients, logits, new weights and moments; caches of keys and values. */
  step: number;
  /** What TensorFlow's allocator keeps beside what is in use. */
  allocator: number;
  /** Copies of models on their way from and to files. */
  files: number;
}

/** What holds a node's tensors. */
export type MemoryKind = 'machine' | 'gpu';

/**
 * The memory of a node; null of one that loads no model, and of one that an engine trains, which has its own ways. On a GPU it is that of the GPU, which has neither the process nor its
 * copies of files. Of text it is what the trainer does. Examples and responses are taken to
 * be as long as they can be, so of sft, rl and problems it is a bound; of rl and problems a rough one.
 */
export function memoryOf(node: Remembering, kind: MemoryKind = 'machine'): Memory | null {
  const needs = engineOf(node.recipe) === undefined && node.architecture ? needsOf(node, node.architecture) : null;
  if (!needs) return null;
  const [models, step] = [bytesANumber * needs.models, bytesANumber * needs.step];
  const allocator = Math.round(allocatorShare * (models + step));
  const [runtime, files] = kind === 'gpu' ? [0, 0] : [runtimeBytes, bytesANumber * needs.files];
  return { peak: runtime + models + step + allocator + files, runtime, models, step, allocator, files };
}

/** A node's needs, in numbers of four bytes. */
type Needs = Pick<Memory, 'models' | 'step' | 'files'>;

const bytesANumber = 4;
/** The trainer at work on a model of no size. */
const runtimeBytes = 420e6;
/** What is rounded to bfloat16, of its float32. (Where the processor has no units for it, roundings are float32 as well.) */
const roundedShare = 0.5;

function needsOf(node: Remembering, architecture: Architecture): Needs | null {
  const recompute = node.placement.recomputeActivations ?? defaults.placement.recomputeActivations;
  switch (node.type) {
    case 'data':
    case 'tokenizer':
    case 'overlap':
    case 'adopt':
    case 'build':
      return null;
    case 'pretrain':
    case 'cpt':
    case 'trunk': {
      const { batchSequences, precision = defaults.pretrain.precision } = node.recipe;
      return supervised(architecture, batchSequences, { precision, recompute });
    }
    case 'checkpoint': {
      const { batchSequences, precision = defaults.pretrain.precision } = node.recipe.run;
      return supervised(architecture, batchSequences, { precision, recompute });
    }
    case 'sft': {
      const { batch, examples, precision = defaults.sft.precision, packing, neftune = 0 } = node.recipe;
      return supervised(architecture, Math.min(batch, examples), {
        ...{ precision, recompute },
        ...(packing && { packing }),
        ...(neftune > 0 && { noise: true }),
      });
    }
    case 'dpo':
    case 'reward': {
      const { batch, examples, precision = defaults[node.type].precision } = node.recipe;
      return supervised(architecture, 2 * Math.min(batch, examples), { precision, recompute });
    }
    case 'rl':
      return reinforced(architecture, node.recipe);
    case 'generate':
      return generating(architecture, node.recipe.problems * node.recipe.samples);
    case 'evaluate':
      return evaluated(architecture, node.recipe, node.judge);
    default:
      return node satisfies never;
  }
}

/** A parameter with AdamW's two moments: the model's own variables are stretches of the first (trainer/adamw.ts). */
const numbersAParameter = 3;
/** A checkpoint in the making: weights, moments, and the moments by parameter. */
const savedAParameter = 5;

interface StepOptions {
  precision: Precision;
  recompute: boolean;
  /** Whether sequences hold several documents: then each token has cosines and sines of its own. */
  packing?: boolean;
  /** Whether there is noise on the embeddings. */
  noise?: boolean;
}

/** Sequences of one length that go through a model side by side. */
interface Pass {
  sequences: number;
  time: number;
}

function supervised(architecture: Architecture, sequences: number, options: StepOptions): Needs {
  const parameters = parameterCount(architecture);
  const atOnce = Math.max(1, Math.floor(tokensAtOnce / architecture.context));
  const pass = { sequences: Math.min(sequences, atOnce), time: architecture.context };
  const inParts = sequences > atOnce;
  return {
    models: trainedNumbers(parameters, inParts),
    step: updateNumbers(architecture, passNumbers(architecture, pass, options), inParts),
    files: savedAParameter * parameters,
  };
}

/** A model that is trained; from batches in parts, with the sum of its gradients. */
function trainedNumbers(parameters: number, inParts: boolean): number {
  return (numbersAParameter + (inParts ? 1 : 0)) * parameters;
}

/** The larger of a pass and AdamW's update. Where gradients add up, the next sum is made while the old one is there. */
function updateNumbers(architecture: Architecture, pass: number, inParts: boolean): number {
  const parameters = parameterCount(architecture);
  return Math.max(pass, momentVectors * parameters) + (inParts ? parameters : 0);
}

/** Of AdamW's update, vectors as long as the model beside the old ones: the gradient, new moments and weights. */
const momentVectors = 4;

/**
 * The most that a forward and a backward pass take. Either at the loss, beside the activations of all blocks; or in the
 * backward pass of a feed-forward block, whose own gradients come on top of what is kept of the blocks before it and of the
 * gradients by the weights of those after it.
 *
 * @param atLoss that of given tokens, if nothing is said: two stretches of logits and the gradient by the output matrix
 */
function passNumbers(
  architecture: Architecture,
  pass: Pass,
  options: StepOptions,
  atLoss = 2 * Math.min(pass.sequences * pass.time, rowsAtOnce) * architecture.vocab +
    2 * architecture.vocab * architecture.hidden,
): number {
  const { layers, hidden, vocab, ffn } = architecture;
  const count = pass.sequences * pass.time;
  const states = count * hidden;
  const block = keptNumbers(architecture, pass, options);
  const given =
    (options.noise ? states : 0) + (options.packing ? (2 * count * hidden) / architecture.heads + count : 0);
  const kept = given + states + layers * (options.recompute ? 2 * states : block.attention + block.feedForward);
  const loss = kept + atLoss + 3 * states;
  const again = options.recompute ? Math.max(block.attention, block.feedForward) : 0;
  // Gradients by the weights are sums of one for each so many rows.
  const sums = Math.floor(count / rowsTogether) * 2 * ffn * hidden;
  const gradients = Math.max(3 * count * ffn + states, 2 * count * ffn + states + sums);
  const backward = Math.max(kept + vocab * hidden, parameterCount(architecture)) + again + gradients;
  return Math.max(loss, backward);
}

/** What the two blocks of a layer keep for their gradients (trainer/attention.ts, trainer/ops.ts). */
function keptNumbers(
  { hidden, heads, kvHeads, ffn }: Architecture,
  { sequences, time }: Pass,
  { precision }: Pick<StepOptions, 'precision'>,
): { attention: number; feedForward: number } {
  const count = sequences * time;
  const states = count * hidden;
  const width = (heads + 2 * kvHeads) * (hidden / heads);
  const probabilities = sequences * heads * causalPairs(time);
  const attention = 3 * states + count * width + probabilities + width * hidden;
  const feedForward = 2 * states + 3 * count * ffn + 2 * ffn * hidden;
  if (precision === 'float32') return { attention, feedForward };
  // What was rounded for a product is kept beside what it is of.
  return {
    attention: attention + roundedShare * (states + count * width + probabilities + width * hidden),
    feedForward: feedForward + roundedShare * (states + count * ffn + 2 * ffn * hidden),
  };
}

/** The policy is trained and with it the critic of PPO, the reference is kept where there is a KL, responses are written, and each takes its turn. */
function reinforced(architecture: Architecture, recipe: Extract<Task, { type: 'rl' }>['recipe']): Needs {
  const { vocab, hidden, context } = architecture;
  const { maxResponse, klCoef, precision = defaults.rl.precision } = recipe;
  const parameters = parameterCount(architecture);
  const critic = recipe.algorithm === 'ppo' ? parameters - vocab * hidden + hidden + 1 : 0;
  const responses = Math.min(recipe.batch, recipe.examples) * recipe.responses;
  const miniBatch = Math.min(recipe.miniBatch, responses);
  const atOnce = (time: number) => Math.min(miniBatch, Math.max(1, Math.floor(tokensAtOnce / time)));
  const inParts = miniBatch > atOnce(context);
  // Logits are of all places of rows that are half responses, and more (trainer/shapes.ts).
  const full = Math.min(context, 2 * maxResponse);
  const pass = passNumbers(
    architecture,
    { sequences: atOnce(context), time: context },
    { precision, recompute: false },
    numbersALogit * atOnce(full) * full * vocab,
  );
  return {
    models:
      trainedNumbers(parameters, inParts) +
      trainedNumbers(critic, inParts) +
      (klCoef > 0 ? parameters : 0) +
      decodingNumbers(architecture),
    step: Math.max(updateNumbers(architecture, pass, inParts), written(architecture, responses)),
    files: savedAParameter * (parameters + critic),
  };
}

/** Of a logit of the policy: two softmaxes, what entropy keeps of it, and one that comes and goes (trainer/policy.ts). */
const numbersALogit = 4;

function evaluated(
  architecture: Architecture,
  recipe: Extract<Task, { type: 'evaluate' }>['recipe'],
  judge: Architecture | undefined,
): Needs {
  const { context, vocab } = architecture;
  const parameters = parameterCount(architecture);
  const needs = { models: parameters, files: parameters };
  if (recipe.kind === 'problems') {
    const responses = Math.min(recipe.problems, problemsAtOnce) * Math.max(1, recipe.samples);
    const writing = generating(architecture, responses);
    return judge === undefined ? writing : besides(writing, judging(judge));
  }
  // Choices are as long as the context at most.
  const time = recipe.kind === 'cloze' ? context : Math.min(context, Math.ceil(recipe.tokens / 2));
  const sequences = Math.max(1, Math.floor(scoredTokensAtOnce / time));
  return {
    ...needs,
    step: 2 * Math.min(sequences * time, rowsAtOnce) * vocab + passing(architecture, { sequences, time }),
  };
}

/** A reward model that scores texts as long as its context. */
function judging(architecture: Architecture): Needs {
  const { context, vocab, hidden } = architecture;
  const parameters = parameterCount(architecture) - vocab * hidden + hidden;
  const sequences = Math.max(1, Math.floor(scoredTokensAtOnce / context));
  const step = passing(architecture, { sequences, time: context });
  return { models: parameters, step, files: parameters };
}

/** Two models in one process, that are loaded and at work one after the other. */
function besides(one: Needs, other: Needs): Needs {
  return {
    models: one.models + other.models,
    step: Math.max(one.step, other.step),
    files: Math.max(one.files, other.files),
  };
}

/** A model that writes so many responses. */
function generating(architecture: Architecture, responses: number): Needs {
  const parameters = parameterCount(architecture);
  return {
    models: parameters + decodingNumbers(architecture),
    step: written(architecture, responses),
    files: parameters,
  };
}

/** The weights that decoding has of its own, beside the model's (trainer/decode/weights.ts). */
function decodingNumbers({ layers, hidden, heads, kvHeads, ffn, vocab, context }: Architecture): number {
  const headSize = hidden / heads;
  const block = (heads + 2 * kvHeads) * headSize * hidden + 2 * ffn * hidden;
  return layers * block + vocab * hidden + 2 * context * headSize;
}

/**
 * Responses that are written side by side: the cache of keys and values, and the larger of what reads prompts and what draws
 * tokens (trainer/decode/passes.ts). What was read of prompts, of all layers, lies about until it is in the cache.
 */
function written({ layers, hidden, heads, kvHeads, ffn, vocab, context }: Architecture, responses: number): number {
  const slots = Math.min(responses, responsesAtOnce);
  const prompts = Math.min(slots, Math.max(1, Math.floor(promptTokensAtOnce / context)));
  const count = prompts * context;
  const remembered = 2 * layers * kvHeads * (hidden / heads);
  // Probabilities of all blocks of queries, and the scores of the last.
  const attention = prompts * heads * (causalPairs(context) + context * (queryBlocks(context).at(-1) as number));
  const read = remembered * count + 2 * count * hidden + Math.max(attention, 3 * count * ffn);
  return remembered * slots * context + Math.max(read, numbersAScore * slots * vocab);
}

/** Of a token that may come next: its score, and in the draw three doubles, sorted for a nucleus or not (trainer/decode/draw.ts). */
const numbersAScore = 7;

/** A forward pass of which nothing is kept: one block at work. */
function passing(architecture: Architecture, pass: Pass): number {
  const { attention, feedForward } = keptNumbers(architecture, pass, { precision: 'float32' });
  return Math.max(attention, feedForward);
}
