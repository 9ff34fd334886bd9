/** What the adapters of engines that train with Hugging Face's Trainer tell their drivers (`python/hugging_face.py`), stage by stage. */
import type { DpoJob, RewardJob, SftJob } from '../schemas/types/job.ts';
import { learningRates } from '../trainer/schedule.ts';
import { atOnce } from './at-once.ts';
import { writeExamples } from './examples.ts';
import { factsOfPairs, writePairs } from './pairs.ts';
import type { Asked, Ground } from './training.ts';

/** Makes SFT ready. Throws as `writeExamples`. */
export async function askSft(job: SftJob, { architecture, tokenizer, folder }: Ground): Promise<Asked> {
  const { recipe } = job;
  const { path, orders, steps, learned, chatTemplate, facts } = await writeExamples(
    folder,
    job,
    tokenizer,
    architecture.context,
  );
  return {
    ...{ learningRates: learningRates(steps, recipe), learned },
    says: {
      ...termsOf(recipe),
      ...{ examples: path, orders, eos: tokenizer.eos, context: architecture.context },
      microBatch: atOnce(recipe.batch),
      neftune: recipe.neftune ?? 0,
    },
    chatTemplate,
    facts: () => facts,
  };
}

/** Makes DPO ready: all but the last token is read, so that prompt and response may have one more than the context. Throws as `writePairs`. */
export async function askDpo(job: DpoJob, ground: Ground): Promise<Asked> {
  const { loss, beta, labelSmoothing, nllCoef } = job.recipe;
  return askPairs(job, ground, ground.architecture.context + 1, { loss, beta, labelSmoothing, nllCoef });
}

/** Makes a reward model ready. Throws as `writePairs`. */
export async function askReward(job: RewardJob, ground: Ground): Promise<Asked> {
  const { centerCoef } = job.recipe;
  return { ...(await askPairs(job, ground, ground.architecture.context, { centerCoef })), head: 'score' };
}

async function askPairs(
  job: DpoJob | RewardJob,
  { architecture, tokenizer, folder }: Ground,
  longest: number,
  own: Record<string, unknown>,
): Promise<Asked> {
  const { recipe } = job;
  const pairs = await writePairs(folder, job, tokenizer, longest);
  const { path, orders, heldoutPath, heldout, steps, learned } = pairs;
  return {
    ...{ learningRates: learningRates(steps, recipe), learned },
    says: {
      ...termsOf(recipe),
      ...{ examples: path, orders, eos: tokenizer.eos, context: architecture.context, ...own },
      // Trainer takes the mean of the parts' means, so that all parts have to be of one size.
      microBatch: atOnce(recipe.batch, recipe.examples % recipe.batch),
      heldout: heldout.length === 0 ? null : heldoutPath,
      heldoutBatch: atOnce(heldout.length),
    },
    facts: ({ facts }) => factsOfPairs(job, pairs, facts),
  };
}

/** What TrainingArguments takes of a recipe as it is. */
function termsOf({
  lr,
  weightDecay,
  weightDecayOn = 'all',
  betas,
  clip,
  precision = 'float32',
  batch,
  epochs,
}: (SftJob | DpoJob | RewardJob)['recipe']): Record<string, unknown> {
  return { lr, weightDecay, weightDecayOn, betas, clip, precision, batch, epochs };
}
