/** Verdicts on evidence that is made by hand: what no lineage file of a test brings about. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultTesting, type Testing } from '../../planner/claims.ts';
import type { Key } from '../../planner/plan.ts';
import { normalQuantile } from '../../results/statistics/student.ts';
import { decide } from '../../results/verdicts/decide.ts';
import type { Evidence, Figure } from '../../results/verdicts/evidence.ts';
import type { Part, Point, Question } from '../../results/verdicts/question.ts';
import type { PartVerdict } from '../../results/verdicts/verdict.ts';
import { partCells } from '../../words/verdicts.ts';

/** A model as a point, by the evaluation that stands for it. */
function point(evaluation: string | null, given: Partial<Point> = {}): Point {
  const reading = { evaluation: evaluation as Key | null, metric: 'id.pass@1' };
  return { address: evaluation ?? 'unasked', x: 0, setting: 's', seed: '1', reading, ...given };
}

/** Figures by evaluation and metric; of numbers alone nothing else is known. */
function evidenceOf(figures: Record<string, number | Partial<Figure>>): Evidence {
  const seen = new Map(Object.keys(figures).map((key) => [key.split(' ')[0] as string, {}]));
  return {
    seen: new Map([...seen.keys()].map((key) => [key, { attempt: 1, finished: null, superseded: false }])),
    figure({ evaluation, metric }) {
      const found = figures[`${evaluation} ${metric}`] ?? figures[String(evaluation)];
      if (found === undefined) return undefined;
      const known = typeof found === 'number' ? { value: found } : found;
      return { value: 0, n: null, low: null, high: null, problems: new Map(), ...known };
    },
  };
}

function ask(saying: Part['saying'], points: Point[], evidence: Evidence, testing: Partial<Testing> = {}): PartVerdict {
  const question: Question = {
    number: 1,
    name: null,
    claim: 'It is so.',
    testing: { ...defaultTesting, ...testing },
    parts: [{ name: 'part', saying, points }],
    warnings: [],
    missing: [],
  };
  const [found] = decide([question], evidence);
  return found?.parts[0] as PartVerdict;
}

const higher = { kind: 'contrast', direction: 'higher' } as const;
const arms = [point('of', { x: 1 }), point('over')];

test('the interval of two models by their own has the confidence that is said', () => {
  const [of, over] = [
    { value: 0.6, low: 0.5, high: 0.7 },
    { value: 0.4, low: 0.3, high: 0.5 },
  ];
  const evidence = evidenceOf({ of, over });
  const { low, high } = ask(higher, arms, evidence);
  const half = Math.hypot(0.1, 0.1);
  assert.ok(Math.abs((low ?? 0) - (0.2 - half)) < 1e-9 && Math.abs((high ?? 0) - (0.2 + half)) < 1e-9);
  const surer = ask(higher, arms, evidence, { alpha: 0.01 });
  const ratio = ((surer.high ?? 0) - (surer.low ?? 0)) / ((high ?? 0) - (low ?? 0));
  assert.ok(Math.abs(ratio - normalQuantile(0.01) / normalQuantile(0.05)) < 1e-6, `${ratio} times as wide`);
});

test('of one problem there is a difference, and no interval', () => {
  const one = (right: number) => ({ value: right, problems: new Map([['math', new Map([['p', right]])]]) });
  const { effect, low, high, p } = ask(higher, arms, evidenceOf({ of: one(1), over: one(0) }));
  assert.deepEqual([effect, low, high, p], [1, null, null, 1]);
});

test('seeds whose differences are the same but for rounding are told of', () => {
  const seeds = ['1', '2', '3'];
  const points = seeds.flatMap((seed) => [point(`of${seed}`, { x: 1, seed }), point(`over${seed}`, { seed })]);
  const values = { of1: 0.3, over1: 0.1, of2: 0.4, over2: 0.2, of3: 0.7, over3: 0.5 };
  const { p, said } = ask(higher, points, evidenceOf(values));
  assert.equal(p, 0.25);
  assert.match(said.join(), /all seeds have the same difference: p is that of the signs/);
});

