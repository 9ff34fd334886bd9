import { describe, test } from 'node:test';
import { dpoJob, sftJob } from '../../trainer/support.ts';
import { agrees, ground, keepsTheContract } from './contract.ts';

describe('LLaMA-Factory', () => {
  const { root, base: parent, liked } = ground();

  describe('SFT', () => {
    const jobOf = (name: string) => sftJob(root, `sft-${name}`, parent, 100);
    keepsTheContract('llama-factory', jobOf);
    test('computes what the built-in trainer does', () => agrees('llama-factory', jobOf));
  });

  describe('DPO', () => {
    /** An epoch of twelve steps, of which the last has fewer pairs. */
    const uneven = { examples: 46, batch: 4, epochs: 2, labelSmoothing: 0.1, nllCoef: 0.3 };
    const jobOf = (name: string) => dpoJob(root, `dpo-${name}`, { parent, liked }, uneven);
    keepsTheContract('llama-factory', jobOf);
    test('computes what the built-in trainer does', () => agrees('llama-factory', jobOf, { untold: ['nllLoss'] }));
  });
});
