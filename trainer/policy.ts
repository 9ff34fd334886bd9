/** The policy of reinforcement learning: how likely it makes what was sampled, and its loss by an algorithm. */
import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node';
import { outputMatrix } from '../schemas/llama.ts';
import type { Architecture } from '../schemas/types/job.ts';
import type { Trainable } from './adamw.ts';
import type { Algorithm } from './algorithm.ts';
import { type RowTensors, statesBefore } from './batch.ts';
import { type Experience, type Measure, measure, type Part, type UpdateTensors, updateTensors } from './episode.ts';
import type { CaptureOptions } from './graph/capture.ts';
import { log, max, mul, neg, reshape, softmax, stopGradient, sub, sum } from './kernels.ts';
import { logits } from './model.ts';
import { outputLogProbs, piece, tokenLogProbs, total } from './ops.ts';
import type { Parameters } from './parameters.ts';
import { tf } from './tf.ts';
import { capturedUpdates, type Sums, type SumsOf } from './update.ts';

/** A model that responses are drawn from: its tokens' probabilities are softmax(logits / temperature). */
export interface Sampled {
  architecture: Architecture;
  parameters: Parameters;
  temperature: number;
}

/** ln p of each response token under a model, as a captured function. */
export function measureLogProbs(sampled: Sampled, options: CaptureOptions): Measure {
  const output = sampled.parameters[outputMatrix] as Tensor as Tensor2D;
  return measure((rows) => outputLogProbs(temperedStates(sampled, rows), output, rows.targets), options);
}

/** Updates of a policy by an algorithm, as a captured function of mini-batches. */
export function policyUpdates(
  policy: Trainable,
  sampled: Sampled,
  algorithm: Algorithm,
  options: CaptureOptions,
): PolicyUpdates {
  const update = capturedUpdates(policy, policySums(sampled, algorithm), options);
  const onParts = (parts: readonly Part<Experience>[], lr: number) => {
    const { loss, ...others } = update(updateTensors(parts, figures, algorithm.lossWeights), lr);
    return { policyLoss: loss, ...others, lr };
  };
  return Object.assign(onParts, { dispose: update.dispose });
}

/**
 * The sums that a policy learns from, of a mini-batch or of a part of one: the loss by its weights, figures as means over
 * tokens. Where old log-probabilities were not measured they are the policy's own, as constants.
 */
export function policySums(sampled: Sampled, { policyLoss }: Algorithm): SumsOf<PolicyTensors> {
  return ({ weights, shares, oldLogProbs, referenceLogProbs, advantages, ...rows }) => {
    const scores = logits(sampled.parameters, temperedStates(sampled, rows)) as Tensor2D;
    const logProbs = tokenLogProbs(scores, rows.targets);
    const { loss, ...others } = policyLoss({
      logProbs,
      entropies: entropy(scores),
      oldLogProbs: oldLogProbs ?? (stopGradient(logProbs) as Tensor1D),
      referenceLogProbs,
      advantages,
    });
    const means = Object.entries(others).map(([name, values]) => [name, total(tf.mul(shares, values))]);
    return { loss: total(tf.mul(weights, loss)), ...Object.fromEntries(means) } as Sums;
  };
}

/** One update on a mini-batch; gives its metrics by name. */
export interface PolicyUpdates {
  (parts: readonly Part<Experience>[], lr: number): Record<string, number>;
  /** Frees the graphs; not the policy. */
  dispose(): void;
}

/** What a policy learns from. */
export type PolicyTensors = UpdateTensors<'advantages'> & Partial<UpdateTensors<'oldLogProbs' | 'referenceLogProbs'>>;

const figures = ['oldLogProbs', 'referenceLogProbs', 'advantages'] as const;

/** The states before response tokens, [N, hidden], over the temperature: so logits are divided by it, with fewer numbers. */
function temperedStates({ architecture, parameters, temperature }: Sampled, rows: RowTensors): Tensor2D {
  const states = statesBefore(architecture, parameters, rows);
  return temperature === 1 ? states : tf.div(states, temperature);
}

/**
 * The entropy of the next-token distribution of each row of logits z [N, V], in nats: [N]. With p = softmax(z) and u = z -
 * max z,
 *
 *     H = -Σ p ln p = -ln(max p) - Σ p u        dz = -dy p (ln p + H)
 */
export function entropy(logits: Tensor2D): Tensor1D {
  return piece([logits], () => {
    const p = softmax(logits);
    const u = sub(logits, max(logits, 1, true));
    const mean = sum(mul(p, u), 1);
    return {
      value: sub(neg(log(max(p, 1))), mean),
      saved: { p, u, mean },
      // ln p + H = u - Σ p u
      gradient: (dy, { p, u, mean }) => [mul(mul(p, sub(u, reshape(mean, [-1, 1]))), reshape(neg(dy), [-1, 1]))],
    };
  });
}
