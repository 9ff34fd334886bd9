/**
 * Supervised fine-tuning: learns to write the response to each prompt.
 *
 * - The loss is over the tokens of the responses and their ends, and each of them counts the same within a step.
 * - Every epoch goes through all examples once, in an order that seed and epoch draw; its last batch may be smaller.
 * - Examples are not packed: a row each, padded on the right to one of a few lengths (`shapes.ts`).
 * - Too long an example keeps its response and loses the beginning of its prompt; a response that fills the context
 *   alone loses its end, and then does not learn to stop. Both are counted in the facts. Where no response fits,
 *   that is an error.
 */
import type { SftJob } from '../../schemas/types/job.ts';
import { adamw } from '../adamw.ts';
import type { Batch } from '../batch.ts';
import type { Outcome, TrainerContext } from '../context.ts';
import type { Problem } from '../data/problem.ts';
import { problems } from '../data/sources.ts';
import { exampleTokens } from '../data/template.ts';
import { trainedOnProblems } from '../data/trained-on.ts';
import { TrainerFailure } from '../failure.ts';
import { train } from '../loop.ts';
import { countResponseTokens, type Example, padded, spread } from '../padded.ts';
import { loadParent } from '../parent.ts';
import { random } from '../random.ts';
import { learningRate } from '../schedule.ts';
import { supervisedOptions, supervisedSteps } from '../supervised.ts';

/** Runs a fine-tuning job. */
export async function run(job: SftJob, context: TrainerContext): Promise<Outcome> {
  const { recipe, inputs, seed } = job;
  const { architecture, parameters, tokenizer } = await loadParent(inputs.parent);
  const given = problems(recipe.data.source, 'sft', recipe.examples, inputs.data);
  const whole = given.map((problem) => exampleTokens(problem, tokenizer));
  const fitting = whole.map((example) => truncate(example, architecture.context));
  const truncated = fitting.filter((example, index) => example !== whole[index]).length;
  const examples = fitting.map((example, index) => ({ ...example, id: (given[index] as Problem).id }));
  if (whole.every(({ response }) => response.length > architecture.context)) {
    throw new TrainerFailure(
      'bad-data',
      `None of the ${whole.length} responses of ${recipe.data.name} fits into the context of ${architecture.context} ` +
        'tokens, so no end of one could be learned. Give the model a longer context, or take shorter examples.',
    );
  }

  const stepsPerEpoch = Math.ceil(examples.length / recipe.batch);
  const steps = stepsPerEpoch * recipe.epochs;
  const model = adamw(parameters, recipe);
  const update = supervisedSteps(architecture, model, supervisedOptions(job.recipe, job.placement));
  let latest: { epoch: number; order: typeof examples } | undefined;
  const orderOf = (epoch: number) => {
    if (latest?.epoch !== epoch) latest = { epoch, order: random(seed, 'sft', 'order', epoch).shuffle(examples) };
    return latest.order;
  };
  return train(job, context, {
    steps,
    architecture,
    tokenizer: inputs.parent,
    trainables: { model },
    step(index) {
      const start = (index % stepsPerEpoch) * recipe.batch;
      const chosen = orderOf(Math.floor(index / stepsPerEpoch)).slice(start, start + recipe.batch);
      const batch = batchOf(chosen, tokenizer.eos, architecture.context);
      const values = update(batch, learningRate(index, steps, recipe));
      const seen = chosen.map(({ id, prompt, response }) => ({ id, tokens: [...prompt, ...response] }));
      return { tokens: countResponseTokens(chosen), values, data: trainedOnProblems(recipe.data.name, seen) };
    },
    facts: () => ({
      examples: examples.length,
      truncatedExamples: truncated,
      responseTokens: countResponseTokens(examples),
      [`epochs.${recipe.data.name}`]: recipe.epochs,
    }),
  });
}

/** An example that the context can hold: all of it but the last token is read. At least one token of the prompt stays. */
export function truncate(example: Example, context: number): Example {
  const { prompt, response } = example;
  if (prompt.length + response.length <= context + 1) return example;
  const kept = response.slice(0, context);
  return { prompt: prompt.slice(-(context + 1 - kept.length)), response: kept };
}

/** Examples as a batch: read all tokens but the last of each, predict those of the response. Padding weighs nothing. */
export function batchOf(examples: readonly Example[], padding: number, context: number): Batch {
  const { starts, ...rows } = padded(examples, { padding, context });
  const weight = 1 / countResponseTokens(examples);
  const figures = examples.map(({ response }) => new Float32Array(response.length).fill(weight));
  return { ...rows, weights: spread({ ...rows, starts }, figures) };
}
