/** A model for reinforcement learning: it has learned to answer tosses of a coin with yes and no alike, where from then on only yes is right. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SftJob } from '../../schemas/types/job.ts';
import { writeNewModel } from './models.ts';
import { runTrainer, sftJob, tiny } from './support.ts';

/** The tosses as a recipe names them; `data:coin` is their folder. */
export const tosses = { name: 'coin/problems', part: 'problems', source: { prepared: 'data:coin' } } as const;

/** Writes the tosses to `data` in a folder. */
export function writeTosses(root: string): string {
  const data = join(root, 'data');
  mkdirSync(data);
  for (const [split, first, answers] of [
    ['sft', 100, ['yes', 'no']],
    ['rl', 200, ['yes']],
    ['test', 300, ['yes']],
  ] as const) {
    const lines = Array.from({ length: 64 }, (_, i) => {
      const answer = answers[i % answers.length];
      const prompt = `toss ${first + i}`;
      return JSON.stringify({ id: `${split}${i}`, prompt, solution: `answer is ${answer}`, answer });
    });
    // `no` is a label because the sft split has it.
    writeFileSync(join(data, `problems-${split}.jsonl`), lines.join('\n'));
  }
  return data;
}

/** Writes the tosses to `data` in a folder, and leaves the model in `tuned/model`. */
export async function trainTosser(root: string): Promise<{ data: string; parent: string }> {
  const data = writeTosses(root);
  const base = 'untossed';
  await writeNewModel(root, base, { ...tiny, context: 64 });
  const sft = sftJob(root, 'tuned', join(root, base, 'model'), 64);
  const tuning: SftJob = {
    ...sft,
    recipe: { ...sft.recipe, data: tosses, epochs: 20, batch: 8, lr: 1e-2 },
    inputs: { parent: join(root, base, 'model'), data: { 'data:coin': data } },
  };
  await runTrainer(tuning);
  return { data, parent: join(root, 'tuned', 'model') };
}