test('a model with two addresses is one model of a correlation', () => {
  const evidence = evidenceOf(
    Object.fromEntries(
      [1, 2, 3, 4].flatMap((model) => [
        [`m${model} id.pass@1`, [0.1, 0.3, 0.2, 0.6][model - 1] as number],
        [`m${model} id.orm`, model],
      ]),
    ),
  );
  const model = (name: string, address: string) =>
    point(name, { address, setting: address, beside: { evaluation: name as Key, metric: 'id.orm' } });
  const models = ['m1', 'm2', 'm3', 'm4'].map((name) => model(name, name));
  const saying = { kind: 'correlation', direction: 'positive' } as const;
  const once = ask(saying, models, evidence);
  const twice = ask(saying, [...models, model('m4', 'the same again')], evidence);
  assert.equal(once.pairs, 4);
  assert.deepEqual(twice, once);
});

test('figures that are all the same have no correlation, which is said', () => {
  const points = ['a', 'b', 'c', 'd'].map((name) =>
    point(name, { address: name, setting: name, beside: { evaluation: name as Key, metric: 'id.orm' } }),
  );
  const { effect, p, verdict, said } = ask(
    { kind: 'correlation', direction: 'positive' },
    points,
    evidenceOf({ a: 0.5, b: 0.5, c: 0.5, d: 0.5 }),
    { seeds: 1 },
  );
  assert.deepEqual([effect, p, verdict, said], [null, null, 'inconclusive', ['a figure is the same of all models']]);
});

test('of two models at one place the first counts, and the other is told of', () => {
  const points = [...arms, point('other', { x: 1, address: 'other' })];
  const { effect, pairs, said } = ask(higher, points, evidenceOf({ of: 0.6, over: 0.4, other: 0.1 }));
  assert.ok(Math.abs((effect ?? 0) - 0.2) < 1e-12, `${effect}`);
  assert.equal(pairs, 1);
  assert.match(said.join(), /1 model left out, beside another of the same level, setting and seed: other/);
  const levels = [1, 2, 3].map((x) => point(`at${x}`, { x }));
  const trend = ask(
    { kind: 'trend', direction: 'up' },
    [...levels, point('again', { x: 2, address: 'again' })],
    evidenceOf({ at1: 0.1, at2: 0.2, at3: 0.3, again: 0.9 }),
  );
  assert.equal(trend.pairs, 3);
  assert.match(trend.said.join(), /1 model left out.*: again/);
});

test('each model that is not asked counts among what is not done', () => {
  const { verdict, said } = ask(higher, [point(null, { x: 1 }), point(null, { address: 'also' })], evidenceOf({}));
  assert.equal(verdict, 'stale');
  assert.equal(said[0], '2 of 2 evaluations not done, the first of unasked');
});

test('confidence is told as it is', () => {
  const part = ask(
    higher,
    arms,
    evidenceOf({ of: { value: 1, low: 0, high: 2 }, over: { value: 0, low: -1, high: 1 } }),
  );
  assert.match(partCells(part, 0.05)[2] ?? '', /^95 % \[/);
  assert.match(partCells(part, 0.001)[2] ?? '', /^99\.9 % \[/);
});

test('what is below alpha alone, and not once it is corrected, says so', () => {
  const seeds = [0.1, 0.12, 0.16].flatMap((difference, seed) => [
    { name: `of${seed}`, x: 1, value: 0.5 + difference, seed },
    { name: `over${seed}`, x: 0, value: 0.5, seed },
  ]);
  const part: Part = {
    name: 'part',
    saying: higher,
    points: seeds.map(({ name, x, seed }) => point(name, { x, seed: String(seed) })),
  };
  const question = { number: 1, name: null, claim: 'It is so.', testing: defaultTesting, warnings: [], missing: [] };
  const evidence = evidenceOf(Object.fromEntries(seeds.map(({ name, value }) => [name, value])));
  const saidOf = (parts: Part[]) => decide([{ ...question, parts }], evidence)[0]?.parts[0];
  const alone = saidOf([part]);
  assert.equal(alone?.verdict, 'supported');
  assert.doesNotMatch(alone.said.join(), /by itself/);
  const among = saidOf(Array(20).fill(part));
  assert.equal(among?.verdict, 'inconclusive');
  assert.match(among.said.join(), /p is below alpha by itself/);
});
