import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { generators as catalogue, outOfDomainTasks } from '../../../schemas/catalogue.ts';
import { normalisedPrompt } from '../../../schemas/problem.ts';
import type { GeneratedSource } from '../../../schemas/types/job.ts';
import { generatedDocuments, generatedProblems, generators } from '../../../trainer/data/generators.ts';
import { grade } from '../../../trainer/data/grade/grade.ts';
import { documentSplit, type Problem, problemSplit } from '../../../trainer/data/problem.ts';
import { choiceItems, distinctProblems, problems, textDocuments } from '../../../trainer/data/sources.ts';
import { TrainerFailure } from '../../../trainer/failure.ts';

const source = (generator: string, options: GeneratedSource['options'] = {}, seed = 0): GeneratedSource => ({
  generator,
  version: 1,
  seed,
  options,
});
const withProblems = Object.keys(generators).filter((name) => generators[name]?.problem !== undefined);
const withText = Object.keys(generators).filter((name) => generators[name]?.document !== undefined);
const documents = (from: GeneratedSource, split: 'train' | 'heldout', count: number): string[] => {
  const at = generatedDocuments(from, split);
  return Array.from({ length: count }, (_, i) => at(i));
};
const sha = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
const seeds = fc.integer({ min: 0, max: 4294967295 });

test('generators, versions and parts are those of the catalogue', () => {
  const described = Object.entries(catalogue).map(([name, { version, parts }]) => ({
    name,
    version,
    text: parts.includes('text'),
    problems: parts.includes('problems'),
  }));
  const built = Object.entries(generators).map(([name, { version, document, problem }]) => ({
    name,
    version,
    text: document !== undefined,
    problems: problem !== undefined,
  }));
  assert.deepEqual(built, described);
  assert.ok(outOfDomainTasks.every((task) => withProblems.includes(task)));
});

// When one of these changes, what the generator makes has changed: bump its version in schemas/catalogue.ts and here.
test('version 1 of each generator makes these bytes', () => {
  const made = Object.fromEntries([
    ...withText.map((name) => [`${name}/text`, sha(documents(source(name), 'train', 300))]),
    ...withProblems.map((name) => [`${name}/problems`, sha(problems(source(name), 'test', 300, {}))]),
    ['arithmetic/steps', sha(problems(source('arithmetic', { maximum: 100, steps: 3 }), 'sft', 300, {}))],
  ]);
  assert.deepEqual(made, {
    'stories/text': '5df4435cea68271b',
    'arithmetic/text': '4acd4b20bbb42477',
    'arithmetic/problems': 'e08fd20b52dfc11f',
    'programs/problems': '0b7e4ca5f394dc53',
    'boardgame/problems': 'd3c41dd4de8745f7',
    'tables/problems': '798351c5724ab9e9',
    'strategy/problems': 'ccef2bcd7ce09e7a',
    'arithmetic/steps': '6a5b0c55dff8706c',
  });
});

test('an item depends on its number and the seed, not on what was made before', () => {
  fc.assert(
    fc.property(
      seeds,
      fc.integer({ min: 0, max: 1e9 }),
      fc.constantFrom(...withText),
      fc.constantFrom(...withProblems),
      (seed, index, text, problem) => {
        const forward = generatedDocuments(source(text, {}, seed), 'train');
        const first = [forward(index), forward(index + 1)];
        const backward = generatedDocuments(source(text, {}, seed), 'train');
        assert.deepEqual([backward(index + 1), backward(index)].reverse(), first);
        const one = generatedProblems(source(problem, {}, seed), 'rl');
        const other = generatedProblems(source(problem, {}, seed), 'rl');
        other(index + 5);
        assert.deepEqual(one(index), other(index));
      },
    ),
    { numRuns: 30 },
  );
});

test('splits never overlap, whatever the seeds', () => {
  fc.assert(
    fc.property(seeds, seeds, fc.constantFrom(...withProblems), (one, other, name) => {
      const prompts = (seed: number, split: 'sft' | 'rl' | 'test') =>
        problems(source(name, {}, seed), split, 200, {}).map(({ prompt }) => normalisedPrompt(prompt));
      const sft = new Set(prompts(one, 'sft'));
      const rl = new Set(prompts(other, 'rl'));
      const tested = prompts(one, 'test');
      assert.equal(sft.size, 200);
      assert.equal(rl.size, 200);
      assert.equal(new Set(tested).size, 200);
      assert.ok(tested.every((prompt) => !sft.has(prompt) && !rl.has(prompt)));
      assert.ok([...sft].every((prompt) => !rl.has(prompt)));
      assert.ok([...sft].every((prompt) => problemSplit(prompt) === 'sft'));
    }),
    { numRuns: 8 },
  );
});

