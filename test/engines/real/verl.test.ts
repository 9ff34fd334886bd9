/**
 * verl cannot run where there is no GPU. What can be tried there: that verl's and vLLM's own parsers read what they are given as it was
 * meant, that verl asks what Descent would ask, that its rewards are the grader's, and that dynamic sampling ends. A
 * stand-in for verl's program, which learns nothing, has the driver told of, stopped and killed.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { packageRoot } from '#setup/places.mjs';
import { environmentOf } from '../../../engines/environment.ts';
import { askVerl } from '../../../engines/verl/adapter.ts';
import type { RlJob, RlRecipe } from '../../../schemas/types/job.ts';
import { readConfig } from '../../../trainer/config.ts';
import { paperTemplate } from '../../../trainer/data/template.ts';
import { writeJson } from '../../../trainer/folders.ts';
import { constantSchedule, learningRates } from '../../../trainer/schedule.ts';
import { loadTokenizer } from '../../../trainer/tokenizer/load.ts';
import {
  coin,
  modelDigest,
  type PpoRecipe,
  ppoUsually,
  pretrainJob,
  runTrainer,
  sftJob,
  tiny,
  writeCoin,
} from '../../trainer/support.ts';
import { ground, metricsOf, runWith } from './contract.ts';

const ppo: PpoRecipe = {
  ...ppoUsually,
  algorithm: 'ppo',
  data: coin,
  examples: 24,
  epochs: 3,
  batch: 8,
  miniBatch: 8,
  innerEpochs: 1,
  maxResponse: 20,
  temperature: 0.9,
  lr: 1e-4,
  criticLr: 1e-3,
  warmup: 0.5,
  gamma: 0.99,
  lambda: 0.95,
  clipRatio: 0.2,
  valueClip: 0.3,
  klCoef: 0.01,
  entropyCoef: 0,
  weightDecay: 0.1,
  betas: [0.9, 0.95],
  clip: 0,
};

const { criticLr: _, gamma: __, lambda: ___, valueClip: ____, ...shared } = ppo;
const grpo: RlRecipe = {
  ...shared,
  algorithm: 'grpo',
  ...{ responses: 4, miniBatch: 16, warmup: 0, whiten: false, dynamicSampling: false, maxSamplings: 3 },
  ...{ kl: 'loss', klEstimator: 'k3', lossAggregation: 'seq-mean-token-mean', clip: 1 },
};
const dapo: RlRecipe = {
  ...grpo,
  algorithm: 'dapo',
  ...{ clipRatioHigh: 0.28, dualClip: 10, dynamicSampling: true, kl: 'off', klCoef: 0, lossAggregation: 'token-mean' },
  ...{ overlongBuffer: 4, precision: 'bfloat16' },
};

/** What `verl_parsers.py` finds of a job. */
interface Found {
  [name: string]: unknown;
  vllm: Record<string, unknown>;
  rates: number[];
  prompts: number[][];
  problems: string[];
}

