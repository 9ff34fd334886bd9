import type {
  Architecture,
  DpoRecipe,
  EvaluateRecipe,
  GenerateRecipe,
  RewardRecipe,
  RlRecipe,
  SftRecipe,
  TrunkRecipe,
} from '../schemas/types/job.ts';
import { parameterCount } from './architecture.ts';
import { causalPairs, forwardFlops, type Pass, trainingFlops, wholeSequences } from './flops.ts';
import type { Task } from './plan.ts';

/** What a node costs, or several together. */
export interface Price {
  /** Steps of the training loop, which checkpoints count in: optimizer steps; in RL, rounds. */
  steps: number;
  /** Updates of the model by the optimizer. */
  updates: number;
  tokens: {
    /** Whose prediction is learned from: of SFT and RL those of responses only. */
    trained: number;
    /** Sampled, in RL and in evaluations. */
    generated: number;
    /** Of held-out text, whose loss is measured. */
    scored: number;
  };
  /** Floating-point operations; see flops.ts for what counts. */
  flops: { training: number; inference: number };
  /** Of weights in float32; tokenizers, data, events and samples are not counted. */
  bytes: {
    /** Of the model that is published. */
    published: number;
    /** Of the checkpoints of one node while it runs, at most; they are gone when it is done. */
    checkpoints: number;
  };
  /** False where it is an upper bound, because it depends on the lengths of texts that no tokenizer has seen yet. */
  exact: boolean;
}

/** What of a node its price depends on; every PlanNode is one. */
export type Priceable = Task & {
  architecture: Architecture | null;
  /** Steps that its trunk has done, and paid for. */
  startsAt?: number;
  /** Of the reward model that scores an evaluation's responses. */
  judge?: Architecture;
};

/** The price of nothing. */
export const nothing: Price = {
  steps: 0,
  updates: 0,
  tokens: { trained: 0, generated: 0, scored: 0 },
  flops: { training: 0, inference: 0 },
  bytes: { published: 0, checkpoints: 0 },
  exact: true,
};

/**
 * What a node costs from its beginning (which is where its trunk ends) to its end, whatever is done of it already. Exact for
 * text; for examples and responses a bound that they cannot pass, from the context and the longest response. Data,
 * tokenizers and certificates are free: they multiply no matrices. Nodes that share their recipe and their architecture,
 * as seeds do, share the price.
 */
export function priceOf(node: Priceable): Readonly<Price> {
  const { recipe, architecture, startsAt, judge } = node;
  if (architecture === null || startsAt !== undefined || judge !== undefined) return findPrice(node);
  const ofShapes = known.get(recipe) ?? new WeakMap<Architecture, Price>();
  known.set(recipe, ofShapes);
  const price = ofShapes.get(architecture) ?? findPrice(node);
  ofShapes.set(architecture, price);
  return price;
}

/** Prices of recipes, by the shape of the model, as long as there are plans that have them. */
const known = new WeakMap<Task['recipe'], WeakMap<Architecture, Price>>();

function findPrice(node: Priceable): Price {
  switch (node.type) {
    case 'data':
    case 'tokenizer':
    case 'overlap':
    case 'build':
      return nothing;
    case 'adopt':
      return { ...nothing, bytes: { published: bytesANumber * parameterCount(shapeOf(node)), checkpoints: 0 } };
    case 'pretrain':
    case 'cpt':
      return textPrice(shapeOf(node), node.recipe, node.startsAt);
    case 'trunk':
      return trunkPrice(shapeOf(node), node.recipe, node.startsAt);
    case 'checkpoint': {
      const { run, steps } = node.recipe;
      return trunkPrice(shapeOf(node), { steps, batchSequences: run.batchSequences }, node.startsAt);
    }
    case 'sft':
      return sftPrice(shapeOf(node), node.recipe);
    case 'dpo':
      return dpoPrice(shapeOf(node), node.recipe);
    case 'rl':
      return rlPrice(shapeOf(node), node.recipe);
    case 'reward':
      return rewardPrice(shapeOf(node), node.recipe);
    case 'generate':
      return generationPrice(node.architecture, node.recipe);
    case 'evaluate':
      return evaluationPrice(shapeOf(node), node.recipe, node.judge);
    default:
      return node satisfies never;
  }
}

/** What several nodes cost together: sums, but of checkpoints those of the largest, and exact where all of them are. */
export function sumOfPrices(prices: Iterable<Price>): Price {
  const sum = structuredClone(nothing);
  for (const { steps, updates, tokens, flops, bytes, exact } of prices) {
    sum.steps += steps;
    sum.updates += updates;
    sum.tokens.trained += tokens.trained;
    sum.tokens.generated += tokens.generated;
    sum.tokens.scored += tokens.scored;
    sum.flops.training += flops.training;
    sum.flops.inference += flops.inference;
    sum.bytes.published += bytes.published;
    sum.bytes.checkpoints = Math.max(sum.bytes.checkpoints, bytes.checkpoints);
    sum.exact &&= exact;
  }
  return sum;
}