test('held-out documents never come up in training', () => {
  for (const name of withText) {
    assert.ok(documents(source(name, {}, 3), 'train', 1000).every((text) => documentSplit(text) === 'train'));
    assert.ok(documents(source(name, {}, 3), 'heldout', 100).every((text) => documentSplit(text) === 'heldout'));
  }
});

test('the text of arithmetic holds solved word problems, and none of a problem set', () => {
  let solved = 0;
  for (const options of [{}, { maximum: 50, steps: 3 }]) {
    for (const text of documents(source('arithmetic', options, 1), 'train', 4000)) {
      const prompt = /^(.*\?) \d/.exec(text)?.[1];
      if (prompt === undefined) continue;
      solved++;
      assert.equal(problemSplit(prompt), 'text', text);
    }
  }
  assert.ok(solved > 200 && solved < 500, `${solved} of 8000`);
});

test('there are tens of thousands of different word problems, and thousands of every other kind', () => {
  assert.equal(problems(source('arithmetic'), 'sft', 20_000, {}).length, 20_000);
  assert.equal(problems(source('arithmetic'), 'rl', 10_000, {}).length, 10_000);
  for (const task of outOfDomainTasks) assert.equal(problems(source(task), 'test', 1000, {}).length, 1000);
});

test('problems come once each, until there are no more', () => {
  const item = (index: number) => ({
    prompt: `What${' '.repeat(1 + (index % 2))}is ${index % 7}?`,
    solution: '',
    answer: '',
    kind: 'number' as const,
  });
  assert.equal([...distinctProblems(item)].length, 7);
});

test('every solution is graded right, and a wrong one is not', () => {
  for (const name of withProblems) {
    const set = problems(source(name, name === 'arithmetic' ? { maximum: 1000, steps: 4 } : {}), 'test', 1000, {});
    for (const problem of set) {
      assert.equal(grade(problem, ` ${problem.solution}`).correct, true, JSON.stringify(problem));
      const wrong = set.find(({ answer, kind }) => kind === problem.kind && answer !== problem.answer) as Problem;
      assert.equal(
        grade(problem, ` The answer is ${wrong.answer}.`).correct,
        false,
        `${problem.answer} and ${wrong.answer}`,
      );
      assert.ok(problem.labels === undefined || problem.labels.includes(problem.answer));
      assert.ok(!/undefined|null|NaN|\[object/.test(JSON.stringify(problem)));
    }
  }
});

test('labels are balanced, and no answer of the others is frequent', () => {
  for (const [name, labels] of [
    ['boardgame', ['True', 'False', 'Uncertain']],
    ['strategy', ['True', 'False']],
  ] as const) {
    const answers = problems(source(name), 'test', 1500, {}).map(({ answer }) => answer);
    for (const label of labels) {
      const share = answers.filter((answer) => answer === label).length / answers.length;
      assert.ok(Math.abs(share - 1 / labels.length) < 0.05, `${name} ${label}: ${share}`);
    }
  }
  for (const name of ['arithmetic', 'programs', 'tables']) {
    const counts = new Map<string, number>();
    for (const { answer } of problems(source(name), 'test', 1500, {}))
      counts.set(answer, (counts.get(answer) ?? 0) + 1);
    assert.ok(Math.max(...counts.values()) < 0.15 * 1500, `${name}: ${Math.max(...counts.values())}`);
  }
});

test('every equation is true, and no number in it is negative or above the maximum', () => {
  fc.assert(
    fc.property(
      seeds,
      fc.constantFrom(4, 10, 20, 100, 5000),
      fc.integer({ min: 1, max: 4 }),
      (seed, maximum, steps) => {
        const from = source('arithmetic', { maximum, steps }, seed);
        const texts = [
          ...documents(from, 'train', 60),
          ...problems(from, 'sft', 60, {}).map(({ prompt, solution }) => `${prompt} ${solution}`),
        ];
        for (const text of texts) {
          for (const number of text.match(/-?\b\d+/g) ?? [])
            assert.ok(Number(number) >= 0 && Number(number) <= maximum, text);
          for (const [chain] of text.matchAll(/\d+(?: [+-] \d+)+(?: = \d+(?: [+-] \d+)*)+/g)) {
            const values = chain
              .split(' = ')
              .map((side) =>
                side
                  .split(' ')
                  .reduce(
                    (sum, token, i, all) => (i % 2 === 1 ? sum : sum + (all[i - 1] === '-' ? -1 : 1) * Number(token)),
                    0,
                  ),
              );
            assert.equal(new Set(values).size, 1, chain);
          }
          for (const [, a, sign, b, result] of text.matchAll(/(\w+) (plus|minus) (\w+) is (\w+)/g)) {
            assert.equal(value(a) + (sign === 'plus' ? 1 : -1) * value(b), value(result), text);
          }
        }
      },
    ),
    { numRuns: 20 },
  );
});

const numerals =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty'.split(
    ' ',
  );
