/**
 * Direct preference optimisation: makes the chosen response of each pair likelier, and the rejected one less likely, than its
 * parent has them. `dpo.ts` has the losses.
 *
 * - What the parent says of all pairs is measured once, before the first step, so that no second model is kept (TRL's
 *   `precompute_ref_log_probs`). A run that goes on from a checkpoint measures it again, from the same parent.
 * - Order, batches and what is cut are as in fine-tuning; each pair counts the same within a step.
 * - At the end it is judged by held-out pairs, of problems that it did not learn from.
 */
import { setImmediate as yieldToEvents } from 'node:timers/promises';
import type { DpoJob } from '../../schemas/types/job.ts';
import { adamw } from '../adamw.ts';
import type { Outcome, TrainerContext } from '../context.ts';
import { loadTemplate } from '../data/chat-template.ts';
import { countPairTokens } from '../data/preferences.ts';
import { trainedOnPairs } from '../data/trained-on.ts';
import { dpoSteps, judged, type MeasuredPair, pairMeasure } from '../dpo.ts';
import { epochsOf } from '../epochs.ts';
import { TrainerFailure } from '../failure.ts';
import { train } from '../loop.ts';
import { heldoutFacts, pairFacts, readPairs } from '../pairwise.ts';
import { loadParent } from '../parent.ts';
import { learningRate } from '../schedule.ts';
import { supervisedOptions } from '../supervised.ts';

/** Runs a job of direct preference optimisation. */
export async function run(job: DpoJob, context: TrainerContext): Promise<Outcome> {
  const { recipe, inputs, seed } = job;
  if (recipe.loss === 'ipo' && recipe.labelSmoothing > 0)
    throw new TrainerFailure(
      'bad-job',
      `${job.address}: labelSmoothing is for the loss \`sigmoid\`: \`ipo\` has none.`,
    );
  const { architecture, parameters, tokenizer } = await loadParent(inputs.parent);
  const template = await loadTemplate(recipe.template, inputs.parent, tokenizer);
  // All but the last token is read, so that prompt and response may have one more than the context.
  const read = readPairs(recipe.data, recipe.examples, inputs.data, template.exampleTokens, architecture.context + 1);
  const options = supervisedOptions(recipe, job.placement);
  const model = adamw(parameters, recipe);
  const measure = pairMeasure(architecture, parameters, recipe, options);
  const pairs = await measured(measure(read.pairs), context);
  const heldout = await measured(measure(read.heldout), context);
  const { steps, batchAt } = epochsOf([...read.pairs.keys()], recipe, seed, 'dpo');
  const update = dpoSteps(architecture, model, recipe, options);
  return train(job, context, {
    steps,
    architecture,
    tokenizer: inputs.parent,
    trainables: { model },
    step(index) {
      const chosen = batchAt(index).map((at) => pairs[at] as MeasuredPair);
      const values = update(chosen, learningRate(index, steps, recipe));
      return { tokens: countPairTokens(chosen), values, data: trainedOnPairs(recipe.data.name, chosen) };
    },
    facts: () => pairFacts(recipe, read, heldoutFacts(judged(heldout, [...measure(heldout)].flat(), recipe))),
  });
}

/**
 * All that is measured, part after part. When the trainer is asked to stop, what is measured until then: the loop looks before
 * its first step, and ends without one.
 */
async function measured(parts: Iterable<MeasuredPair[]>, context: TrainerContext): Promise<MeasuredPair[]> {
  const all: MeasuredPair[] = [];
  for (const part of parts) {
    all.push(...part);
    await yieldToEvents();
    if (context.stopRequested()) break;
  }
  return all;
}
