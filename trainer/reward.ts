/**
 * Reward models: one score of a prompt with a response.
 *
 * The body of a language model with the head of LlamaForSequenceClassification, `score.weight` [1, hidden]: the score is its
 * product with the hidden state of the last token, which of a finished response is the end of text. Of pairs of a chosen and
 * a rejected response with the scores r+ and r- the loss is (Bradley and Terry 1952; Ouyang et al. 2022, arXiv 2203.02155)
 *
 *     mean(-ln σ(r+ - r-)) + centerCoef mean((r+ + r-)²)
 *
 * whose second term keeps scores around 0, which the first leaves open (Eisenstein et al. 2023, arXiv 2312.09244, as TRL has
 * it). The head's product is computed in float32 in either precision: differences of scores are what matters.
 */
import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node';
import { outputMatrix, scoreMatrix } from '../schemas/llama.ts';
import { scoredTokensAtOnce, tokensAtOnce } from '../schemas/passes.ts';
import type { Architecture, RewardRecipe } from '../schemas/types/job.ts';
import type { Trainable } from './adamw.ts';
import { statesBefore } from './batch.ts';
import { type Pair, pairsInParts, responsesOf } from './data/preferences.ts';
import type { PairValues } from './dpo.ts';
import type { Example } from './example.ts';
import { capture } from './graph/capture.ts';
import { mul, reshape, sum } from './kernels.ts';
import { piece, total } from './ops.ts';
import type { Parameters } from './parameters.ts';
import { stretchesOf } from './portions.ts';
import { paddedTime } from './shapes.ts';
import type { SupervisedOptions } from './supervised.ts';
import { readTensor, tf } from './tf.ts';
import { capturedUpdates, type Sums, type SumsOf } from './update.ts';

/**
 * A reward model in place of a language model: takes its body over and leaves its output matrix. The head begins at zero, so
 * that the first loss is ln 2 whatever the pairs, as nothing is known yet, and no seed is needed; its first update is of the
 * head alone.
 */
export function rewardModelFrom(architecture: Architecture, parent: Parameters): Parameters {
  const { [outputMatrix]: output, ...body } = parent;
  output?.dispose();
  return { ...body, [scoreMatrix]: tf.tidy(() => tf.variable(tf.zeros([1, architecture.hidden]))) };
}

/** Texts to score: tokens int32 [B, T], and of each the place of its last token among them all, int32 [B]. */
export type ScoredTensors = { tokens: Tensor2D; places: Tensor1D };

/** The score of each text, [B]. */
export function scoresOf(
  architecture: Architecture,
  parameters: Parameters,
  texts: ScoredTensors,
  recompute = false,
): Tensor1D {
  const states = statesBefore(architecture, parameters, texts, recompute);
  return headProduct(states, parameters[scoreMatrix] as Tensor);
}

/** x wᵀ, [N], of x [N, D] and w [1, D], without a product of matrices, which might be rounded. dx = dy w, dw = dyᵀ x. */
function headProduct(x: Tensor2D, weight: Tensor): Tensor1D {
  return piece([x, weight], () => ({
    value: sum(mul(x, weight), 1),
    saved: { x },
    gradient: (dy, { x }) => {
      const column = reshape(dy, [-1, 1]);
      return [mul(column, weight), sum(mul(column, x), 0, true)];
    },
  }));
}

/** What an update is made from: texts, the chosen ones and then the rejected ones, and the weight of each pair, [P]. */
export type RewardTensors = ScoredTensors & { weights: Tensor1D };

/** The loss of each pair, [P], of its scores, [P]. Of tensors alone. */
export function bradleyTerryLoss(centerCoef: number, { chosen, rejected }: PairValues<Tensor1D>): Tensor1D {
  // -ln σ(x) = softplus(-x)
  const loss = tf.softplus(tf.sub(rejected, chosen)) as Tensor1D;
  if (centerCoef === 0) return loss;
  return tf.add(loss, tf.mul(tf.square(tf.add(chosen, rejected)), centerCoef)) as Tensor1D;
}

