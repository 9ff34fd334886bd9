import { existsSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SftJob } from '../schemas/types/job.ts';
import { loadTemplate } from '../trainer/data/chat-template.ts';
import { problems } from '../trainer/data/sources.ts';
import { trainedOnProblems } from '../trainer/data/trained-on.ts';
import { epochsOf } from '../trainer/epochs.ts';
import { countResponseTokens, fitted } from '../trainer/example.ts';
import type { Tokenizer } from '../trainer/tokenizer/load.ts';
import { lineOf } from './learned.ts';

/** Examples in a file, and the order in which they are learned from. */
export interface Examples {
  /** A line of JSON each: `{"prompt": [...], "response": [...]}`, in tokens. */
  path: string;
  /** The file that says of each step what it learns from (`learned.ts`). */
  learned: string;
  /** Of each epoch the places of the examples in the file. */
  orders: number[][];
  steps: number;
  /** How the model is taught to be asked, in Jinja. */
  chatTemplate: string | undefined;
  facts: Record<string, number>;
}

/**
 * Writes the examples of SFT into a folder: exactly those that the built-in trainer learns from, tokenized, cut and ordered as
 * there. What is there already is kept. Throws as the data's readers and `fitted`.
 */
export async function writeExamples(
  folder: string,
  { recipe, inputs, seed }: SftJob,
  tokenizer: Tokenizer,
  context: number,
): Promise<Examples> {
  const template = await loadTemplate(recipe.template, inputs.parent, tokenizer);
  const given = problems(recipe.data.source, 'sft', recipe.examples, inputs.data);
  const whole = given.map((problem) => ({ ...template.exampleTokens(problem), id: problem.id }));
  const { examples, cut, dropped } = fitted(whole, context, recipe);
  const places = new Map(examples.map((example, place) => [example, place]));
  const { steps, stepsPerEpoch, batchAt } = epochsOf(examples, recipe, seed, 'sft');
  const [path, learned] = [join(folder, 'examples.jsonl'), join(folder, 'learned.jsonl')];
  const batches = Array.from({ length: steps }, (_, step) => batchAt(step));
  if (!existsSync(learned)) {
    await writeFile(path, examples.map(({ prompt, response }) => `${JSON.stringify({ prompt, response })}\n`).join(''));
    let tokens = 0;
    const lines = batches.map((batch) => {
      tokens += countResponseTokens(batch);
      const seen = batch.map(({ id, prompt, response }) => ({ id, tokens: [...prompt, ...response] }));
      return lineOf({ tokens, data: trainedOnProblems(recipe.data.name, seen) });
    });
    await writeFile(`${learned}.tmp`, lines.join(''));
    await rename(`${learned}.tmp`, learned);
  }
  return {
    ...{ path, learned, steps },
    orders: Array.from({ length: recipe.epochs }, (_, epoch) =>
      batches
        .slice(epoch * stepsPerEpoch, (epoch + 1) * stepsPerEpoch)
        .flat()
        .map((example) => places.get(example) as number),
    ),
    chatTemplate: template.jinja,
    facts: {
      examples: examples.length,
      truncatedExamples: cut,
      droppedExamples: dropped,
      responseTokens: countResponseTokens(examples),
      responseTokensPerStep: countResponseTokens(examples) / stepsPerEpoch,
      [`epochs.${recipe.data.name}`]: recipe.epochs,
    },
  };
}
