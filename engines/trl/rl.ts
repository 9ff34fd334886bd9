/** What TRL is told of reinforcement learning, by a group's rewards or with a critic. */
import { engines } from '../../schemas/engines.ts';
import type { RlJob } from '../../schemas/types/job.ts';
import { loadTemplate } from '../../trainer/data/chat-template.ts';
import { TrainerFailure } from '../../trainer/failure.ts';
import { constantSchedule, learningRates } from '../../trainer/schedule.ts';
import { atOnce } from '../at-once.ts';
import { writePrompts } from '../prompts.ts';
import type { Asked, Ground } from '../training.ts';

/** Makes RL ready: prompts in tokens, in the order of training. Throws as `writePrompts`. */
export async function askRl(job: RlJob, { architecture, tokenizer, folder }: Ground): Promise<Asked> {
  const { recipe, inputs } = job;
  const template = await loadTemplate(recipe.template, inputs.parent, tokenizer);
  const given = { template, context: architecture.context, title: engines.trl.title };
  if (recipe.algorithm === 'ppo' && tokenizer.ends.length > 1)
    throw new TrainerFailure(
      'bad-data',
      `${job.address}: the tokenizer of ${inputs.parent} ends a text by ${tokenizer.ends.length} tokens, and PPOTrainer knows one. ` +
        'Take another algorithm or another engine.',
    );
  const prompts = await writePrompts(folder, job, given, (problem, number) => ({
    ...{ problem: number, id: problem.id, expected: problem.answer },
    ...{ prompt: template.promptTokens(problem), asked: template.promptText(problem) },
  }));
  const { path, grader, batch, miniBatch, rounds, updates, facts } = prompts;
  const { data, engine: _, template: __, ...terms } = recipe;
  // PPOTrainer has a learning rate for each round, and takes means of each part of a mini-batch, which are not those of the whole.
  const isPpo = recipe.algorithm === 'ppo';
  const steps = isPpo ? rounds : updates;
  return {
    learningRates: learningRates(steps, constantSchedule(recipe.lr, recipe.warmup)),
    says: {
      ...{ ...terms, precision: recipe.precision ?? 'float32', weightDecayOn: 'all' },
      ...{ data: data.name, examples: path, grader },
      ...{ eos: tokenizer.eos, ends: tokenizer.ends, vocab: architecture.vocab },
      ...{ updates: steps / rounds, round: batch * recipe.responses, batch: miniBatch, epochs: 1 },
      microBatch: isPpo ? miniBatch : atOnce(miniBatch),
    },
    chatTemplate: template.jinja,
    facts: () => ({ ...facts, updates }),
  };
}