/** The sums that a reward model learns from, of a batch or a part of one: the weights of a batch add up to one. */
export function rewardSums(
  architecture: Architecture,
  parameters: Parameters,
  { centerCoef }: Pick<RewardRecipe, 'centerCoef'>,
  recompute = false,
): SumsOf<RewardTensors> {
  return ({ weights, ...texts }) => {
    const scores = scoresOf(architecture, parameters, texts, recompute);
    const [chosen, rejected] = tf.split(scores, 2) as [Tensor1D, Tensor1D];
    const mean = (values: Tensor): Sums['loss'] => total(tf.mul(weights, values));
    return {
      loss: mean(bradleyTerryLoss(centerCoef, { chosen, rejected })),
      chosenReward: mean(chosen),
      rejectedReward: mean(rejected),
      margin: mean(tf.sub(chosen, rejected)),
      accuracy: mean(tf.cast(tf.greater(chosen, rejected), 'float32')),
    };
  };
}

/** Optimizer updates on batches of pairs, as a captured function. Gives the metrics of a step by name. */
export function rewardSteps(
  architecture: Architecture,
  model: Trainable,
  recipe: Pick<RewardRecipe, 'centerCoef'>,
  { precision = 'float32', recompute = false, atOnce = tokensAtOnce }: SupervisedOptions = {},
): (batch: readonly Pair[], lr: number) => Record<string, number> {
  const sums = rewardSums(architecture, model.parameters, recipe, recompute);
  const updates = capturedUpdates(model, sums, { precision, inOrder: recompute });
  return (batch, lr) => {
    const parts = pairsInParts(batch, architecture.context, atOnce).map((part) => () => ({
      ...scoredTensors(responsesOf(part).map(textOf), architecture.context),
      weights: tf.fill([part.length], 1 / batch.length) as Tensor1D,
    }));
    return { ...updates(parts, lr), lr };
  };
}

/**
 * Scores texts of at most the context, of any lengths, as a captured function: in float32, those of like lengths together, and
 * in their order.
 *
 * @param padding the token that no score is taken at, as transformers has it: that of a text is at its last other token
 */
export function scorer(
  architecture: Architecture,
  parameters: Parameters,
  padding: number | undefined,
  atOnce = scoredTokensAtOnce,
): (texts: readonly (readonly number[])[]) => Float32Array {
  const score = capture((texts: ScoredTensors) => ({ scores: scoresOf(architecture, parameters, texts) }));
  return (texts) => {
    const lengthAt = (index: number) => (texts[index] as readonly number[]).length;
    const order = [...texts.keys()].sort((a, b) => lengthAt(a) - lengthAt(b));
    const scores = new Float32Array(texts.length);
    const longest = order.length > 0 ? lengthAt(order.at(-1) as number) : 0;
    for (const [from, to] of stretchesOf(texts.length, paddedTime(longest, architecture.context), atOnce)) {
      const chosen = order.slice(from, to);
      const some = chosen.map((index) => texts[index] as readonly number[]);
      const found = readTensor(() => score(scoredTensors(some, architecture.context, padding)).scores);
      for (const [at, index] of chosen.entries()) scores[index] = found[at] as number;
    }
    return scores;
  };
}

/** All tokens of a prompt with its response. */
export function textOf({ prompt, response }: Example): number[] {
  return [...prompt, ...response];
}

/** The tensors of texts; the caller disposes them. */
function scoredTensors(texts: readonly (readonly number[])[], context: number, padding?: number): ScoredTensors {
  const time = paddedTime(Math.max(...texts.map(({ length }) => length)), context);
  const tokens = new Int32Array(texts.length * time);
  for (const [row, text] of texts.entries()) tokens.set(text, row * time);
  const last = (text: readonly number[]) =>
    Math.max(
      0,
      text.findLastIndex((token) => token !== padding),
    );
  return {
    tokens: tf.tensor2d(tokens, [texts.length, time], 'int32'),
    places: tf.tensor1d(Int32Array.from(texts.map((text, row) => row * time + last(text))), 'int32'),
  };
}
