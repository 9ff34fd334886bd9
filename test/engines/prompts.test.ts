import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { writePrompts } from '../../engines/prompts.ts';
import type { RlJob, RlRecipe } from '../../schemas/types/job.ts';
import type { ChatTemplate } from '../../trainer/data/template.ts';
import { type PpoRecipe, ppoUsually, sftJob, temporaryFolder } from '../trainer/support.ts';
import { tosses, writeTosses } from '../trainer/tosses.ts';

const recipe: PpoRecipe = {
  ...ppoUsually,
  algorithm: 'ppo',
  data: tosses,
  examples: 20,
  epochs: 3,
  batch: 8,
  responses: 4,
  miniBatch: 16,
  innerEpochs: 2,
  maxResponse: 16,
  temperature: 1,
  lr: 1e-3,
  criticLr: 1e-3,
  warmup: 0,
  gamma: 1,
  lambda: 0.95,
  clipRatio: 0.2,
  valueClip: 0.5,
  klCoef: 0,
  entropyCoef: 0,
  weightDecay: 0,
  betas: [0.9, 0.95],
  clip: 1,
};
const template = { promptTokens: ({ prompt }) => [prompt.length] } as ChatTemplate;

describe('the prompts that engines ask', () => {
  const written = async (root: string, said: Partial<RlRecipe>) => {
    const job = {
      ...sftJob(root, 'tuned', '', 1),
      type: 'rl',
      recipe: { ...recipe, ...said },
      inputs: { parent: '', data: { 'data:coin': writeTosses(root) } },
    } as RlJob;
    return writePrompts(root, job, { template, context: 64, title: 'TRL' }, ({ id }, number) => ({ id, number }));
  };

  test('are those of whole rounds, epoch after epoch, in mini-batches of the recipe', async (t) => {
    const { path, facts, rounds, updates, batch, miniBatch } = await written(temporaryFolder(t), {});
    assert.deepEqual([rounds, batch, miniBatch, updates], [6, 8, 16, 24]);
    assert.deepEqual(facts, { problems: 20, overlongProblems: 0, rounds: 6 });
    const lines = readFileSync(path, 'utf8').trim().split('\n');
    assert.equal(lines.length, 6 * 8);
    for (const epoch of [lines.slice(0, 16), lines.slice(16, 32), lines.slice(32)])
      assert.equal(new Set(epoch).size, 16);
  });

  test('are all there are in a round that asks for more, which is then at most one mini-batch', async (t) => {
    const prompts = await written(temporaryFolder(t), { batch: 64, miniBatch: 256 });
    assert.deepEqual([prompts.rounds, prompts.batch, prompts.miniBatch, prompts.updates], [3, 20, 80, 6]);
  });

  test('are refused where mini-batches do not part such a round', async (t) => {
    await assert.rejects(written(temporaryFolder(t), { batch: 64, miniBatch: 64 }), {
      kind: 'bad-job',
      message:
        /a round has 20 prompts, .* TRL cannot part its 80 responses into mini-batches of 64\. Take a batch of at most 20/,
    });
  });
});
