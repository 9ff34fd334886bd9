import type { SftJob } from '../schemas/types/job.ts';
import { loadTemplate } from '../trainer/data/chat-template.ts';
import { problems } from '../trainer/data/sources.ts';
import { trainedOnProblems } from '../trainer/data/trained-on.ts';
import { countResponseTokens, fitted } from '../trainer/example.ts';
import type { Tokenizer } from '../trainer/tokenizer/load.ts';
import { type Ordered, writeOrdered } from './order.ts';

/** Examples of SFT: `{"prompt": [...], "response": [...]}` each, in tokens. */
export interface Examples extends Ordered {
  /** How the model is taught to be asked, in Jinja. */
  chatTemplate: string | undefined;
  facts: Record<string, number>;
}

/**
 * Writes the examples of SFT into a folder: exactly those that the built-in trainer learns from, tokenized, cut and ordered as
 * there. Throws as the data's readers and `fitted`.
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
  const ordered = await writeOrdered(folder, examples, {
    ...{ recipe, seed, stage: 'sft' },
    line: ({ prompt, response }) => ({ prompt, response }),
    tokens: (batch) => countResponseTokens(batch),
    data(batch) {
      const seen = batch.map(({ id, prompt, response }) => ({ id, tokens: [...prompt, ...response] }));
      return trainedOnProblems(recipe.data.name, seen);
    },
  });
  return {
    ...ordered,
    chatTemplate: template.jinja,
    facts: {
      examples: examples.length,
      truncatedExamples: cut,
      droppedExamples: dropped,
      responseTokens: countResponseTokens(examples),
      responseTokensPerStep: countResponseTokens(examples) / ordered.stepsPerEpoch,
      [`epochs.${recipe.data.name}`]: recipe.epochs,
    },
  };
}
