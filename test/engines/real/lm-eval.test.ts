import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { graderVersion, upstreamTasks } from '../../../schemas/catalogue.ts';
import type { EvaluationEvent, SampleEvent } from '../../../schemas/types/event.ts';
import type { EvaluateJob, EvaluateRecipe, Part } from '../../../schemas/types/job.ts';
import {
  close,
  coin,
  coinJob,
  type Ended,
  generated,
  pretrainJob,
  runTrainer,
  sftJob,
  tiny,
  writeCoin,
} from '../../trainer/support.ts';
import { factsOf, ground, runWith } from './contract.ts';

const problems: Extract<EvaluateRecipe, { kind: 'problems' }> = {
  suite: 'id',
  kind: 'problems',
  tasks: [coin],
  problems: 24,
  samples: 3,
  temperature: 1,
  maxResponse: 20,
  grader: graderVersion,
};

const cloze: EvaluateRecipe = {
  suite: 'upstream',
  kind: 'cloze',
  tasks: upstreamTasks.map((name): Part => ({ name, part: 'choices', source: generated(name) })) as [Part, ...Part[]],
  problems: 30,
};

describe('lm-evaluation-harness', () => {
  const { root, tokenizer } = ground();
  const model = join(root, 'tuned', 'model');
  const tosses = join(root, 'coin');

  const jobOf = (name: string, recipe: EvaluateRecipe): EvaluateJob => {
    const { type: _, recipe: __, inputs: ___, ...frame } = sftJob(root, name, model, 1);
    return { ...frame, type: 'evaluate', recipe, inputs: { parent: model, data: { 'data:coin': tosses } } };
  };
  const samplesOf = ({ events }: Ended) => events.filter((event): event is SampleEvent => event.event === 'sample');
  const figuresOf = ({ events }: Ended) =>
    events.filter((event): event is EvaluationEvent => event.event === 'evaluation');

  before(async () => {
    writeCoin(tosses);
    const base = pretrainJob(root, 'wide', tokenizer, 30);
    await runTrainer({ ...base, recipe: { ...base.recipe, architecture: { ...tiny, context: 64 } } });
    await runTrainer(coinJob(root, 'tuned', join(root, 'wide', 'model'), tosses));
  });

  test('hears from a model what the built-in evaluation does, and makes the same figures of it', async () => {
    const penalised: EvaluateRecipe = { ...problems, stop: ['is '], repetitionPenalty: 1.3, samples: 0 };
    for (const [name, recipe] of Object.entries({ plain: problems, penalised })) {
      const own = await runTrainer(jobOf(`own-${name}`, recipe));
      const its = await runWith('lm-eval', jobOf(name, recipe));
      const greedy = (ended: Ended) => samplesOf(ended).filter(({ index }) => index === 0);
      assert.deepEqual(greedy(its), greedy(own));
      assert.ok(
        greedy(its).some(({ truncated }) => truncated === false),
        'responses that end',
      );
      assert.equal(samplesOf(its).length, samplesOf(own).length);
      const ofGreedy = ({ metric }: EvaluationEvent) => ['pass@1', 'truncated', 'majority', 'chance'].includes(metric);
      assert.deepEqual(figuresOf(its).filter(ofGreedy), figuresOf(own).filter(ofGreedy));
      const names = (ended: Ended) =>
        figuresOf(ended)
          .map(({ metric }) => metric)
          .filter((metric) => metric !== 'correctRatio');
      assert.deepEqual(names(its), names(own));
      assert.equal(factsOf(its).cutPrompts, 0);
    }
  });

  test('finds each choice as likely as the built-in evaluation, and counts as it does', async () => {
    const own = await runTrainer(jobOf('own-cloze', cloze));
    const its = await runWith('lm-eval', jobOf('cloze', cloze));
    for (const [at, { logLikelihoods, ...sample }] of samplesOf(its).entries()) {
      const { logLikelihoods: expected, ...rest } = samplesOf(own)[at] as SampleEvent;
      assert.deepEqual(sample, rest);
      close(logLikelihoods ?? [], expected ?? [], 1e-5);
    }
    assert.deepEqual(figuresOf(its), figuresOf(own));
    for (const { task, metric, value } of figuresOf(its))
      if (metric === 'acc' && task !== 'all') assert.equal(factsOf(its)[`harness.${task}.acc`], value);
  });

  test('draws the same samples from the same seed, and begins anew where it was stopped', async () => {
    const whole = await runWith('lm-eval', jobOf('whole', problems));
    const job = jobOf('again', problems);
    const stopped = await runWith('lm-eval', job, { at: 'started', signal: 'SIGTERM' });
    assert.equal(stopped.code, 75, stopped.stderr);
    assert.deepEqual(samplesOf(stopped), []);
    const again = await runWith('lm-eval', job);
    assert.deepEqual(samplesOf(again), samplesOf(whole));
    assert.deepEqual(figuresOf(again), figuresOf(whole));
  });
});