function value(written = ''): number {
  const index = numerals.indexOf(written.toLowerCase());
  return index >= 0 ? index : Number(written);
}

test('the solution of a word problem uses the numbers of its prompt, step by step', () => {
  for (const { prompt, solution, answer } of problems(
    source('arithmetic', { maximum: 60, steps: 3 }),
    'sft',
    2000,
    {},
  )) {
    const given = (prompt.match(/\d+/g) ?? []).map(Number).sort((a, b) => a - b);
    const equations = [...solution.matchAll(/(\d+) [+-] (\d+) = (\d+)/g)];
    const used = equations
      .flatMap(([, a, b], i) => (i === 0 ? [Number(a), Number(b)] : [Number(b)]))
      .sort((a, b) => a - b);
    assert.deepEqual(used, given, prompt);
    for (const [i, [, a]] of equations.slice(1).entries()) assert.equal(a, equations[i]?.[3], solution);
    assert.equal(equations.at(-1)?.[3], answer);
  }
});

test('`steps` is the most steps that a problem takes', () => {
  const steps = (most: number) =>
    new Set(
      problems(source('arithmetic', { steps: most }), 'sft', 300, {}).map(
        ({ solution }) => solution.split(' = ').length - 1,
      ),
    );
  assert.deepEqual([...steps(1)], [1]);
  assert.deepEqual([...steps(3)].sort(), [1, 2, 3]);
});

test('jobs that ask for what there is not are refused', () => {
  const refused = (pattern: RegExp) => (error: unknown) =>
    error instanceof TrainerFailure && error.kind === 'bad-job' && pattern.test(error.message);
  assert.throws(
    () => generatedDocuments(source('poems'), 'train'),
    refused(/no generator `poems`; there are stories, arithmetic/),
  );
  assert.throws(() => generatedDocuments(source('toString'), 'train'), refused(/no generator/));
  assert.throws(
    () => generatedDocuments({ ...source('stories'), version: 2 }, 'train'),
    refused(/version 2 .* this trainer has version 1/),
  );
  assert.throws(() => generatedProblems(source('stories'), 'sft'), refused(/`stories` has no part `problems`/));
  assert.throws(() => generatedDocuments(source('tables'), 'train'), refused(/`tables` has no part `text`/));
  assert.throws(() => generatedDocuments(source('stories', { length: 3 }), 'train'), refused(/no option `length`/));
  for (const options of [{ maximum: 3 }, { maximum: 2.5 }, { steps: 0 }, { steps: 9 }, { maximum: 'many' }]) {
    assert.throws(
      () => generatedDocuments(source('arithmetic', options), 'train')(0),
      refused(/`(maximum|steps)` of the arithmetic generator is/),
    );
    assert.throws(() => generatedProblems(source('arithmetic', options), 'sft')(0), refused(/takes a whole number/));
  }
});

test('options at their defaults change nothing', () => {
  assert.deepEqual(
    documents(source('arithmetic', { maximum: 20, steps: 1 }), 'train', 20),
    documents(source('arithmetic'), 'train', 20),
  );
});

test('items have choices that differ, the right one at any place, and are made of what no training reads', () => {
  for (const generator of ['stories', 'strategy']) {
    const items = choiceItems(source(generator), 100, {});
    assert.deepEqual(items, choiceItems(source(generator), 100, {}));
    const golds = new Set(items.map(({ gold }) => gold));
    assert.equal(golds.size, generator === 'stories' ? 4 : 2);
    for (const { choices, gold } of items) {
      assert.equal(new Set(choices.map(({ continuation }) => continuation)).size, choices.length);
      const { context, continuation } = choices[gold] as (typeof choices)[0];
      if (generator === 'stories') assert.equal(documentSplit(`${context} ${continuation}`), 'heldout');
    }
  }
  assert.throws(() => choiceItems(source('tables'), 1, {}), /`tables` has no part `choices`/);
});

test('text is read without end', () => {
  let count = 0;
  for (const text of textDocuments(source('stories'), 'heldout', {})) {
    assert.ok(text.length > 20);
    if (++count === 50) break;
  }
  assert.equal(count, 50);
});
