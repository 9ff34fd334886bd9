/**
 * Direct preference optimisation (Rafailov et al. 2023, arXiv 2305.18290): the losses, and what they are computed from.
 *
 * With π the model, ref its frozen parent, y+ the chosen and y- the rejected response to x, and
 *
 *     r(y) = ln π(y|x) - ln ref(y|x)        d = r(y+) - r(y-)
 *
 * where ln p(y|x) is the sum over the tokens of y, its end among them, the loss of a pair is one of
 *
 *     sigmoid   -(1 - ε) ln σ(β d) - ε ln σ(-β d)        ε: label smoothing, conservative DPO (Mitchell 2023)
 *     ipo       (d - 1 / (2 β))²                         Azar et al. 2023, arXiv 2310.12036, eq. 17
 *
 * and a batch's is the mean over its pairs. For IPO all ln p are means over the tokens of y, as in TRL. `nllCoef`
 * adds, times itself, the mean over pairs of -ln π(y+|x) / |y+|: the term of Pang et al. 2024 (arXiv 2404.19733), known as
 * RPO, by the length of the response alone. (TRL takes the mean over all tokens of a batch, where long responses count more.)
 */
import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node';
import { outputMatrix } from '../schemas/llama.ts';
import { tokensAtOnce } from '../schemas/passes.ts';
import type { Architecture, DpoRecipe } from '../schemas/types/job.ts';
import type { Trainable } from './adamw.ts';
import { type RowTensors, rowTensors, statesBefore } from './batch.ts';
import { type Pair, pairsInParts, responsesOf } from './data/preferences.ts';
import { capture } from './graph/capture.ts';
import { outputLogProbs, segmentTotals, total } from './ops.ts';
import { padded, spread } from './padded.ts';
import type { Parameters } from './parameters.ts';
import type { SupervisedOptions } from './supervised.ts';
import { readTensor, tf } from './tf.ts';
import { capturedUpdates, type Sums, type SumsOf } from './update.ts';

/** What of a recipe says which loss it is. */
export type DpoLoss = Pick<DpoRecipe, 'loss' | 'beta' | 'labelSmoothing' | 'nllCoef'>;

/** Of each pair a number of its chosen and one of its rejected response. */
export interface PairValues<Values> {
  chosen: Values;
  rejected: Values;
}

/** The loss of each pair, [P], of its log-ratios r(y+) and r(y-), [P]. Of tensors alone. */
export function preferenceLoss(
  { loss, beta, labelSmoothing }: DpoLoss,
  { chosen, rejected }: PairValues<Tensor1D>,
): Tensor1D {
  const difference = tf.sub(chosen, rejected);
  if (loss === 'ipo') return tf.square(tf.sub(difference, 1 / (2 * beta))) as Tensor1D;
  const preferred = tf.mul(difference, beta);
  // -ln σ(x) = softplus(-x)
  return tf.add(
    tf.mul(tf.softplus(tf.neg(preferred)), 1 - labelSmoothing),
    tf.mul(tf.softplus(preferred), labelSmoothing),
  ) as Tensor1D;
}

/**
 * The implicit rewards β r of each pair's responses, and how often the chosen one has more: a mean over pairs by their
 * weights, which add up to one over a batch. Figures beside a loss.
 */
function rewardSums(
  { beta }: DpoLoss,
  ratios: PairValues<Tensor1D>,
  weights: Tensor1D,
): Record<'chosenReward' | 'rejectedReward' | 'margin' | 'accuracy', Sums['loss']> {
  const mean = (values: Tensor) => total(tf.mul(weights, values));
  const [chosen, rejected] = [tf.mul(ratios.chosen, beta), tf.mul(ratios.rejected, beta)];
  return {
    chosenReward: mean(chosen),
    rejectedReward: mean(rejected),
    margin: mean(tf.sub(chosen, rejected)),
    accuracy: mean(tf.cast(tf.greater(chosen, rejected), 'float32')),
  };
}

/**
 * Pairs as a model reads them: rows of their responses, and of each place in them, [N], which pair it belongs to, and what it
 * counts for in ln p of the chosen and of the rejected response; padding has 0. Where the likelihood is learned too, also what
 * it counts for in the mean of the chosen one. Of each pair, [P], its weight in the mean over the batch.
 */
export type PairTensors = RowTensors & {
  pairs: Tensor1D;
  chosen: Tensor1D;
  rejected: Tensor1D;
  likelihood?: Tensor1D;
  weights: Tensor1D;
};

/** What an update is made from: pairs, and ln p of their responses under the parent, [P]. */
export type DpoTensors = PairTensors & { referenceChosen: Tensor1D; referenceRejected: Tensor1D };

/** ln p of the responses of each pair, [P]: sums over tokens, or means for IPO; of the chosen ones perhaps as means too. */
function responseLogProbs(
  architecture: Architecture,
  parameters: Parameters,
  { pairs, chosen, rejected, likelihood, weights, ...rows }: PairTensors,
  recompute = false,
): PairValues<Tensor1D> & { likelihood: Tensor1D | undefined } {
  const states = statesBefore(architecture, parameters, rows, recompute);
  const output = parameters[outputMatrix] as Tensor as Tensor2D;
  const logProbs = outputLogProbs(states, output, rows.targets);
  const summed = (counting: Tensor1D) => segmentTotals(tf.mul(logProbs, counting), pairs, weights.size);
  return { chosen: summed(chosen), rejected: summed(rejected), likelihood: likelihood && summed(likelihood) };
}

