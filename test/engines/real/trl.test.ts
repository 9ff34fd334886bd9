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

  test('has the losses of IPO, and tells no rewards, which would be others', async () => {
    const jobOf = (name: string) =>
      dpoJob(root, `ipo-${name}`, { parent, liked }, { ...uneven, loss: 'ipo', beta: 0.5 });
    const rewards = ['chosenReward', 'rejectedReward', 'margin', 'accuracy'];
    const heldout = ['heldoutMargin', 'heldoutAccuracy', 'heldoutAccuracyLow', 'heldoutAccuracyHigh'];
    await agrees('trl', jobOf, { untold: [...rewards, ...heldout] });
  });

  describe('a reward model', () => {
    const jobOf = (name: string) => rewardJob(root, `reward-${name}`, { parent, liked }, uneven);
    keepsTheContract('trl', jobOf);
    // The body's first gradients are all but zero, as the head begins there, and Adam makes steps of their rounding.
    test('computes what the built-in trainer does', () => agrees('trl', jobOf, { steps: 0.1 }));
  });
});
