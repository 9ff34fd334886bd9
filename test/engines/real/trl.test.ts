import { describe, test } from 'node:test';
import { dpoJob, rewardJob, sftJob } from '../../trainer/support.ts';
import { agrees, ground, keepsTheContract } from './contract.ts';

describe('TRL', () => {
  const { root, base: parent, liked } = ground();
  /** An epoch of twelve steps, of which the last has fewer pairs. */
  const uneven = { examples: 46, batch: 4, epochs: 2 };

  describe('SFT', () => {
    const jobOf = (name: string) => sftJob(root, `sft-${name}`, parent, 100);
    keepsTheContract('trl', jobOf);
    test('computes what the built-in trainer does', () => agrees('trl', jobOf));
  });

  describe('DPO', () => {
    const jobOf = (name: string) => dpoJob(root, `dpo-${name}`, { parent, liked }, uneven);
    keepsTheContract('trl', jobOf);
    test('computes what the built-in trainer does', () => agrees('trl', jobOf));
  });

  describe('a reward model', () => {
    const jobOf = (name: string) => rewardJob(root, `reward-${name}`, { parent, liked }, uneven);
    keepsTheContract('trl', jobOf);
    // The body's first gradients are all but zero, as the head begins there, and Adam makes steps of their rounding.
    test('computes what the built-in trainer does', () => agrees('trl', jobOf, { steps: 0.1 }));
  });
});
