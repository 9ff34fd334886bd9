/**
 * A reward model, from pairs of responses of which one is preferred. `reward.ts` has the model and its loss.
 *
 * - Order and batches are as in fine-tuning; each pair counts the same within a step. What prompt and response take more
 *   than the context is cut as there.
 * - At the end it is judged by held-out pairs, of problems that it did not learn from.
 */
import type { RewardJob } from '../../schemas/types/job.ts';
import { adamw } from '../adamw.ts';
import type { Outcome, TrainerContext } from '../context.ts';
import { loadTemplate } from '../data/chat-template.ts';
import { countPairTokens, type Pair, responsesOf } from '../data/preferences.ts';
import { trainedOnPairs } from '../data/trained-on.ts';
import { epochsOf } from '../epochs.ts';
import { train } from '../loop.ts';
import { heldoutFacts, type JudgedPair, pairFacts, readPairs } from '../pairwise.ts';
import { loadParent } from '../parent.ts';
import { bradleyTerryLoss, rewardModelFrom, rewardSteps, scorer, textOf } from '../reward.ts';
import { learningRate } from '../schedule.ts';
import { supervisedOptions } from '../supervised.ts';
import { readTensor, tf } from '../tf.ts';

/** Runs the job of a reward model. */
export async function run(job: RewardJob, context: TrainerContext): Promise<Outcome> {
  const { recipe, inputs, seed } = job;
  const { architecture, parameters: parent, tokenizer } = await loadParent(inputs.parent);
  const template = await loadTemplate(recipe.template, inputs.parent, tokenizer);
  const read = readPairs(recipe.data, recipe.examples, inputs.data, template.exampleTokens, architecture.context);
  const { pairs, heldout } = read;
  const parameters = rewardModelFrom(architecture, parent);
  const model = adamw(parameters, recipe);
  const update = rewardSteps(architecture, model, recipe, supervisedOptions(recipe, job.placement));
  const score = scorer(architecture, parameters, undefined);
  const { steps, batchAt } = epochsOf(pairs, recipe, seed, 'reward');
  return train(job, context, {
    steps,
    architecture,
    tokenizer: inputs.parent,
    trainables: { model },
    step(index) {
      const chosen = batchAt(index);
      const values = update(chosen, learningRate(index, steps, recipe));
      return { tokens: countPairTokens(chosen), values, data: trainedOnPairs(recipe.data.name, chosen) };
    },
    facts() {
      const scores = score(responsesOf(heldout).map(textOf));
      return pairFacts(recipe, read, heldoutFacts(judged(heldout, scores, recipe.centerCoef)));
    },
  });
}

/** The loss and the scores of each pair, of the scores of all chosen responses and then of all rejected ones. */
function judged(pairs: readonly Pair[], scores: Float32Array, centerCoef: number): JudgedPair[] {
  const [chosen, rejected] = [scores.subarray(0, pairs.length), scores.subarray(pairs.length)];
  const losses = readTensor(() =>
    bradleyTerryLoss(centerCoef, { chosen: tf.tensor1d(chosen), rejected: tf.tensor1d(rejected) }),
  );
  return pairs.map((_, i) => ({
    loss: losses[i] as number,
    chosen: chosen[i] as number,
    rejected: rejected[i] as number,
  }));
}
