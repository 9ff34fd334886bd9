/** RL as a whole: the learner on what a model samples, and the real stage in real processes, graded and interrupted. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { graderVersion } from '../../schemas/catalogue.ts';
import type { MetricsEvent, SampleEvent, TrainerEvent } from '../../schemas/types/event.ts';
import type { Architecture, EvaluateJob, RlJob, RlRecipe } from '../../schemas/types/job.ts';
import { ppo } from '../../trainer/algorithms/ppo.ts';
import { createGenerator, generate } from '../../trainer/generate.ts';
import { initialise } from '../../trainer/init.ts';
import { createLearner } from '../../trainer/learner.ts';
import { random } from '../../trainer/random.ts';
import {
  killAfter,
  modelDigest,
  type PpoRecipe,
  ppoUsually,
  runTrainer,
  sftJob,
  startTrainer,
  tiny,
} from './support.ts';
import { tosses, trainTosser } from './tosses.ts';

const recipe: PpoRecipe = {
  ...ppoUsually,
  algorithm: 'ppo',
  data: tosses,
  examples: 32,
  epochs: 16,
  batch: 32,
  miniBatch: 16,
  innerEpochs: 2,
  maxResponse: 16,
  temperature: 1,
  lr: 3e-3,
  criticLr: 1e-2,
  warmup: 0,
  gamma: 1,
  lambda: 1,
  clipRatio: 0.2,
  valueClip: 0.5,
  klCoef: 0.001,
  entropyCoef: 0,
  weightDecay: 0,
  betas: [0.9, 0.999],
  clip: 1,
};

/** A recipe of an algorithm with groups. */
type GroupedRecipe = Extract<RlRecipe, { dynamicSampling: boolean }>;

const average = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

it('teaches a new model to repeat its prompt, by reward alone', { timeout: 120_000 }, async () => {
  // A prompt is one of eight tokens; the reward is the share of the two tokens after it that are the same.
  const architecture: Architecture = { ...tiny, vocab: 10, context: 8 };
  const rounds = 40;
  const parameters = initialise(architecture, 1);
  const learner = createLearner(
    architecture,
    parameters,
    ppo(recipe),
    { ...recipe, miniBatch: 64, lr: 8e-3 },
    rounds * recipe.innerEpochs,
  );
  const rewards: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const { integer } = random(1, 'prompts', round);
    const prompts = Array.from({ length: 64 }, () => [2 + integer(8)]);
    const sampling = { maxTokens: 2, temperature: 1, seed: 1, purpose: ['rollout', round] };
    const responses = await generate(createGenerator(architecture, parameters, [0]), prompts, sampling);
    const episodes = responses.map(({ tokens, logProbs }, i) => {
      const prompt = prompts[i] as number[];
      return { prompt, response: tokens, logProbs, reward: tokens.filter((token) => token === prompt[0]).length / 2 };
    });
    rewards.push(average(episodes.map(({ reward }) => reward)));
    learner.learn(episodes, 1, ['round', round]);
  }
  const curve = rewards.map((reward) => reward.toFixed(2)).join(' ');
  assert.ok((rewards[0] ?? 1) < 0.2, curve);
  assert.ok(average(rewards.slice(-5)) > 0.9, curve);
});