/** The sums that a model learns from, of a batch or a part of one. */
export function dpoSums(
  architecture: Architecture,
  parameters: Parameters,
  options: DpoLoss,
  recompute = false,
): SumsOf<DpoTensors> {
  return ({ referenceChosen, referenceRejected, ...pairs }) => {
    const { weights } = pairs;
    const { chosen, rejected, likelihood } = responseLogProbs(architecture, parameters, pairs, recompute);
    const ratios = {
      chosen: tf.sub(chosen, referenceChosen) as Tensor1D,
      rejected: tf.sub(rejected, referenceRejected) as Tensor1D,
    };
    const preference = total(tf.mul(weights, preferenceLoss(options, ratios)));
    const figures = rewardSums(options, ratios, weights);
    if (likelihood === undefined) return { loss: preference, ...figures };
    const nll = tf.neg(total(tf.mul(weights, likelihood)));
    return { loss: tf.add(preference, tf.mul(nll, options.nllCoef)), ...figures, nllLoss: nll };
  };
}

/** The tensors of pairs of a batch of so many; the caller disposes them. */
export function pairTensors(
  pairs: readonly Pair[],
  batch: number,
  context: number,
  { loss, nllCoef }: DpoLoss,
): PairTensors {
  const examples = responsesOf(pairs);
  const rows = padded(examples, { padding: 0, context });
  const figures = (of: (example: number, length: number) => number) =>
    spread(
      rows,
      examples.map(({ response }, example) => new Float32Array(response.length).fill(of(example, response.length))),
    );
  const isChosen = (example: number) => example < pairs.length;
  const share = (length: number) => (loss === 'ipo' ? 1 / length : 1);
  return {
    ...rowTensors(rows),
    pairs: tf.tensor1d(Int32Array.from(figures((example) => example % pairs.length)), 'int32'),
    chosen: tf.tensor1d(figures((example, length) => (isChosen(example) ? share(length) : 0))),
    rejected: tf.tensor1d(figures((example, length) => (isChosen(example) ? 0 : share(length)))),
    ...(nllCoef > 0 && {
      likelihood: tf.tensor1d(figures((example, length) => (isChosen(example) ? 1 / length : 0))),
    }),
    weights: tf.fill([pairs.length], 1 / batch) as Tensor1D,
  };
}

/** A pair with ln p of its responses under the parent. */
export interface MeasuredPair extends Pair {
  reference: PairValues<number>;
}

/** ln p of the responses of pairs under a model as it is, some after the others, as a captured function. */
export function pairMeasure(
  architecture: Architecture,
  parameters: Parameters,
  loss: DpoLoss,
  { precision = 'float32', atOnce = tokensAtOnce }: SupervisedOptions = {},
): (pairs: readonly Pair[]) => Generator<MeasuredPair[]> {
  const { context } = architecture;
  const pass = capture(
    (pairs: PairTensors) => {
      const { chosen, rejected } = responseLogProbs(architecture, parameters, pairs);
      return { both: tf.concat([chosen, rejected]) };
    },
    { precision },
  );
  return function* (pairs) {
    for (const part of pairsInParts(pairs, context, atOnce)) {
      const tensors = () => pairTensors(part, part.length, context, { ...loss, nllCoef: 0 });
      const both = readTensor(() => pass(tensors()).both);
      yield part.map((pair, i) => ({
        ...pair,
        reference: { chosen: both[i] as number, rejected: both[part.length + i] as number },
      }));
    }
  };
}

/** Optimizer updates on batches of pairs, as a captured function. Gives the metrics of a step by name. */
export function dpoSteps(
  architecture: Architecture,
  model: Trainable,
  loss: DpoLoss,
  { precision = 'float32', recompute = false, atOnce = tokensAtOnce }: SupervisedOptions = {},
): (batch: readonly MeasuredPair[], lr: number) => Record<string, number> {
  const { context } = architecture;
  const sums = dpoSums(architecture, model.parameters, loss, recompute);
  const updates = capturedUpdates(model, sums, { precision, inOrder: recompute });
  return (batch, lr) => {
    const parts = pairsInParts(batch, context, atOnce) as MeasuredPair[][];
    const tensors = parts.map((part) => () => ({
      ...pairTensors(part, batch.length, context, loss),
      referenceChosen: tf.tensor1d(part.map(({ reference }) => reference.chosen)),
      referenceRejected: tf.tensor1d(part.map(({ reference }) => reference.rejected)),
    }));
    return { ...updates(tensors, lr), lr };
  };
}

/** The loss of each pair under a model, of ln p of its responses, and its implicit rewards. What the likelihood adds is not in it. */
export function judged(
  pairs: readonly MeasuredPair[],
  now: readonly MeasuredPair[],
  loss: DpoLoss,
): (PairValues<number> & { loss: number })[] {
  const ratios = (of: 'chosen' | 'rejected') =>
    pairs.map(({ reference }, i) => (now[i] as MeasuredPair).reference[of] - reference[of]);
  const [chosen, rejected] = [ratios('chosen'), ratios('rejected')];
  const losses = readTensor(() =>
    preferenceLoss(loss, { chosen: tf.tensor1d(chosen), rejected: tf.tensor1d(rejected) }),
  );
  return pairs.map((_, i) => ({
    chosen: loss.beta * (chosen[i] as number),
    rejected: loss.beta * (rejected[i] as number),
    loss: losses[i] as number,
  }));
}
