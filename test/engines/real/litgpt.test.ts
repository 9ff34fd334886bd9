import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { cptJob, pretrainJob, runTrainer } from '../../trainer/support.ts';
import { ground, keepsTheContract, metricsOf, runWith } from './contract.ts';

describe('LitGPT', () => {
  const { root, tokenizer, base } = ground();

  describe('pretraining', () => keepsTheContract('litgpt', (name) => pretrainJob(root, name, tokenizer, 24)));

  test('begins CPT with a model of the built-in trainer, which goes on from what it leaves', async () => {
    const own = metricsOf(await runTrainer(cptJob(root, 'own-mid', base, 6)));
    const its = metricsOf(await runWith('litgpt', cptJob(root, 'mid', base, 6)));
    for (const [at, { values }] of its.entries()) {
      const [loss, ownLoss] = [values.loss ?? 0, own[at]?.values.loss ?? 0];
      assert.ok(Math.abs(loss - ownLoss) < 1e-3, `step ${at + 1}: ${loss} and ${ownLoss}`);
    }
    const after = metricsOf(await runTrainer(cptJob(root, 'after', join(root, 'mid', 'model'), 3)));
    assert.ok((after[0]?.values.loss ?? 9) < (its[0]?.values.loss ?? 0), 'what LitGPT learned is there');
  });
});