describe('the RL stage', { concurrency: 1 }, () => {
  let root: string;
  let data: string;
  let whole: TrainerEvent[];

  /** A job like an SFT job in all but what it does. */
  const rlJob = (name: string, changes: Partial<PpoRecipe> = {}): RlJob => ({
    ...sftJob(root, name, '', 1),
    type: 'rl',
    recipe: { ...recipe, ...changes },
    inputs: { parent: join(root, 'tuned', 'model'), data: { 'data:coin': data } },
  });

  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'descent-rl-'));
    ({ data } = await trainTosser(root));
    whole = (await runTrainer(rlJob('whole'))).events;
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  const metricsOf = (events: readonly TrainerEvent[]) =>
    events.filter((event): event is MetricsEvent => event.event === 'metrics');

  it('raises the reward, and with it the score on problems it has not seen', async () => {
    const rewards = metricsOf(whole).map(({ values }) => values.reward ?? Number.NaN);
    assert.ok((rewards[0] ?? 1) < 0.6, String(rewards));
    assert.ok(average(rewards.slice(-6)) > 0.75, String(rewards));

    const scores = await Promise.all(
      ['tuned', 'whole'].map(async (model) => {
        const job: EvaluateJob = {
          ...rlJob(`evaluate-${model}`),
          type: 'evaluate',
          recipe: {
            suite: 'id',
            kind: 'problems',
            tasks: [recipe.data],
            problems: 64,
            samples: 2,
            temperature: 1,
            maxResponse: 16,
            grader: graderVersion,
          },
          inputs: { parent: join(root, model, 'model'), data: { 'data:coin': data } },
        };
        const { events } = await runTrainer(job);
        const found = events.find((event) => event.event === 'evaluation' && event.metric === 'pass@1(sampled)');
        return found as Extract<TrainerEvent, { event: 'evaluation' }>;
      }),
    );
    const [tuned, trained] = scores;
    assert.ok((trained?.low ?? 0) > (tuned?.high ?? 1), JSON.stringify(scores));
  });

  it('tells each round: finite metrics by name, and some responses with their verdicts', () => {
    const metrics = metricsOf(whole);
    assert.deepEqual(
      metrics.map(({ step }) => step),
      Array.from({ length: 16 }, (_, i) => i + 1),
    );
    assert.deepEqual(Object.keys(metrics[0]?.values ?? {}).sort(), [
      'clipFraction',
      'clipFractionDual',
      'clipFractionHigh',
      'clipFractionLow',
      'collapsed',
      'criticGradientNorm',
      'criticLr',
      'entropy',
      'explainedVariance',
      'gradientNorm',
      'groupsWithoutSignal',
      'kl',
      'lr',
      'policyLoss',
      'responseLength',
      'reward',
      'truncationRate',
      'valueLoss',
    ]);
    const [first] = metrics;
    assert.ok(Math.abs(first?.values.kl ?? 1) < 1e-6, 'before the first update the policy is its parent');
    assert.ok(metrics.some(({ values }) => (values.clipFraction ?? 0) > 0));

    const samples = whole.filter((event): event is SampleEvent => event.event === 'sample');
    assert.equal(samples.length, 4 * 16);
    for (const { task, index, reward, correct, prompt, expected } of samples) {
      assert.deepEqual([task, index, reward, expected], ['rollout', 1, correct ? 1 : 0, 'yes']);
      assert.match(prompt, /^Human: toss 2\d\d\nAssistant:$/);
    }
    assert.ok(samples.some(({ correct }) => correct) && samples.some(({ answer }) => answer === 'no'));
  });

  it('leaves a model like its parent, without the critic', () => {
    const parent = readdirSync(join(root, 'tuned', 'model')).sort();
    assert.deepEqual(readdirSync(join(root, 'whole', 'model')).sort(), parent);
    const done = whole.at(-1);
    assert.ok(done?.event === 'done');
    const { rounds, updates, problems, overlongProblems } = done.facts;
    assert.deepEqual([rounds, updates, problems, overlongProblems], [16, 64, 32, 0]);
  });

  it('ends in the same bytes and metrics when it is stopped and started again', async () => {
    const job = rlJob('stopped');
    const stopped = await startTrainer(job, (event, child) => {
      if (event.event === 'metrics' && event.step === 4) child.kill('SIGTERM');
    }).ended;
    assert.equal(stopped.code, 75, JSON.stringify(stopped.events.at(-1)));
    const last = stopped.events.at(-1);
    assert.ok(last?.event === 'interrupted' && last.step >= 4 && last.step < 16);
    const resumed = await runTrainer(job);
    const first = resumed.events[0];
    assert.ok(first?.event === 'started' && first.resumedFrom === last.step);
    assert.equal(modelDigest(job.output), modelDigest(join(root, 'whole')));
    assert.deepEqual([...metricsOf(stopped.events), ...metricsOf(resumed.events)], metricsOf(whole));
  });

  it('in bfloat16 ends in the same bytes after kill -9 as without, and learns otherwise than in float32', async () => {
    const [straight, killed] = ['rounded', 'rounded-killed'].map((name) =>
      rlJob(name, { precision: 'bfloat16', epochs: 4 }),
    ) as [RlJob, RlJob];
    const rounded = await runTrainer(straight);
    await killAfter(killed, 3, 2);
    const resumed = await runTrainer(killed);
    const [started] = resumed.events;
    assert.ok(started?.event === 'started' && started.resumedFrom === 2, 'it went on from a checkpoint');
    assert.equal(modelDigest(killed.output), modelDigest(straight.output));
    assert.deepEqual(resumed.events.at(-1), rounded.events.at(-1));

    const [found, exact] = [rounded.events, whole].map((events) => metricsOf(events)[0]?.values ?? {});
    assert.equal(found?.kl, 0, 'old log-probabilities and the reference are measured alike');
    assert.equal(found?.reward, exact?.reward, 'responses are sampled in float32');
    const apart = Math.abs((found?.entropy ?? 0) - (exact?.entropy ?? 0));
    assert.ok(apart > 0 && apart < 0.02, `entropies ${found?.entropy} and ${exact?.entropy}`);
  });

  /** The same stage by another algorithm, in groups of four. */
  const groupedJob = (name: string, changes: Partial<GroupedRecipe>): RlJob => {
    const { criticLr: _, gamma: __, lambda: ___, valueClip: ____, ...shared } = recipe;
    const grouped: GroupedRecipe = {
      ...shared,
      algorithm: 'grpo',
      dynamicSampling: false,
      maxSamplings: 3,
      responses: 4,
      batch: 8,
      whiten: false,
      klEstimator: 'k3',
      epochs: 3,
      ...changes,
    };
    return { ...rlJob(name), recipe: grouped };
  };

  const byGroups: [string, Partial<GroupedRecipe>][] = [
    ['groups', { kl: 'loss', klCoef: 0.01 }],
    ['dynamic-sampling', { algorithm: 'dapo', dynamicSampling: true, kl: 'off', klCoef: 0, overlongBuffer: 4 }],
  ];
  for (const [name, changes] of byGroups) {
    it(`with ${name} tells of groups, and ends in the same bytes after kill -9 as without`, async () => {
      const { events } = await runTrainer(groupedJob(name, changes));
      const metrics = metricsOf(events);
      assert.equal(metrics.length, 12);
      const signals = metrics.map(({ values }) => values.groupsWithoutSignal ?? Number.NaN);
      assert.ok(signals.every((share) => share >= 0 && share <= 1) && signals.some((share) => share > 0), `${signals}`);
      assert.equal(metrics[0]?.values.kl !== undefined, changes.kl === 'loss');
      assert.equal(metrics[0]?.values.valueLoss, undefined, 'there is no critic');
      const named = metrics[0]?.data?.problems?.['coin/problems'] ?? [];
      assert.ok(named.length === new Set(named).size && named.length <= 8, 'a problem is named once');
      const job = groupedJob(`${name}-killed`, changes);
      await killAfter(job, 7, 3);
      const resumed = await runTrainer(job);
      const [started] = resumed.events;
      assert.ok(started?.event === 'started' && started.resumedFrom === 6);
      assert.equal(modelDigest(job.output), modelDigest(join(root, name)));
      assert.deepEqual(metricsOf(resumed.events), metrics.slice(6));
      assert.deepEqual(resumed.events.at(-1), events.at(-1));
    });
  }

  it('samples further prompts until the round is full of groups with a signal, or it may no more', async () => {
    const changes = { algorithm: 'dapo', dynamicSampling: true, kl: 'off', klCoef: 0, epochs: 1, lr: 1e-6 } as const;
    const samplings = async (name: string, maxSamplings: number) => {
      const { events } = await runTrainer(groupedJob(name, { ...changes, maxSamplings }));
      return metricsOf(events).map(({ values }) => [values.samplings ?? 0, values.groupsLearned ?? 0] as const);
    };
    const often = await samplings('often', 20);
    assert.ok(often.every(([, groups]) => groups === 8) && often.some(([count]) => count > 1), String(often));
    const once = await samplings('once', 1);
    assert.ok(once.every(([count, groups]) => count === 1 && groups <= 8) && once.some(([, groups]) => groups < 8));
  });

  it('goes on where no group has a signal, and ends where that lasts if it is to', async () => {
    // One token answers nothing: every response is cut, and wrong.
    const changes = { algorithm: 'dapo', dynamicSampling: true, maxSamplings: 2, maxResponse: 1, epochs: 4 } as const;
    const on = await runTrainer(groupedJob('silent', changes));
    const told = metricsOf(on.events);
    assert.equal(told.length, 16);
    assert.deepEqual(
      told.map(({ values }) => values.collapsed),
      told.map(({ step }) => (step < 10 ? 0 : 1)),
    );
    assert.ok(told.every(({ values }) => values.policyLoss === undefined && values.samplings === 2));
    const done = on.events.at(-1);
    assert.ok(done?.event === 'done');
    const { rounds, updates, collapse, collapsedAt } = done.facts;
    assert.deepEqual([rounds, updates, collapse, collapsedAt], [16, 0, 'no-signal', 10]);

    const job = groupedJob('silent-stops', { ...changes, stopOnCollapse: true });
    await killAfter(job, 9, 4);
    const { events } = await runTrainer(job);
    const last = events.at(-1);
    assert.ok(last?.event === 'done');
    assert.deepEqual([last.step, last.facts.collapsedAt, last.facts.rounds], [10, 10, 10]);
    assert.equal(modelDigest(job.output), modelDigest(join(root, 'tuned')), 'its model is there, and learned nothing');
  });

  it('drops what fills no round, and takes no round larger than an epoch', async () => {
    const facts = async (name: string, changes: Partial<PpoRecipe>) => {
      const { events } = await runTrainer(
        rlJob(name, { epochs: 2, innerEpochs: 1, maxResponse: 1, klCoef: 0, ...changes }),
      );
      const done = events.at(-1);
      assert.ok(done?.event === 'done');
      assert.equal(metricsOf(events).length, done.step);
      assert.equal(metricsOf(events)[0]?.values.kl, undefined);
      return [done.facts.rounds, done.facts.updates];
    };
    // 30 problems in rounds of 8: three an epoch, each of two updates.
    assert.deepEqual(await facts('short', { examples: 30, batch: 8, miniBatch: 5 }), [6, 12]);
    assert.deepEqual(await facts('large', { examples: 10, batch: 128, miniBatch: 128 }), [2, 2]);
  });

  it('refuses what cannot work, and says what to do', async () => {
    const failure = async (name: string, changes: Partial<PpoRecipe>) => {
      const { code, events } = await startTrainer(rlJob(name, changes)).ended;
      assert.equal(code, 1);
      const failed = events.at(-1);
      assert.ok(failed?.event === 'failed');
      return `${failed.kind}: ${failed.message}`;
    };
    assert.match(await failure('cold', { temperature: 0 }), /^bad-job: temperature is 0: .* must be above 0/);
    assert.match(
      await failure('long', { maxResponse: 60 }),
      /^bad-data: None of the 32 problems of coin\/problems fits: .* context of 64\. Take a smaller maxResponse/,
    );
  });
});
