import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { graderVersion } from '../../schemas/catalogue.ts';
import type { EvaluationEvent, SampleEvent, TrainerEvent } from '../../schemas/types/event.ts';
import type { Architecture, EvaluateJob, EvaluateRecipe } from '../../schemas/types/job.ts';
import type { Problem } from '../../trainer/data/problem.ts';
import { heldoutRows, rowScorer } from '../../trainer/evaluate.ts';
import { type Attempted, lossFigures, suiteFigures, taskFigures } from '../../trainer/figures.ts';
import { initialise } from '../../trainer/init.ts';
import { hiddenStates, logits } from '../../trainer/model.ts';
import type { Response } from '../../trainer/response.ts';
import { proportion } from '../../trainer/statistics.ts';
import { passAtK } from '../../trainer/subsets.ts';
import { tf } from '../../trainer/tf.ts';
import { byteTokenizer } from '../../trainer/tokenizer/bytes.ts';
import { createTokenizer } from '../../trainer/tokenizer/load.ts';
import { writeNewModel } from './models.ts';
import { generated, runTrainer, sftJob, startTrainer } from './support.ts';

const architecture: Architecture = {
  layers: 2,
  hidden: 16,
  heads: 2,
  kvHeads: 1,
  ffn: 32,
  vocab: 257,
  context: 16,
  ropeTheta: 10_000,
  normEpsilon: 1e-5,
};
const tokenizer = createTokenizer(byteTokenizer());

const close = (actual: number | undefined, expected: number, tolerance = 1e-9) =>
  assert.ok(actual !== undefined && Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);

describe('held-out rows', () => {
  const documents = ['abcdefg', 'hijkl', 'mnopqrstuvwxyz'];
  const stream = documents.flatMap((document) => [...tokenizer.encode(document), tokenizer.eos]);

  it('predict each token once, in order, and exactly as many as asked for', () => {
    for (const [tokens, context] of [
      [20, 5],
      [23, 5],
      [8, 16],
      [2, 16],
    ] as const) {
      const rows = heldoutRows(documents, tokenizer, tokens, context);
      assert.deepEqual(
        rows.flatMap((row) => [...row.slice(1)]),
        stream.slice(1, tokens + 1),
      );
      assert.ok(rows.length >= 2 && rows.every((row) => row.length <= context + 1));
      for (const [i, row] of rows.entries()) if (i > 0) assert.equal(row[0], rows[i - 1]?.at(-1));
    }
  });

  it('end with the documents, and read no more of endless ones than they need', () => {
    const rows = heldoutRows(documents, tokenizer, 1000, 16);
    assert.equal(rows.flatMap((row) => [...row.slice(1)]).length, stream.length - 1);
    let read = 0;
    const endless = (function* () {
      for (;;) yield `${read++}`.padStart(9, '0');
    })();
    heldoutRows(endless, tokenizer, 100, 16);
    assert.equal(read, 11);
    assert.deepEqual(heldoutRows([], tokenizer, 100, 16), []);
  });

  it('are two or more, unless a single token is predicted', () => {
    for (const tokens of [2, 3, 16]) assert.ok(heldoutRows(documents, tokenizer, tokens, 16).length >= 2);
    assert.equal(heldoutRows(documents, tokenizer, 1, 16).length, 1);
  });
});

