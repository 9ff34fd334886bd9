/**
 * The learner of PPO: takes episodes, leaves a better policy. What the formulas of `ppo.ts` need of the models is
 * measured here, and what they yield becomes updates of policy and critic, in verl's order:
 *
 *   old log-probabilities, reference, values -> rewards -> advantages, whitened over the round -> critic, policy
 *
 * - The old log-probabilities are those of this forward pass: what sampling saw, token by token through a cache, differs
 *   by float noise, which a ratio would carry. Where a round is one update they are the update's own, as in verl, and
 *   need no pass of their own: every ratio is 1.
 * - The reference is the parent, frozen; it is evaluated only where `klCoef` asks for it, and only then `kl` is measured.
 * - Losses are means over all response tokens of a mini-batch, however it is split to fit into memory.
 */
import type { Scalar, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node';
import type { Architecture, RlRecipe } from '../schemas/types/job.ts';
import { adamw, type Trainable } from './adamw.ts';
import { createCritic, valuesOf } from './critic.ts';
import {
  countResponseTokens,
  type Episode,
  inParts,
  perEpisode,
  responseTokens,
  statesBefore,
  sumOverParts,
} from './episode.ts';
import { disposeParameters, logits, type Parameters, tokenLogProbs } from './model.ts';
import {
  clippedTokens,
  entropy,
  explainedVariance,
  generalisedAdvantages,
  klEstimates,
  policyLoss,
  tokenRewards,
  valueLoss,
  whiten,
} from './ppo.ts';
import { random } from './random.ts';
import { learningRate } from './schedule.ts';
import { tf } from './tf.ts';

/** What of a recipe the learner follows. */
export type LearnerRecipe = Omit<RlRecipe, 'algorithm' | 'data' | 'examples' | 'epochs' | 'batch' | 'maxResponse'>;

export interface Learner {
  policy: Trainable;
  critic: Trainable;
  /**
   * Learns from the episodes of one round: `innerEpochs` passes over them in mini-batches, whose order is drawn by seed
   * and purpose. Gives the round's metrics by name; those of updates are means over them, norms are before clipping.
   */
  learn(episodes: readonly Episode[], seed: number, purpose: (string | number)[]): Record<string, number>;
  /** Frees all tensors but the policy's parameters. */
  dispose(): void;
}

/** The three models, and how they are used. */
interface Models {
  architecture: Architecture;
  policy: Trainable;
  critic: Trainable;
  /** The parent's parameters, frozen; undefined where no KL is asked for. */
  reference: Parameters | undefined;
  recipe: LearnerRecipe;
  tokensAtOnce: number;
}

/** An episode with what was measured before the first update, a figure a response token. */
interface Experience extends Episode {
  /** Under the policy that sampled; undefined where the round is one update, which then has the same. */
  oldLogProbs: Float32Array | undefined;
  values: Float32Array;
  advantages: Float32Array;
  returns: Float32Array;
}

/** What one optimizer update did. */
interface Update {
  lr: number;
  criticLr: number;
  policy: { loss: number; norm: number; clipFraction: number; entropy: number };
  critic: { loss: number; norm: number };
}

/**
 * A learner that trains `parent` in place, over `updates` optimizer updates in all (what the warm-up is a share of).
 * At most `tokensAtOnce` padded tokens go through a model in one pass; what is more goes in parts, and their gradients
 * are added up.
 */
export function createLearner(
  architecture: Architecture,
  parent: Parameters,
  recipe: LearnerRecipe,
  updates: number,
  tokensAtOnce = 16_384,
): Learner {
  const models: Models = {
    architecture,
    policy: adamw(parent, recipe),
    critic: adamw(createCritic(architecture, parent), recipe),
    reference: recipe.klCoef > 0 ? frozenCopy(parent) : undefined,
    recipe,
    tokensAtOnce,
  };
  const { policy, critic, reference } = models;
  const rate = (peak: number) =>
    learningRate(policy.updates, updates, { lr: peak, minLr: peak, warmup: recipe.warmup, schedule: 'constant' });

  function update(batch: readonly Experience[]): Update {
    const [lr, criticLr] = [rate(recipe.lr), rate(recipe.criticLr)];
    return { lr, criticLr, critic: updateCritic(models, batch, criticLr), policy: updatePolicy(models, batch, lr) };
  }

  return {
    policy,
    critic,
    learn(episodes, seed, purpose) {
      const { experiences, values } = gainExperience(models, episodes);
      const done: Update[] = [];
      for (let pass = 0; pass < recipe.innerEpochs; pass++) {
        const order = random(seed, ...purpose, 'mini-batches', pass).shuffle(experiences);
        for (let start = 0; start < order.length; start += recipe.miniBatch) {
          done.push(update(order.slice(start, start + recipe.miniBatch)));
        }
      }
      return { ...values, ...summary(done) };
    },
    dispose() {
      policy.dispose();
      critic.dispose();
      disposeParameters(critic.parameters);
      if (reference !== undefined) disposeParameters(reference);
    },
  };
}

/** Measures the models on the episodes of a round and estimates advantages; `values` are the metrics of that. */
function gainExperience(models: Models, episodes: readonly Episode[]) {
  const { policy, reference, recipe, tokensAtOnce } = models;
  const parts = inParts(episodes, tokensAtOnce);
  const oneUpdate = recipe.innerEpochs === 1 && recipe.miniBatch >= episodes.length;
  const old = oneUpdate ? undefined : perEpisode(parts, (part) => logProbsOf(models, policy.parameters, part));
  const kl =
    reference &&
    perEpisode(parts, (part) => logProbsOf(models, reference, part)).map((row, i) =>
      klEstimates(old?.[i] ?? Float32Array.from(episodes[i]?.logProbs ?? []), row),
    );
  const values = perEpisode(parts, (part) => criticValues(models, part));

  const estimates = values.map((row, i) => {
    const rewards = tokenRewards(episodes[i]?.reward as number, kl?.[i] ?? new Float32Array(row.length), recipe.klCoef);
    return generalisedAdvantages(rewards, row, recipe.gamma, recipe.lambda);
  });
  const returns = estimates.map((estimate) => estimate.returns);
  const advantages = whiten(estimates.map((estimate) => estimate.advantages));
  const experiences = episodes.map(
    (episode, i): Experience => ({
      ...episode,
      oldLogProbs: old?.[i],
      values: values[i] as Float32Array,
      advantages: advantages[i] as Float32Array,
      returns: returns[i] as Float32Array,
    }),
  );
  return {
    experiences,
    values: { ...(kl && { kl: mean(joined(kl)) }), explainedVariance: explainedVariance(returns, values) },
  };
}

function updateCritic(models: Models, batch: readonly Experience[], lr: number): Update['critic'] {
  const { critic, recipe, tokensAtOnce } = models;
  const tokens = countResponseTokens(batch);
  const { loss, gradients } = sumOverParts(inParts(batch, tokensAtOnce), critic.parameters, (part) => {
    const losses = valueLoss(
      criticValues(models, part),
      measured(part, 'values'),
      measured(part, 'returns'),
      recipe.valueClip,
    );
    return tf.div(tf.sum(losses), tokens) as Scalar;
  });
  const norm = critic.update(gradients, lr);
  tf.dispose(gradients);
  return { loss, norm };
}

function updatePolicy(models: Models, batch: readonly Experience[], lr: number): Update['policy'] {
  const { policy, recipe, tokensAtOnce } = models;
  const tokens = countResponseTokens(batch);
  let [clipped, uncertainty] = [0, 0];
  const { loss, gradients } = sumOverParts(inParts(batch, tokensAtOnce), policy.parameters, (part) => {
    const scores = scaledLogits(models, policy.parameters, part);
    const entropies = entropy(scores);
    const logProbs = tokenLogProbs(scores, responseTokens(part));
    const [old, advantages] = [oldLogProbs(part, logProbs), measured(part, 'advantages')];
    const losses = policyLoss(logProbs, old, advantages, recipe.clipRatio);
    clipped += total(clippedTokens(logProbs, old, advantages, recipe.clipRatio));
    uncertainty += total(entropies);
    const explored = recipe.entropyCoef === 0 ? losses : tf.sub(losses, tf.mul(recipe.entropyCoef, entropies));
    return tf.div(tf.sum(explored), tokens) as Scalar;
  });
  const norm = policy.update(gradients, lr);
  tf.dispose(gradients);
  return { loss, norm, clipFraction: clipped / tokens, entropy: uncertainty / tokens };
}

/** Logits over temperature, [N, vocab]: what the response tokens were drawn from. */
function scaledLogits(
  { architecture, recipe }: Models,
  parameters: Parameters,
  episodes: readonly Episode[],
): Tensor2D {
  return tf.div(logits(parameters, statesBefore(architecture, parameters, episodes)), recipe.temperature);
}

function logProbsOf(models: Models, parameters: Parameters, episodes: readonly Episode[]): Tensor1D {
  return tokenLogProbs(scaledLogits(models, parameters, episodes), responseTokens(episodes));
}

/** What the policy's log-probabilities are compared with: those measured before, or else they themselves, as constants. */
function oldLogProbs(experiences: readonly Experience[], logProbs: Tensor1D): Tensor1D {
  const measuredBefore = experiences.flatMap((experience) => experience.oldLogProbs ?? []);
  return tf.tensor1d(measuredBefore.length > 0 ? joined(measuredBefore) : (logProbs.dataSync() as Float32Array));
}

function criticValues({ architecture, critic }: Models, episodes: readonly Episode[]): Tensor1D {
  return valuesOf(critic.parameters, statesBefore(architecture, critic.parameters, episodes));
}

/** One measured quantity of all response tokens: [N]. */
function measured(experiences: readonly Experience[], name: 'values' | 'advantages' | 'returns'): Tensor1D {
  return tf.tensor1d(joined(experiences.map((experience) => experience[name])));
}

/** Parameters that keep their weights when those they were copied from are trained. */
function frozenCopy(parameters: Parameters): Parameters {
  const copies = Object.entries(parameters).map(([name, parameter]) => [name, tf.variable(parameter, false)] as const);
  return Object.fromEntries(copies);
}

function summary(done: readonly Update[]): Record<string, number> {
  const last = done.at(-1) as Update;
  const average = (figure: (update: Update) => number) => mean(done.map(figure));
  return {
    policyLoss: average(({ policy }) => policy.loss),
    valueLoss: average(({ critic }) => critic.loss),
    entropy: average(({ policy }) => policy.entropy),
    clipFraction: average(({ policy }) => policy.clipFraction),
    gradientNorm: average(({ policy }) => policy.norm),
    criticGradientNorm: average(({ critic }) => critic.norm),
    lr: last.lr,
    criticLr: last.criticLr,
  };
}

function total(values: Tensor1D): number {
  return tf.sum(values).dataSync()[0] as number;
}

function joined(rows: readonly Float32Array[]): number[] {
  return rows.flatMap((row) => [...row]);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
