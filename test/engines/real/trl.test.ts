import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runTrainer, sftJob } from '../../trainer/support.ts';
import { ground, keepsTheContract, metricsOf, runWith } from './contract.ts';

describe('TRL', () => {
  const { root, base } = ground();

  describe('SFT', () => keepsTheContract('trl', (name) => sftJob(root, name, base, 100)));

  test('has the losses and the gradients of the built-in trainer, step by step', async () => {
    const own = metricsOf(await runTrainer(sftJob(root, 'own-tuned', base, 100)));
    const its = metricsOf(await runWith('trl', sftJob(root, 'tuned', base, 100)));
    for (const [at, { values }] of its.entries())
      for (const name of ['loss', 'gradientNorm']) {
        const [found, expected] = [values[name] ?? 0, own[at]?.values[name] ?? 0];
        assert.ok(Math.abs(found - expected) < 2e-3 * expected, `${name} of step ${at + 1}: ${found}, ${expected}`);
      }
  });
});