describe('held-out loss', () => {
  const parameters = initialise(architecture, 3);

  it('is the negative log-likelihood of each token after the ones before it', () => {
    const rows = heldoutRows(['the cat sat on the mat', 'the dog'], tokenizer, 24, 8);
    const clusters = rowScorer(architecture, parameters)(rows);
    for (const [r, row] of rows.entries()) {
      let expected = 0;
      for (let t = 1; t < row.length; t++) {
        const before = tf.tensor2d([...row.slice(0, t)], [1, t], 'int32');
        const all = logits(parameters, hiddenStates(architecture, parameters, before)).dataSync() as Float32Array;
        const scores = all.slice(-257);
        const norm = Math.log(scores.reduce((sum, score) => sum + Math.exp(score), 0));
        expected += norm - (scores[row[t] ?? 0] ?? Number.NaN);
      }
      close(clusters[r]?.sum, expected, 1e-3);
      assert.equal(clusters[r]?.count, row.length - 1);
    }
  });

  it('of a model that knows nothing is ln V, and its perplexity V', () => {
    const nothing = initialise(architecture, 3);
    nothing['lm_head.weight']?.assign(tf.zeros([257, 16]));
    const rows = heldoutRows(['hello world, hello all'], tokenizer, 20, 5);
    const { loss, perplexity } = lossFigures(rowScorer(architecture, nothing)(rows));
    close(loss?.value, Math.log(257), 1e-5);
    close(perplexity?.value, 257, 1e-2);
    assert.equal(loss?.n, 20);
  });
});

const problem = (answer: string, labels?: readonly string[]): Problem => ({
  id: answer,
  prompt: `Say ${answer}.`,
  solution: `The answer is ${answer}.`,
  answer,
  kind: labels ? 'label' : 'number',
  ...(labels && { labels }),
});

const response = (of: Problem, correct: boolean, ended = true): Response => ({
  problem: of,
  asked: of.prompt,
  prompt: [1],
  tokens: [2],
  logProbs: [-1],
  ended,
  text: '',
  answer: correct ? of.answer : null,
  correct,
  why: 'as the test says',
});

/** A problem with a greedy verdict and sampled ones, 1 for right. */
function attempted(of: Problem, greedy: number, sampled: number[], ended = true): Attempted {
  return { greedy: response(of, greedy === 1, ended), sampled: sampled.map((verdict) => response(of, verdict === 1)) };
}

describe('the figures of a task', () => {
  it('are greedy Pass@1, sampled Pass@k and Maj@k for each k, Correct Ratio, the share that was cut, and the baselines', () => {
    const figures = taskFigures([
      attempted(problem('3'), 1, [1, 0, 1, 0]),
      attempted(problem('4'), 0, [0, 0, 0, 0], false),
      attempted(problem('3'), 1, [1, 1, 1, 1]),
      attempted(problem('5'), 0, [0, 1, 0, 0]),
    ]);
    const atK = [2, 3, 4].flatMap((k) => [`pass@${k}`, `maj@${k}`]);
    const names = ['pass@1', 'pass@1(sampled)', ...atK, 'correctRatio', 'truncated', 'majority'];
    assert.deepEqual(Object.keys(figures), names);
    assert.deepEqual(figures['pass@1'], proportion(2, 4));
    close(figures['pass@1(sampled)']?.value, (0.5 + 0 + 1 + 0.25) / 4);
    close(figures['pass@2']?.value, (passAtK(4, 2, 2) + 0 + 1 + passAtK(4, 1, 2)) / 4);
    close(figures['pass@4']?.value, 3 / 4);
    assert.equal(figures['pass@4']?.n, 4);
    // No wrong response has an answer, so each right one wins.
    close(figures['maj@4']?.value, 3 / 4);
    close(figures.correctRatio?.value, (0.5 + 1 + 0.25) / 3);
    assert.equal(figures.correctRatio?.n, 3);
    assert.deepEqual(figures.truncated, proportion(1, 4));
    assert.deepEqual(figures.majority, proportion(2, 4));
  });

  it('have RM@k and the mean score where every sampled response has a score', () => {
    const scores = [
      [3, 1, 2],
      [1, 2, 3],
    ];
    const responses = [attempted(problem('3'), 1, [1, 0, 0]), attempted(problem('4'), 0, [0, 0, 1])];
    const scored = responses.map(({ greedy, sampled }, i) => ({
      greedy,
      sampled: sampled.map((each, j) => ({ ...each, reward: scores[i]?.[j] as number })),
    }));
    const figures = taskFigures(scored);
    close(figures['rm@2']?.value, passAtK(3, 1, 2));
    close(figures['rm@3']?.value, 1);
    close(figures.orm?.value, 2);
    assert.equal(figures.orm?.n, 6);
    const [first, ...others] = scored;
    assert.ok(
      first && !('rm@2' in taskFigures([{ ...first, sampled: responses[0]?.sampled as Response[] }, ...others])),
    );
  });

  it('have no Correct Ratio where no response is right, which says nothing of it', () => {
    assert.ok(!('correctRatio' in taskFigures([attempted(problem('3'), 1, [0, 0])])));
  });

  it('have chance where all answers are labels, and no Pass@k without samples', () => {
    const labels = ['True', 'False', 'Uncertain'];
    const figures = taskFigures(
      ['True', 'False', 'True', 'True'].map((answer) => attempted(problem(answer, labels), 0, [])),
    );
    assert.deepEqual(Object.keys(figures), ['pass@1', 'truncated', 'majority', 'chance']);
    close(figures.majority?.value, 0.75);
    close(figures.chance?.value, 1 / 3);
    assert.equal(figures.chance?.low, figures.chance?.high);
  });
});