describe('verl', () => {
  const { root, tokenizer } = ground();
  const parent = join(root, 'wide', 'model');
  const tosses = join(root, 'coin');
  const jobOf = (name: string, recipe: RlRecipe): RlJob => {
    const { type: _, recipe: __, inputs: ___, ...frame } = sftJob(root, name, parent, 1);
    return { ...frame, type: 'rl', recipe, inputs: { parent, data: { 'data:coin': tosses } } };
  };
  let found: { jobs: Found[]; misspelt: string; sampled: [number, string[]][] };

  before(async () => {
    writeCoin(tosses);
    const named = { tokenizer_class: 'PreTrainedTokenizerFast', eos_token: '<|endoftext|>' };
    await writeFile(join(tokenizer, 'tokenizer_config.json'), JSON.stringify(named));
    const base = pretrainJob(root, 'wide', tokenizer, 2);
    await runTrainer({ ...base, recipe: { ...base.recipe, architecture: { ...tiny, context: 64 } } });
    const runs: string[] = [];
    const { architecture } = await readConfig(parent);
    for (const [name, recipe] of Object.entries({ ppo, grpo, dapo })) {
      const [folder, run] = [join(root, name), join(root, `${name}.json`)];
      await mkdir(folder);
      const given = { architecture, tokenizer: await loadTokenizer(parent), folder, out: join(folder, 'out') };
      await writeJson(run, (await askVerl(jobOf(name, recipe), given)).says);
      runs.push(run);
    }
    const { python } = await environmentOf('verl');
    const script = join(packageRoot, 'test', 'engines', 'real', 'verl_parsers.py');
    const sampler = join(packageRoot, 'engines', 'verl', 'sampler.py');
    const { status, stdout, stderr } = spawnSync(python, [script, sampler, ...runs], {
      encoding: 'utf8',
      timeout: 600_000,
      maxBuffer: 1e8,
    });
    assert.equal(status, 0, stderr.slice(-5000));
    found = JSON.parse(stdout.trim().split('\n').at(-1) as string);
  });

  test('reads each algorithm as it was meant', () => {
    const [byPpo, byGrpo, byDapo] = found.jobs as [Found, Found, Found];
    const part = ({ vllm, rates, prompts, problems, rewards, ...rest }: Found) => rest;
    assert.deepEqual(part(byPpo), {
      ...{ estimator: 'gae', normalised: true, klInReward: true, reference: true, miniBatch: 8 },
      ...{ clip: [0.2, 0.2, 3, 1e30], klLoss: [false, 'k1', 0.01], aggregation: 'token-mean' },
      ...{ critic: [1e-3, 0.3], filtered: false, precision: ['float32', 'fp32'] },
    });
    assert.deepEqual(part(byGrpo), {
      ...{ estimator: 'grpo', normalised: true, klInReward: false, reference: true, miniBatch: 4 },
      ...{ clip: [0.2, 0.2, 3, 1], klLoss: [true, 'k3', 0.01], aggregation: 'seq-mean-token-mean' },
      ...{ critic: null, filtered: false, precision: ['float32', 'fp32'] },
    });
    assert.deepEqual(part(byDapo), {
      ...{ estimator: 'grpo', normalised: true, klInReward: false, reference: false, miniBatch: 4 },
      ...{ clip: [0.2, 0.28, 10, 1], klLoss: [false, 'k3', 0], aggregation: 'token-mean' },
      ...{ critic: null, filtered: true, precision: ['bfloat16', 'fp32'] },
    });
  });

  test('refuses an option that it has not', () => {
    assert.match(found.misspelt, /clip_ration/);
  });

  test('has the learning rates of the recipe', () => {
    const expected = learningRates(9, constantSchedule(1e-4, 0.5));
    const rates = found.jobs[0]?.rates ?? [];
    assert.equal(rates.length, 9);
    for (const [round, rate] of rates.entries()) assert.ok(Math.abs(rate - (expected[round] as number)) < 1e-12);
  });

  test('starts vLLM with arguments that its own command line reads', () => {
    for (const [at, dtype] of ['float32', 'float32', 'bfloat16'].entries())
      assert.deepEqual(found.jobs[at]?.vllm, {
        ...{ model: parent, dtype, max_model_len: 64, gpu_memory_utilization: 0.5, tensor_parallel_size: 1 },
        seed: jobOf('ppo', ppo).seed,
      });
  });

  test('asks what the built-in trainer asks, each epoch in another order, and its rewards are the grader’s', async () => {
    const { promptTokens } = paperTemplate(await loadTokenizer(parent));
    for (const { prompts, problems, rewards } of found.jobs) {
      assert.equal(prompts.length, 72);
      const epochs = [0, 24, 48].map((start) => problems.slice(start, start + 24));
      for (const epoch of epochs) assert.equal(new Set(epoch).size, 24);
      assert.notDeepEqual(epochs[0], epochs[1]);
      for (const [at, prompt] of prompts.entries())
        assert.deepEqual(prompt, promptTokens({ prompt: `rl toss ${problems[at]}` }));
      assert.deepEqual(rewards, [1, 0, 0]);
    }
  });

  test('samples groups without a signal again, so often and no more', () => {
    const [half, all, none] = found.sampled as [[number, string[]], [number, string[]], [number, string[]]];
    assert.deepEqual(half[1].length, 4);
    assert.ok(half[1].every((group) => Number(group.slice(1)) % 2 === 1));
    assert.deepEqual(all, [4, ['g0', 'g1', 'g2', 'g3']]);
    assert.equal(none[1].length, 4);
    assert.ok(none[0] >= 12 && none[0] <= 16, `${none[0]} groups`);
  });

  test('says that it needs a GPU where there is none', { skip: process.env.CUDA_VISIBLE_DEVICES }, async () => {
    const failed = await runWith('verl', jobOf('here', grpo), { at: 'never', signal: 'SIGTERM' });
    const last = failed.events.at(-1);
    assert.ok(last?.event === 'failed', failed.stderr);
    assert.match(last.message, /verl trains on GPUs, and this machine shows none/);
    assert.equal(last.kind, 'bad-job');
  });

  test('is driven as any engine is: told of, stopped, gone on with, published', async (t) => {
    process.env.PYTHONPATH = join(packageRoot, 'test', 'engines', 'real', 'stand-in');
    t.after(() => {
      delete process.env.PYTHONPATH;
    });
    const whole = await runWith('verl', jobOf('whole', grpo));
    const metrics = metricsOf(whole);
    assert.deepEqual(
      metrics.map(({ step, tokens }) => [step, tokens]),
      Array.from({ length: 9 }, (_, at) => [at + 1, (at + 1) * 80]),
    );
    assert.deepEqual(metrics[4]?.values, { reward: 0.5, responseLength: 2.5, lr: 1e-4 });
    const done = whole.events.at(-1);
    assert.ok(done?.event === 'done' && done.step === 9 && done.tokens === 720);
    assert.equal(modelDigest(join(root, 'whole')), modelDigest(join(root, 'wide')));

    const odd = await runWith('verl', jobOf('odd', { ...ppo, batch: 7, miniBatch: 7 }), {
      at: 'never',
      signal: 'SIGTERM',
    });
    const last = odd.events.at(-1);
    assert.ok(last?.event === 'failed' && last.kind === 'bad-job', odd.stderr);
    assert.match(last.message, /cannot part 7 responses among 2 GPUs/);

    // Of so many rounds that some are left however late it hears of a signal.
    const job = jobOf('stopped', { ...grpo, epochs: 6 });
    job.placement.checkpointEvery = 2;
    const stopped = await runWith('verl', job, { at: 5, signal: 'SIGTERM' });
    assert.equal(stopped.code, 75, stopped.stderr);
    const interrupted = stopped.events.at(-1);
    assert.ok(interrupted?.event === 'interrupted' && interrupted.step >= 4);
    const killed = await runWith('verl', job, { at: interrupted.step + 2, signal: 'SIGKILL' });
    assert.equal(killed.signal, 'SIGKILL');
    const again = await runWith('verl', job);
    const started = again.events.find(({ event }) => event === 'started');
    assert.ok(started?.event === 'started' && (started.resumedFrom ?? 0) >= interrupted.step);
    assert.deepEqual([metricsOf(again).at(-1)?.step, metricsOf(again).at(-1)?.tokens], [18, 1440]);
    assert.equal(modelDigest(job.output), modelDigest(join(root, 'wide')));
  });
});
