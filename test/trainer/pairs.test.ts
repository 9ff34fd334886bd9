/** DPO and reward models as a whole: the real stages in real processes, judged, interrupted, and used in an evaluation. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { graderVersion } from '../../schemas/catalogue.ts';
import type { EvaluationEvent, MetricsEvent, SampleEvent, TrainerEvent } from '../../schemas/types/event.ts';
import type { DpoJob, EvaluateJob, RewardJob, SftJob } from '../../schemas/types/job.ts';
import { type ExampleOf, encodePairs } from '../../trainer/data/preferences.ts';
import { paperTemplate } from '../../trainer/data/template.ts';
import { judgedText } from '../../trainer/judge.ts';
import { loadRewardModel } from '../../trainer/parameters.ts';
import { scorer } from '../../trainer/reward.ts';
import { run as dpo } from '../../trainer/stages/dpo.ts';
import { run as reward } from '../../trainer/stages/reward.ts';
import { loadTokenizer } from '../../trainer/tokenizer/load.ts';
import { writeNewModel } from './models.ts';
import {
  close,
  coin,
  coinJob,
  dpoJob as dpoJobOf,
  type Ended,
  modelDigest,
  rewardJob as rewardJobOf,
  runTrainer,
  sftJob,
  startTrainer,
  tiny,
  writeByteTokenizer,
  writeCoin,
  writePreferences,
} from './support.ts';

describe('stages that learn from pairs', { timeout: 240_000 }, () => {
  let root: string;
  let data: string;
  let liked: Ended;
  let judge: Ended;

  const frame = (name: string): Omit<SftJob, 'type' | 'recipe' | 'inputs'> => {
    const { type: _, recipe: __, inputs: ___, ...rest } = sftJob(root, name, '', 1);
    return rest;
  };
  const inputs = () => ({ parent: join(root, 'base', 'model'), liked: data });
  const dpoJob = (name: string, recipe: Partial<DpoJob['recipe']> = {}) => dpoJobOf(root, name, inputs(), recipe);
  const rewardJob = (name: string, recipe: Partial<RewardJob['recipe']> = {}) =>
    rewardJobOf(root, name, inputs(), recipe);
  const evaluateJob = (name: string, more: Partial<EvaluateJob['inputs']>): EvaluateJob => ({
    ...frame(name),
    type: 'evaluate',
    recipe: {
      suite: 'id',
      kind: 'problems',
      tasks: [coin],
      problems: 8,
      samples: 3,
      temperature: 1,
      maxResponse: 16,
      grader: graderVersion,
    },
    inputs: { parent: join(root, 'tuned', 'model'), data: { 'data:coin': join(root, 'coin') }, ...more },
  });

  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'descent-pairs-'));
    data = writePreferences(join(root, 'liked'));
    writeCoin(join(root, 'coin'));
    await writeNewModel(root, 'base', { ...tiny, context: 64 });
    [liked, judge] = await Promise.all([runTrainer(dpoJob('liked-model')), runTrainer(rewardJob('judge'))]);
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  const metricsOf = (events: readonly TrainerEvent[]) =>
    events.filter((event): event is MetricsEvent => event.event === 'metrics');
  const factsOf = ({ events }: Ended) => {
    const done = events.at(-1);
    assert.ok(done?.event === 'done');
    return done.facts;
  };

  it('begin where nothing is preferred, and come to prefer the chosen responses, of problems they did not see too', () => {
    for (const ended of [liked, judge]) {
      const metrics = metricsOf(ended.events).map(({ values }) => values);
      assert.equal(metrics.length, 9);
      assert.deepEqual(Object.keys(metrics[0] as object).sort(), [
        'accuracy',
        'chosenReward',
        'gradientNorm',
        'loss',
        'lr',
        'margin',
        'rejectedReward',
      ]);
      assert.ok(Math.abs((metrics[0]?.loss as number) - Math.log(2)) < 1e-5, JSON.stringify(metrics[0]));
      const last = metrics.at(-1) as Record<string, number>;
      assert.ok(
        (last.loss as number) < 0.6 && (last.margin as number) > 0.1 && last.accuracy === 1,
        JSON.stringify(last),
      );
      close([last.margin as number], [(last.chosenReward as number) - (last.rejectedReward as number)], 1e-4);
      const { pairs, truncatedResponses, heldoutPairs, heldoutAccuracy, heldoutAccuracyLow, heldoutLoss } =
        factsOf(ended);
      assert.deepEqual([pairs, truncatedResponses, heldoutPairs, heldoutAccuracy], [48, 0, 20, 1]);
      assert.ok((heldoutAccuracyLow as number) > 0.8 && (heldoutLoss as number) < 0.6);
    }
  });

  it('tell which problems and tokens each step learned from', () => {
    for (const { events } of [liked, judge]) {
      const steps = metricsOf(events);
      const epoch = steps.slice(0, 3).flatMap(({ data }) => data?.problems?.liked ?? []);
      assert.deepEqual(epoch.toSorted(), Array.from({ length: 48 }, (_, i) => `train${i}`).sort());
      assert.equal(new Set(steps.map(({ data }) => data?.digest)).size, 9);
    }
  });

  it('end in the same bytes and metrics when they are stopped and started again', async () => {
    const stopAndGoOn = async (job: DpoJob | RewardJob, whole: Ended) => {
      const stopped = await startTrainer(job, (event, child) => {
        if (event.event === 'metrics' && event.step === 4) child.kill('SIGTERM');
      }).ended;
      assert.equal(stopped.code, 75);
      const resumed = await runTrainer(job);
      const began = resumed.events[0];
      assert.ok(began?.event === 'started' && (began.resumedFrom as number) >= 4);
      const from = began.resumedFrom as number;
      assert.deepEqual(metricsOf(resumed.events), metricsOf(whole.events).slice(from));
      assert.deepEqual(factsOf(resumed), factsOf(whole));
      assert.equal(modelDigest(job.output), modelDigest(join(root, job.type === 'dpo' ? 'liked-model' : 'judge')));
    };
    await Promise.all([stopAndGoOn(dpoJob('dpo-stopped'), liked), stopAndGoOn(rewardJob('reward-stopped'), judge)]);
  });

  it('learn in bfloat16 too, with recomputed activations, with each loss', async () => {
    const learns = async (job: DpoJob | RewardJob) => {
      const { events } = await runTrainer({ ...job, placement: { ...job.placement, recomputeActivations: true } });
      const losses = metricsOf(events).map(({ values }) => values.loss as number);
      assert.ok((losses.at(-1) as number) < (losses[0] as number), String(losses));
      assert.ok(metricsOf(events).every(({ values }) => 'nllLoss' in values === (job.type === 'dpo')));
    };
    await Promise.all([
      learns(dpoJob('ipo', { loss: 'ipo', beta: 0.5, nllCoef: 0.5, precision: 'bfloat16', epochs: 1 })),
      learns(rewardJob('rounded', { precision: 'bfloat16' })),
    ]);
  });

  it('refuse a smoothed IPO, and more pairs than there are', async () => {
    const context = { emit: () => {}, stopRequested: () => false, checkLease: () => {} };
    await assert.rejects(
      dpo(dpoJob('smoothed', { loss: 'ipo', labelSmoothing: 0.1 }), context),
      /labelSmoothing is for the loss `sigmoid`/,
    );
    await assert.rejects(
      reward(rewardJob('hungry', { examples: 49 }), context),
      /There are 48 pairs to learn from in the data set `liked`, 49 are asked for/,
    );
  });

  it('leave a language model, and one that transformers knows as a reward model', async () => {
    assert.deepEqual(
      readdirSync(join(root, 'liked-model', 'model')).sort(),
      readdirSync(join(root, 'judge', 'model')).sort(),
    );
    const config = JSON.parse(readFileSync(join(root, 'judge', 'model', 'config.json'), 'utf8'));
    assert.deepEqual(
      [config.architectures, config.id2label, config.problem_type, config.pad_token_id, config.eos_token_id],
      [['LlamaForSequenceClassification'], { 0: 'reward' }, 'regression', 1, 0],
    );
    const { parameters } = await loadRewardModel(join(root, 'judge', 'model'));
    assert.deepEqual(parameters['score.weight']?.shape, [1, tiny.hidden]);
    assert.ok(!('lm_head.weight' in parameters));
    assert.match(readFileSync(join(root, 'judge', 'model', 'README.md'), 'utf8'), /A reward model of/);
  });

  it('give an evaluation scores of every response, and figures of them, which grading again keeps', async () => {
    await runTrainer(coinJob(root, 'tuned', join(root, 'base', 'model'), join(root, 'coin')));
    const rewardModel = join(root, 'judge', 'model');
    const { events } = await runTrainer(evaluateJob('scored', { rewardModel }));
    const samples = events.filter((event): event is SampleEvent => event.event === 'sample');
    assert.equal(samples.length, 8 * 4);
    const { architecture, parameters, padding } = await loadRewardModel(rewardModel);
    const tokenizer = await loadTokenizer(rewardModel);
    const exampleOf: ExampleOf = paperTemplate(tokenizer).exampleTokens;
    const texts = samples.map(({ problem, response, truncated }) => {
      const index = Number(problem.replace('test', ''));
      const asked = { id: problem, prompt: `test toss ${index}`, solution: '', answer: '', kind: 'label' } as const;
      return judgedText(
        { problem: asked, text: response, ended: truncated === false },
        exampleOf,
        architecture.context,
      );
    });
    const rewards = samples.map(({ reward }) => reward as number);
    close(rewards, scorer(architecture, parameters, padding)(texts), 1e-4);
    const figures = Object.fromEntries(
      events
        .filter((event): event is EvaluationEvent => event.event === 'evaluation')
        .map(({ metric, value, n }) => [metric, { value, n }]),
    );
    const sampled = samples.filter(({ index }) => index > 0).map(({ reward }) => reward as number);
    assert.equal(figures.orm?.n, 24);
    close([figures.orm?.value as number], [sampled.reduce((sum, reward) => sum + reward, 0) / 24], 1e-6);
    for (const metric of ['rm@2', 'rm@3', 'rewardCorrelation', 'rewardAuc']) assert.ok(metric in figures, metric);

    const responses = join(root, 'kept.jsonl');
    writeFileSync(responses, events.map((event) => JSON.stringify(event)).join('\n'));
    const again = await runTrainer(evaluateJob('again', { rewardModel, responses }));
    const told = (of: readonly TrainerEvent[]) =>
      of.filter(({ event }) => event === 'sample' || event === 'evaluation');
    assert.deepEqual(told(again.events), told(events));

    const { code, events: failed } = await startTrainer(
      evaluateJob('unjudged', { rewardModel: join(root, 'base', 'model') }),
    ).ended;
    const last = failed.at(-1);
    assert.ok(code === 1 && last?.event === 'failed');
    assert.match(last.message, /is a language model \(LlamaForCausalLM\), and a reward model .* is needed/);
  });
});

describe('what a reward model reads', async () => {
  const root = mkdtempSync(join(tmpdir(), 'descent-judged-'));
  after(() => rmSync(root, { recursive: true, force: true }));
  const tokenizer = await loadTokenizer(writeByteTokenizer(root));
  const problem = { id: '1', prompt: '2 + 2 = ?', solution: '', answer: '4', kind: 'number' } as const;
  const read = (text: string, ended: boolean, context = 64) =>
    judgedText({ problem, text, ended }, paperTemplate(tokenizer).exampleTokens, context);

  it('is the prompt and the response in the template, and the end where it ended', () => {
    const whole = 'Human: 2 + 2 = ?\nAssistant: 4';
    assert.deepEqual(read(' 4', true), [...tokenizer.encode(whole), tokenizer.eos]);
    assert.deepEqual(read('4', true), read(' 4', true));
    assert.deepEqual(read(' 4', false), tokenizer.encode(whole));
  });

  it('loses the beginning of its prompt where it is longer than the context', () => {
    const whole = read(' 4', true);
    assert.deepEqual(read(' 4', true, 12), whole.slice(-12));
  });
});

describe('a pair in tokens', () => {
  const exampleOf: ExampleOf = ({ prompt, solution }) => ({
    prompt: Array.from(prompt, Number),
    response: [...Array.from(solution, Number), 0],
  });
  const pair = { id: 'a', prompt: '123456', chosen: '7', rejected: '789' };

  it('has the prompt twice, each as much of it as fits with its response', () => {
    assert.deepEqual(encodePairs([pair], exampleOf, 10), {
      pairs: [
        {
          id: 'a',
          chosen: { prompt: [1, 2, 3, 4, 5, 6], response: [7, 0] },
          rejected: { prompt: [1, 2, 3, 4, 5, 6], response: [7, 8, 9, 0] },
        },
      ],
      truncated: 0,
    });
    assert.deepEqual(encodePairs([pair, pair], exampleOf, 8).truncated, 2);
    assert.deepEqual(encodePairs([pair], exampleOf, 8).pairs[0]?.rejected.prompt, [3, 4, 5, 6]);
    assert.deepEqual(encodePairs([pair], exampleOf, 4).pairs[0]?.rejected, { prompt: [6], response: [7, 8, 9] });
  });
});
