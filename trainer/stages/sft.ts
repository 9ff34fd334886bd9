/**
 * Supervised fine-tuning: learns to write the response to each prompt.
 *
 * - The loss is over the tokens of the responses and their ends, and each of them counts the same within a step, whatever parts
 *   or rows its batch goes in.
 * - Every epoch goes through all examples once, in an order that seed and epoch draw; its last batch may be smaller.
 * - A row each, or packed into fewer rows: then each example still attends to itself alone, from its own first place on, so a
 *   step learns the same up to rounding. Rows are padded on the right to one of a few lengths (`shapes.ts`).
 * - Too long an example keeps its response and loses the beginning of its prompt; a response that fills the context
 *   alone loses its end, and then does not learn to stop. Or, with `overlong: drop`, it is left out. Both are counted in the
 *   facts. Where no response fits, that is an error.
 */
import type { SftJob } from '../../schemas/types/job.ts';
import { adamw } from '../adamw.ts';
import type { Batch } from '../batch.ts';
import type { Outcome, TrainerContext } from '../context.ts';
import { loadTemplate } from '../data/chat-template.ts';
import { problems } from '../data/sources.ts';
import { trainedOnProblems } from '../data/trained-on.ts';
import { epochsOf } from '../epochs.ts';
import { countResponseTokens, type Example, fitted, longestOf, readOf } from '../example.ts';
import { train } from '../loop.ts';
import { embeddingNoise } from '../neftune.ts';
import { type LayoutOptions, padded, spread } from '../padded.ts';
import { loadParent } from '../parent.ts';
import { random } from '../random.ts';
import { learningRate } from '../schedule.ts';
import { supervisedOptions, supervisedSteps } from '../supervised.ts';

/** Runs a fine-tuning job. */
export async function run(job: SftJob, context: TrainerContext): Promise<Outcome> {
  const { recipe, inputs, seed } = job;
  const { packing = false, neftune = 0 } = recipe;
  const { architecture, parameters, tokenizer } = await loadParent(inputs.parent);
  const template = await loadTemplate(recipe.template, inputs.parent, tokenizer);
  const given = problems(recipe.data.source, 'sft', recipe.examples, inputs.data);
  const whole = given.map((problem) => ({ ...template.exampleTokens(problem), id: problem.id }));
  const { examples, cut, dropped } = fitted(whole, architecture.context, recipe);

  const { steps, stepsPerEpoch, batchAt } = epochsOf(examples, recipe, seed, 'sft');
  const model = adamw(parameters, recipe);
  const update = supervisedSteps(architecture, model, supervisedOptions(recipe, job.placement));
  const layout: LayoutOptions = {
    padding: tokenizer.eos,
    context: architecture.context,
    packing,
    // As long as the longest of all, so that the rows of most steps have one length.
    ...(packing && { longest: longestOf(examples) }),
  };
  const noiseAt = (step: number): Noise => ({
    alpha: neftune,
    hidden: architecture.hidden,
    drawsOf: (example) => random(seed, 'sft', 'neftune', step, example),
  });
  return train(job, context, {
    steps,
    architecture,
    tokenizer: inputs.parent,
    chatTemplate: template.jinja,
    trainables: { model },
    step(index) {
      const chosen = batchAt(index);
      const batch = batchOf(chosen, layout, neftune > 0 ? noiseAt(index) : undefined);
      const values = update(batch, learningRate(index, steps, recipe));
      const seen = chosen.map(({ id, prompt, response }) => ({ id, tokens: [...prompt, ...response] }));
      return {
        tokens: countResponseTokens(chosen),
        values: { ...values, ...(packing && { rows: batch.sequences }) },
        data: trainedOnProblems(recipe.data.name, seen),
      };
    },
    facts: () => ({
      examples: examples.length,
      truncatedExamples: cut,
      droppedExamples: dropped,
      responseTokens: countResponseTokens(examples),
      responseTokensPerStep: countResponseTokens(examples) / stepsPerEpoch,
      ...paddingFacts(
        Array.from({ length: stepsPerEpoch }, (_, step) => batchAt(step)),
        layout,
      ),
      [`epochs.${recipe.data.name}`]: recipe.epochs,
    }),
  });
}

/** Noise on the embeddings of a batch: `embeddingNoise` says what of. */
export interface Noise {
  alpha: number;
  hidden: number;
  drawsOf: Parameters<typeof embeddingNoise>[4];
}

/** Examples as a batch: read all tokens but the last of each, predict those of the response. Padding weighs nothing. */
export function batchOf(examples: readonly Example[], layout: LayoutOptions, noise?: Noise): Batch {
  const rows = padded(examples, layout);
  const { firsts, starts, ...read } = rows;
  const weight = 1 / countResponseTokens(examples);
  const figures = examples.map(({ response }) => new Float32Array(response.length).fill(weight));
  const batch = { ...read, weights: spread(rows, figures) };
  if (noise === undefined) return batch;
  const { alpha, hidden, drawsOf } = noise;
  return { ...batch, noise: embeddingNoise(rows, examples, hidden, alpha, drawsOf) };
}

/** Of the first epoch's batches: their rows, what share of them is padding, and what it would be with a row for each example. */
function paddingFacts(batches: readonly Example[][], layout: LayoutOptions): Record<string, number> {
  let [rows, read, places, apart] = [0, 0, 0, 0];
  for (const examples of batches) {
    const { sequences, tokens } = padded(examples, layout);
    rows += sequences;
    places += tokens.length;
    read += examples.reduce((sum, example) => sum + readOf(example), 0);
    if (layout.packing) apart += padded(examples, { padding: layout.padding, context: layout.context }).tokens.length;
  }
  const padding = 1 - read / places;
  return layout.packing ? { rows, padding, paddingUnpacked: 1 - read / apart } : { padding };
}
