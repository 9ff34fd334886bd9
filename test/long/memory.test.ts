/** What training takes of memory, against the plan, and over 10,000 steps. Minutes. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { sizes } from '../../bench/trainer/sizes.ts';
import { memoryOf } from '../../planner/memory.ts';
import type { Mixture, PretrainJob } from '../../schemas/types/job.ts';
import { adamw } from '../../trainer/adamw.ts';
import { initialise } from '../../trainer/init.ts';
import { supervisedSteps } from '../../trainer/supervised.ts';
import { tf } from '../../trainer/tf.ts';
import { generated, pretrainJob, runTrainer, tiny, writeByteTokenizer } from '../trainer/support.ts';

describe('the plan of a pretraining’s memory is right within a fifth', () => {
  let root: string;
  let tokenizer: string;
  before(() => {
    root = mkdtempSync(join(tmpdir(), 'descent-memory-'));
    tokenizer = writeByteTokenizer(join(root, 'tokenizer'));
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  for (const { name, architecture } of sizes.filter(({ name }) => name !== '21M')) {
    for (const precision of ['float32', 'bfloat16'] as const) {
      for (const recomputeActivations of [false, true]) {
        for (const batchSequences of [8, 32]) {
          const what = `${name}, ${batchSequences} sequences, ${precision}${recomputeActivations ? ', recomputed' : ''}`;
          it(what, async (t) => {
            const job = pretrainJob(root, what.replaceAll(/\W+/g, '-'), tokenizer, 2);
            const mix: Mixture = [{ name: 'web', source: generated('stories'), sequences: 2 * batchSequences }];
            const measured: PretrainJob = {
              ...job,
              recipe: { ...job.recipe, schedule: 'cosine', warmup: 0, architecture, batchSequences, mix, precision },
              placement: { ...job.placement, checkpointEvery: 1, recomputeActivations },
            };
            const { events } = await runTrainer(measured);
            const took = events.find((event) => event.event === 'memory')?.peakBytes ?? 0;
            const { recipe, placement } = measured;
            const plan = memoryOf({
              type: 'pretrain',
              recipe,
              architecture,
              placement: { ...placement, timeoutSeconds: 1 },
            });
            const ratio = (plan?.peak ?? 0) / took;
            t.diagnostic(`planned ${((plan?.peak ?? 0) / 1e6).toFixed()} MB, took ${(took / 1e6).toFixed()} MB`);
            // A CPU that multiplies in bfloat16 keeps fewer roundings.
            const most = precision === 'bfloat16' ? 1.25 : 1.2;
            assert.ok(ratio > 0.8 && ratio < most, `planned ${plan?.peak}, took ${took}: ${ratio.toFixed(2)}`);
          });
        }
      }
    }
  }
});

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

describe('10,000 steps', () => {
  it('grow neither in tensors nor, once warm, in memory', (t) => {
    const model = adamw(initialise(tiny, 1), { betas: [0.9, 0.95], weightDecay: 0.1, clip: 1 });
    const update = supervisedSteps(tiny, model);
    const count = 2 * tiny.context;
    const step = (index: number) =>
      update(
        {
          sequences: 2,
          time: tiny.context,
          tokens: Int32Array.from({ length: count }, (_, i) => (index + i) % tiny.vocab),
          targets: Int32Array.from({ length: count }, (_, i) => (index + i + 1) % tiny.vocab),
          weights: new Float32Array(count).fill(1 / count),
        },
        1e-3,
      );
    const megabytes: number[] = [];
    let tensors = 0;
    for (let index = 0; index < 10_000; index++) {
      step(index);
      if (index === 1_000) tensors = tf.memory().numTensors;
      if (index % 1_000 !== 999) continue;
      collectGarbage();
      megabytes.push(process.memoryUsage.rss() / 1e6);
    }
    t.diagnostic(`megabytes after each 1,000 steps: ${megabytes.map((each) => each.toFixed(1)).join(', ')}`);
    assert.equal(tf.memory().numTensors, tensors);
    const growth = (megabytes.at(-1) as number) - (megabytes[3] as number);
    // A kilobyte a step.
    assert.ok(growth < 6, `${growth.toFixed(1)} MB more after 10,000 steps than after 4,000`);
  });
});
