/**
 * The learner of reinforcement learning: takes episodes, leaves a better policy. The loop is the same for all algorithms,
 * in verl's order:
 *
 *   log-probabilities, reference, values -> advantages -> mini-batches, in each the critic and then the policy
 *
 * - The old log-probabilities, which ratios and the KL are taken with, are those that the responses were sampled with. In
 *   bfloat16 they are measured anew, because sampling multiplies in float32. Where a round is one update its ratios are
 *   those of its own pass to itself, as in verl: 1.
 * - The reference is the parent, frozen; it is kept and evaluated only where the algorithm compares with it.
 * - Losses are weighted sums over all response tokens of a mini-batch, however it is split to fit into memory.
 */
import { tokensAtOnce } from '../schemas/passes.ts';
import type { Architecture, RlRecipe } from '../schemas/types/job.ts';
import { adamw, type Trainable } from './adamw.ts';
import type { Algorithm, PerToken } from './algorithm.ts';
import { criticRole } from './critic.ts';
import { type Episode, type Experience, inParts, type Layout, layoutOf, type Measure } from './episode.ts';
import type { CaptureOptions } from './graph/capture.ts';
import { disposeParameters, type Parameters } from './parameters.ts';
import { measureLogProbs, policyUpdates, type Sampled } from './policy.ts';
import { random } from './random.ts';
import { constantSchedule, learningRate } from './schedule.ts';
import { tf } from './tf.ts';

/** What of a recipe the learner follows, whatever the algorithm. */
export type LearnerRecipe = Pick<
  RlRecipe,
  'miniBatch' | 'innerEpochs' | 'temperature' | 'lr' | 'warmup' | 'weightDecay' | 'betas' | 'clip' | 'precision'
>;

export interface Learner {
  policy: Trainable;
  /** Undefined where the algorithm has none. */
  critic: Trainable | undefined;
  /**
   * Learns from the episodes of one round: `innerEpochs` passes over them in mini-batches, whose order is drawn by seed
   * and purpose. Gives the round's metrics by name; those of updates are means over them, norms are before clipping.
   */
  learn(episodes: readonly Episode[], seed: number, purpose: (string | number)[]): Record<string, number>;
  /** Frees all tensors and graphs but the policy's parameters. */
  dispose(): void;
}

/**
 * A learner that trains `parent` in place by an algorithm, over `updates` optimizer updates in all (what the warm-up is a
 * share of). At most `atOnce` padded tokens go through a model in one pass; what is more goes in parts, and their gradients
 * add up.
 */
export function createLearner(
  architecture: Architecture,
  parent: Parameters,
  algorithm: Algorithm,
  recipe: LearnerRecipe,
  updates: number,
  { atOnce = tokensAtOnce }: { atOnce?: number } = {},
): Learner {
  const { warmup } = recipe;
  const sampled = { architecture, parameters: parent, temperature: recipe.temperature };
  const policy = adamw(parent, recipe);
  const measurePolicy = measureLogProbs(sampled, recipe);
  const updatePolicy = policyUpdates(policy, sampled, algorithm, recipe);
  const reference = algorithm.comparesWithParent ? frozenReference(sampled, recipe) : undefined;
  const critic = criticRole(architecture, parent, algorithm, recipe);

  /** What the models say of a round before its first update, and the algorithm of that. */
  function gainExperience(episodes: readonly Episode[], layout: Layout) {
    const parts = inParts(episodes, layout);
    const isOneUpdate = recipe.innerEpochs === 1 && recipe.miniBatch >= episodes.length;
    const isSampledExact = recipe.precision !== 'bfloat16';
    const logProbs: PerToken =
      isSampledExact || (isOneUpdate && reference === undefined)
        ? episodes.map((episode) => Float32Array.from(episode.logProbs))
        : measurePolicy(parts);
    const referenceLogProbs = reference?.(parts);
    const { advantages, returns, values, metrics } = critic.estimate({ episodes, logProbs, referenceLogProbs }, parts);
    const experiences = episodes.map(
      (episode, i): Experience => ({
        ...episode,
        oldLogProbs: isOneUpdate ? undefined : logProbs[i],
        referenceLogProbs: referenceLogProbs?.[i],
        values: values?.[i],
        advantages: advantages[i] as Float32Array,
        returns: returns?.[i],
      }),
    );
    return { experiences, metrics };
  }

  function update(batch: readonly Experience[], layout: Layout): Record<string, number> {
    const parts = inParts(batch, layout);
    const rate = (peak: number) => learningRate(policy.updates, updates, constantSchedule(peak, warmup));
    const [lr, criticLr] = [rate(recipe.lr), algorithm.critic && rate(algorithm.critic.lr)];
    return { ...(criticLr !== undefined && critic.update(parts, criticLr)), ...updatePolicy(parts, lr) };
  }

  return {
    policy,
    critic: critic.trainable,
    learn(episodes, seed, purpose) {
      const layout = layoutOf(episodes, architecture.context, atOnce);
      const { experiences, metrics } = gainExperience(episodes, layout);
      const done: Record<string, number>[] = [];
      for (let pass = 0; pass < recipe.innerEpochs; pass++) {
        const order = random(seed, ...purpose, 'mini-batches', pass).shuffle(experiences);
        for (let start = 0; start < order.length; start += recipe.miniBatch) {
          done.push(update(order.slice(start, start + recipe.miniBatch), layout));
        }
      }
      return { ...metrics, ...summary(done) };
    },
    dispose() {
      for (const made of [measurePolicy, updatePolicy, critic, policy]) made.dispose();
      reference?.dispose();
    },
  };
}

/** Measures log-probabilities with a copy of a model's weights, which stay when the model is trained. */
function frozenReference(sampled: Sampled, options: CaptureOptions): Measure {
  const copies = Object.entries(sampled.parameters).map(([name, weights]) => [name, tf.variable(weights, false)]);
  const parameters: Parameters = Object.fromEntries(copies);
  const measure = measureLogProbs({ ...sampled, parameters }, options);
  const { dispose } = measure;
  return Object.assign(measure, {
    dispose() {
      dispose();
      disposeParameters(parameters);
    },
  });
}

/** The means over updates, and the last learning rates. */
function summary(done: readonly Record<string, number>[]): Record<string, number> {
  const last = done.at(-1) as Record<string, number>;
  const mean = (name: string) => done.reduce((sum, metrics) => sum + (metrics[name] as number), 0) / done.length;
  return Object.fromEntries(
    Object.entries(last).map(([name, value]) => [name, lastCounts.has(name) ? value : mean(name)]),
  );
}

/** Metrics that are told as they were at the last update. */
const lastCounts = new Set(['lr', 'criticLr']);