describe('the figures of a suite', () => {
  it('are unweighted means of what all tasks have', () => {
    const numbers = taskFigures([attempted(problem('1'), 1, []), attempted(problem('2'), 0, [])]);
    const labels = taskFigures(Array.from({ length: 10 }, () => attempted(problem('True', ['True', 'False']), 1, [])));
    const all = suiteFigures([numbers, labels]);
    assert.deepEqual(Object.keys(all), ['pass@1', 'truncated', 'majority']);
    close(all['pass@1']?.value, 0.75);
    assert.equal(all['pass@1']?.n, 12);
    for (const { value, low, high } of Object.values(all)) assert.ok(low <= value && value <= high);
  });

  it('have the perplexity of the mean loss', () => {
    const domain = (sum: number) =>
      lossFigures([
        { sum, count: 10 },
        { sum: sum + 2, count: 10 },
      ]);
    const all = suiteFigures([domain(19), domain(39)]);
    close(all.loss?.value, 3);
    close(all.perplexity?.value, Math.exp(3), 1e-9);
    assert.ok((all.perplexity?.low ?? 0) < Math.exp(3) && (all.perplexity?.high ?? 0) > Math.exp(3));
  });
});

describe('the evaluation stage', { concurrency: 1 }, () => {
  let root: string;

  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'descent-evaluate-'));
    for (const context of [256, 32]) await writeNewModel(root, `${context}`, { ...architecture, context });
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  const evaluateJob = (name: string, recipe: EvaluateRecipe, context = 256): EvaluateJob => ({
    ...sftJob(root, name, '', 1),
    type: 'evaluate',
    recipe,
    inputs: { parent: join(root, `${context}`, 'model'), data: {} },
  });
  const part = (generator: string, kind: 'text' | 'problems' | 'choices') =>
    ({ name: generator, part: kind, source: generated(generator) }) as const;
  const problemsRecipe: Extract<EvaluateRecipe, { kind: 'problems' }> = {
    suite: 'mixed',
    kind: 'problems',
    tasks: [part('arithmetic', 'problems'), part('boardgame', 'problems')],
    problems: 70,
    samples: 2,
    temperature: 1,
    maxResponse: 4,
    grader: graderVersion,
  };
  const evaluations = (events: TrainerEvent[]) =>
    events.filter((event): event is EvaluationEvent => event.event === 'evaluation');
  const samples = (events: TrainerEvent[]) => events.filter((event): event is SampleEvent => event.event === 'sample');

  it('measures held-out loss a domain, and of all', async () => {
    const domains: [ReturnType<typeof part>, ReturnType<typeof part>] = [
      part('stories', 'text'),
      part('arithmetic', 'text'),
    ];
    const job = evaluateJob('heldout', { suite: 'heldout', kind: 'heldout', tokens: 3000, domains });
    const { events } = await runTrainer(job);
    assert.deepEqual(
      evaluations(events).map(({ suite, task, metric, n }) => [suite, task, metric, n]),
      ['stories', 'arithmetic', 'all'].flatMap((task) =>
        ['loss', 'perplexity'].map((metric) => ['heldout', task, metric, task === 'all' ? 6000 : 3000]),
      ),
    );
    for (const { metric, value, low, high } of evaluations(events)) {
      // Bytes, and a model that knows next to nothing: ln 257 = 5.55.
      const loss = metric === 'loss' ? value : Math.log(value);
      assert.ok(loss > 5 && loss < 6.5 && low < value && value < high, `${metric} ${value}`);
    }
    const done = events.at(-1);
    assert.ok(done?.event === 'done' && done.model === null);
  });

  it('scores the choices of each item, and tells what it chose', async () => {
    const tasks: [ReturnType<typeof part>, ReturnType<typeof part>] = [
      part('stories', 'choices'),
      part('strategy', 'choices'),
    ];
    const recipe: EvaluateRecipe = { suite: 'upstream', kind: 'cloze', tasks, problems: 20 };
    const { events } = await runTrainer(evaluateJob('cloze', recipe));
    assert.deepEqual(
      evaluations(events).map(({ task, metric, n }) => [task, metric, n]),
      ['stories', 'strategy', 'all'].flatMap((task) =>
        ['acc', 'acc_norm', 'acc_bytes', 'majority', 'chance'].map((metric) => [
          task,
          metric,
          task === 'all' ? 40 : 20,
        ]),
      ),
    );
    const chosen = samples(events).filter(({ task }) => task === 'stories');
    assert.equal(chosen.length, 20);
    for (const { logLikelihoods = [], answer, expected, correct } of chosen) {
      assert.equal(logLikelihoods.length, 4);
      assert.equal(Math.max(...logLikelihoods), logLikelihoods[Number(answer)]);
      assert.equal(correct, answer === expected);
    }
    const accuracy = evaluations(events).find(({ task, metric }) => task === 'stories' && metric === 'acc')?.value;
    assert.equal(accuracy, chosen.filter(({ correct }) => correct).length / 20);
  });

  it('answers each problem greedily and in samples, and tells every response', async () => {
    const { events } = await runTrainer(evaluateJob('problems', problemsRecipe));
    const responses = samples(events);
    assert.equal(responses.length, 2 * 70 * 3);
    assert.deepEqual(
      responses.slice(0, 6).map(({ task, index }) => [task, index]),
      [0, 1, 2, 0, 1, 2].map((index) => ['arithmetic', index]),
    );
    const [one, other] = [responses[1], responses[2]];
    assert.ok(one?.problem === other?.problem && one?.response !== other?.response, 'samples differ from one another');
    assert.ok(responses.every(({ correct, expected }) => !correct && expected !== ''));

    const found = evaluations(events);
    const common = ['pass@1', 'pass@1(sampled)', 'pass@2', 'maj@2', 'truncated', 'majority'];
    assert.deepEqual(
      found.map(({ task, metric }) => `${task} ${metric}`),
      [
        ...common.map((metric) => `arithmetic ${metric}`),
        ...[...common, 'chance'].map((metric) => `boardgame ${metric}`),
        ...common.map((metric) => `all ${metric}`),
      ],
    );
    assert.deepEqual([...new Set(found.map(({ n }) => n))], [70, 140]);
    const value = (task: string, metric: string) =>
      found.find((figure) => figure.task === task && figure.metric === metric)?.value;
    assert.equal(value('all', 'pass@1'), 0);
    assert.ok((value('all', 'truncated') ?? 0) > 0.9);
    close(value('boardgame', 'chance'), 1 / 3);
  });

  it('grades what an earlier evaluation kept again, without a model, to the same figures', async () => {
    const few: EvaluateRecipe = { ...problemsRecipe, problems: 5 };
    const asked = evaluateJob('asked', few);
    const first = await runTrainer(asked);
    const again = (name: string, events: TrainerEvent[]): EvaluateJob => {
      const path = join(root, `${name}.jsonl`);
      writeFileSync(path, events.map((event) => `${JSON.stringify(event)}\n`).join(''));
      const job = evaluateJob(name, few);
      return { ...job, inputs: { parent: join(root, 'no-model'), data: {}, responses: path } };
    };
    const same = await runTrainer(again('same', first.events));
    assert.deepEqual(evaluations(same.events), evaluations(first.events));
    assert.deepEqual(samples(same.events), samples(first.events));

    // What counts is what was written, and not the verdict of then. Before the last beginning nothing counts.
    const righted = first.events.map((event) =>
      event.event === 'sample' && event.task === 'arithmetic'
        ? { ...event, response: ` The answer is ${event.expected}.` }
        : event,
    );
    const { events } = await runTrainer(again('righted', [...first.events, ...righted]));
    const value = (task: string) =>
      evaluations(events).find((one) => one.task === task && one.metric === 'pass@1')?.value;
    assert.deepEqual([value('arithmetic'), value('boardgame')], [1, 0]);

    const lost = first.events.filter((event) => event.event !== 'sample' || event.index !== 2);
    const failed = (await startTrainer(again('lost', lost)).ended).events.at(-1);
    assert.ok(failed?.event === 'failed' && failed.kind === 'bad-data');
    assert.match(failed.message, /did not keep the response 2 to the problem/);
  });

  it('refuses to grade by another version of the grader than it has', async () => {
    const failed = (await startTrainer(evaluateJob('other-grader', { ...problemsRecipe, grader: 99 })).ended).events.at(
      -1,
    );
    assert.ok(failed?.event === 'failed' && failed.kind === 'bad-job');
    assert.match(failed.message, /version 99 of the grader/);
  });

  it('repeats itself, and its samples do not depend on what else is evaluated', async () => {
    const standing = (events: TrainerEvent[]) =>
      events.filter(({ event }) => !['progress', 'memory', 'pace'].includes(event));
    const [first, again] = [
      await runTrainer(evaluateJob('first', problemsRecipe)),
      await runTrainer(evaluateJob('again', problemsRecipe)),
    ];
    assert.deepEqual(standing(again.events), standing(first.events));
    const fewer: EvaluateRecipe = { ...problemsRecipe, tasks: [part('boardgame', 'problems')], problems: 5 };
    const alone = samples((await runTrainer(evaluateJob('alone', fewer))).events);
    const among = samples(first.events).filter(({ task }) => task === 'boardgame');
    assert.deepEqual(alone, among.slice(0, alone.length));
  });

  it('counts prompts that leave no room in the context as cut and wrong', async () => {
    const recipe: EvaluateRecipe = {
      ...problemsRecipe,
      tasks: [part('boardgame', 'problems')],
      problems: 3,
      samples: 0,
    };
    const { events } = await runTrainer(evaluateJob('short', recipe, 32));
    assert.deepEqual(
      evaluations(events)
        .slice(0, 2)
        .map(({ metric, value }) => [metric, value]),
      [
        ['pass@1', 0],
        ['truncated', 1],
      ],
    );
    assert.ok(samples(events).every(({ response, answer }) => response === '' && answer === null));
  });

  it('stops between portions when it is asked to', async () => {
    const long: EvaluateRecipe = { ...problemsRecipe, problems: 1000 };
    const { code, events } = await startTrainer(evaluateJob('stopped', long), (event, child) => {
      if (event.event === 'progress' && event.step === 1) child.kill('SIGTERM');
    }).ended;
    assert.equal(code, 75);
    assert.deepEqual(events.at(-1), { event: 'interrupted', step: 0 });
    assert.deepEqual(evaluations(events), []);
  });
});