/** All floating-point operations of a price. */
export function allFlops({ flops }: Price): number {
  return flops.training + flops.inference;
}

/** What is to pay of a price where only a part of it is left: of steps and tokens to the nearest whole; disk as it is. */
export function partOfPrice(price: Price, part: number): Price {
  if (part === 1) return price;
  if (part === 0) return nothing;
  const { steps, updates, tokens, flops, bytes, exact } = price;
  const whole = (count: number) => Math.round(count * part);
  return {
    steps: whole(steps),
    updates: whole(updates),
    tokens: { trained: whole(tokens.trained), generated: whole(tokens.generated), scored: whole(tokens.scored) },
    flops: { training: flops.training * part, inference: flops.inference * part },
    bytes,
    exact,
  };
}

/** The part of a node's price that is still to pay, from 0 to 1, once a checkpoint at `step` has what came before. */
export function partLeft(node: Priceable, step: number): number {
  const { steps } = priceOf(node);
  const done = step - (node.startsAt ?? 0);
  return steps === 0 ? 1 : Math.min(1, Math.max(0, (steps - done) / steps));
}

/** All sequences are full. */
function textPrice(
  architecture: Architecture,
  { steps, batchSequences }: { steps: number; batchSequences: number },
  startsAt = 0,
): Price {
  const left = steps - startsAt;
  return supervisedPrice(architecture, wholeSequences(left * batchSequences, architecture.context), left);
}

/** What is published can be gone on from: the moments are in it too. */
function trunkPrice(
  architecture: Architecture,
  recipe: Pick<TrunkRecipe, 'steps' | 'batchSequences'>,
  startsAt?: number,
): Price {
  const price = textPrice(architecture, recipe, startsAt);
  return { ...price, bytes: { ...price.bytes, published: numbersAParameter * price.bytes.published } };
}

/** An example is at most as long as the context, and at most all of it is response. */
function sftPrice(
  architecture: Architecture,
  { examples, epochs, batch }: Pick<SftRecipe, 'examples' | 'epochs' | 'batch'>,
): Price {
  const pass = wholeSequences(examples * epochs, architecture.context);
  const steps = Math.ceil(examples / batch) * epochs;
  return { ...supervisedPrice(architecture, pass, steps), exact: false };
}

/** Two responses a pair; those of the reference are read once, before training. */
function dpoPrice(architecture: Architecture, recipe: DpoRecipe): Price {
  const price = sftPrice(architecture, ofPairs(recipe));
  const measured = wholeSequences(2 * recipe.examples, architecture.context);
  return { ...price, flops: { ...price.flops, inference: forwardFlops(architecture, measured) } };
}

/** The same with one score a response in place of the vocabulary's. */
function rewardPrice(architecture: Architecture, recipe: RewardRecipe): Price {
  const { examples, epochs, batch } = recipe;
  const steps = Math.ceil(examples / batch) * epochs;
  const responses = 2 * examples * epochs;
  const pass = { ...wholeSequences(responses, architecture.context), predicted: responses };
  const { vocab, hidden } = architecture;
  return {
    ...nothing,
    steps,
    updates: steps,
    tokens: { ...nothing.tokens, trained: pass.read },
    flops: { training: trainingFlops(architecture, pass, 1), inference: 0 },
    bytes: trainedBytes([parameterCount(architecture) - vocab * hidden + hidden]),
    exact: false,
  };
}

function ofPairs({ examples, epochs, batch }: DpoRecipe): Pick<SftRecipe, 'examples' | 'epochs' | 'batch'> {
  return { examples: 2 * examples, epochs, batch: 2 * batch };
}

/** What an endpoint computes is not ours to pay. */
function generationPrice(architecture: Architecture | null, recipe: GenerateRecipe): Price {
  const responses = recipe.problems * recipe.samples;
  if (architecture === null) return inferencePrice({ generated: responses * recipe.maxResponse }, 0);
  const pass = written(longestResponses(architecture, responses, recipe.maxResponse), architecture);
  return inferencePrice({ generated: pass.predicted }, forwardFlops(architecture, pass));
}

/** Of a node that learns nothing and leaves no model. */
function inferencePrice(tokens: Partial<Price['tokens']>, inference: number, exact = false): Price {
  return { ...nothing, tokens: { ...nothing.tokens, ...tokens }, flops: { training: 0, inference }, exact };
}

function supervisedPrice(architecture: Architecture, pass: Pass, steps: number): Price {
  return {
    ...nothing,
    steps,
    updates: steps,
    tokens: { ...nothing.tokens, trained: pass.predicted },
    flops: { training: trainingFlops(architecture, pass), inference: 0 },
    bytes: trainedBytes([parameterCount(architecture)]),
  };
}

/**
 * Each response is sampled; read by the critic of PPO, by the reference where there is a KL, and in bfloat16 by the policy
 * before its updates, unless a round is one of them and has no KL; and learned from by the policy, and the critic,
 * `innerEpochs` times. Under `dynamicSampling` rounds are taken to sample once.
 */
function rlPrice(architecture: Architecture, recipe: RlRecipe): Price {
  const { examples, epochs, miniBatch, innerEpochs, maxResponse, klCoef, precision } = recipe;
  const batch = Math.min(recipe.batch, examples);
  const rounds = Math.floor(examples / batch) * epochs;
  const responsesARound = batch * recipe.responses;
  const pass = longestResponses(architecture, rounds * responsesARound, maxResponse);
  const isCompared = klCoef > 0;
  const isMeasuredAnew = precision === 'bfloat16' && (isCompared || innerEpochs > 1 || miniBatch < responsesARound);
  const policyReads = (isCompared ? 1 : 0) + (isMeasuredAnew ? 1 : 0);
  const policy = forwardFlops(architecture, pass);
  const hasCritic = recipe.algorithm === 'ppo';
  const critic = hasCritic ? forwardFlops(architecture, pass, 1) : 0;
  const parameters = parameterCount(architecture);
  // The critic has a head of one column and a bias in place of the output matrix.
  const criticParameters = parameters - architecture.vocab * architecture.hidden + architecture.hidden + 1;
  return {
    steps: rounds,
    updates: rounds * innerEpochs * Math.ceil(responsesARound / miniBatch),
    tokens: { trained: pass.predicted * innerEpochs, generated: pass.predicted, scored: 0 },
    flops: {
      training:
        innerEpochs * (trainingFlops(architecture, pass) + (hasCritic ? trainingFlops(architecture, pass, 1) : 0)),
      inference: forwardFlops(architecture, written(pass, architecture)) + policyReads * policy + critic,
    },
    bytes: trainedBytes(hasCritic ? [parameters, criticParameters] : [parameters]),
    exact: false,
  };
}

/** What a judge reads fills its context at most, and has one score in place of the vocabulary's. */
function evaluationPrice(architecture: Architecture, recipe: EvaluateRecipe, judge: Architecture | undefined): Price {
  if (recipe.kind === 'heldout') {
    const pass = heldoutPass(architecture, recipe.tokens, recipe.domains.length);
    // Generators have text without end; files may have less than is asked for.
    const exact = recipe.domains.every(({ source }) => 'generator' in source);
    return inferencePrice({ scored: pass.predicted }, forwardFlops(architecture, pass), exact);
  }
  if (recipe.kind === 'cloze') {
    const pass = wholeSequences(recipe.problems * recipe.tasks.length * mostChoices, architecture.context);
    return inferencePrice({ scored: pass.predicted }, forwardFlops(architecture, pass));
  }
  const responses = recipe.problems * recipe.tasks.length * (1 + recipe.samples);
  const pass = written(longestResponses(architecture, responses, recipe.maxResponse), architecture);
  const judged = judge
    ? forwardFlops(judge, { ...wholeSequences(responses, judge.context), predicted: responses }, 1)
    : 0;
  return inferencePrice({ generated: pass.predicted }, forwardFlops(architecture, pass) + judged);
}

/** Choices of an item: what most cloze tasks have. */
const mostChoices = 4;

/** Held-out text is cut into rows as long as the context, but into two at least; the last may be shorter. */
function heldoutPass({ context }: Architecture, tokens: number, domains: number): Pass {
  const length = Math.min(context, Math.ceil(tokens / 2));
  const rows = length === 0 ? 0 : Math.floor(tokens / length);
  const rest = tokens - rows * length;
  return {
    read: domains * tokens,
    pairs: domains * (rows * causalPairs(length) + causalPairs(rest)),
    predicted: domains * tokens,
  };
}

/** Prompt and response fill the context together at most, and the last token is not read. */
function longestResponses({ context }: Architecture, responses: number, maxResponse: number): Pass {
  return { ...wholeSequences(responses, context - 1), predicted: responses * maxResponse };
}

/** The same where responses are written token by token: each token may look at all that a sequence has room for. */
function written(pass: Pass, { context }: Architecture): Pass {
  return { ...pass, pairs: pass.read * (context - 1) };
}

const bytesANumber = 4;
/** A parameter with AdamW's two moments. */
const numbersAParameter = 3;
/** Two are kept, and a third is whole before the oldest of them goes (trainer/checkpoint.ts). */
const checkpointsAtOnce = 3;

/** Of what is trained together; only the first is published. */
function trainedBytes(parameters: readonly [number, ...number[]]): Price['bytes'] {
  const all = parameters.reduce((sum, count) => sum + count, 0);
  return {
    published: bytesANumber * parameters[0],
    checkpoints: checkpointsAtOnce * numbersAParameter * bytesANumber * all,
  };
}

function shapeOf({ type, architecture }: Priceable): Architecture {
  if (!architecture) throw new Error(`a ${type} node without an architecture`);
  return architecture;
}
