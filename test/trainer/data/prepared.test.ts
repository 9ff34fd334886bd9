import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  heldoutPreferences,
  preferences,
  problems,
  promptsOf,
  textDocuments,
  tokenizerTexts,
} from '../../../trainer/data/sources.ts';
import { TrainerFailure } from '../../../trainer/failure.ts';

const source = { prepared: 'data:web' };

async function prepared(t: TestContext, files: Record<string, unknown[] | string>): Promise<{ 'data:web': string }> {
  const folder = await mkdtemp(join(tmpdir(), 'descent-prepared-'));
  t.after(() => rm(folder, { recursive: true }));
  for (const [name, lines] of Object.entries(files)) {
    await writeFile(
      join(folder, `${name}.jsonl`),
      typeof lines === 'string' ? lines : lines.map((line) => `${JSON.stringify(line)}\n`).join(''),
    );
  }
  return { 'data:web': folder };
}

const problem = (id: string, answer: string, prompt = `What is ${id}?`) => ({
  id,
  prompt,
  solution: `The answer is ${answer}.`,
  answer,
});
const badData = (pattern: RegExp) => (error: unknown) =>
  error instanceof TrainerFailure && error.kind === 'bad-data' && pattern.test(error.message);

test('documents come once, in the order of the file, whole across blocks of reading', async (t) => {
  const texts = Array.from({ length: 3000 }, (_, i) => `${i} ${'é北🙂\n'.repeat(i % 200)}`);
  const folders = await prepared(t, {
    'documents-train': texts.map((text) => ({ text, extra: 1 })),
    'documents-heldout': `{"text":"last"}`,
  });
  assert.deepEqual([...textDocuments(source, 'train', folders)], texts);
  assert.deepEqual([...textDocuments(source, 'heldout', folders)], ['last']);
});

test('problems keep their ids and come once; their answers say their kind', async (t) => {
  const numbers = await prepared(t, {
    'problems-sft': [
      problem('a', '1'),
      problem('b', ' 2.5 '),
      { ...problem('c', '1', ' what  IS a? '), solution: 'The answer is 1.' },
    ],
    'problems-rl': [problem('d', '4')],
    'problems-test': [problem('e', '5')],
  });
  assert.deepEqual(problems(source, 'sft', 2, numbers), [
    { ...problem('a', '1'), kind: 'number' },
    { id: 'b', prompt: 'What is b?', solution: 'The answer is  2.5 .', answer: '2.5', kind: 'number' },
  ]);
  assert.throws(
    () => problems(source, 'sft', 3, numbers),
    badData(/The sft split of the data set `web` has 2 problems, 3 are asked for/),
  );

  const labels = await prepared(t, { 'problems-sft': [problem('a', 'yes')], 'problems-test': [problem('b', 'no')] });
  assert.deepEqual(problems(source, 'test', 1, labels), [
    { ...problem('b', 'no'), kind: 'label', labels: ['no', 'yes'] },
  ]);

  const literals = await prepared(t, { 'problems-sft': [problem('a', '[1, 2]'), problem('b', '3')] });
  assert.equal(problems(source, 'sft', 2, literals)[1]?.kind, 'literal');
});

test('several responses to a problem are several examples for SFT, and one problem for whoever grades', async (t) => {
  const response = (sample: number, solution: string) => ({
    ...problem('a', '1'),
    solution,
    kind: 'math',
    marks: ['last'],
    tolerance: 0.1,
    response: { sample, answer: '1', correct: true, truncated: false },
  });
  const lines = [response(0, 'It is 1.'), response(1, 'It is 1. '), response(2, 'So 1.'), problem('b', '2')];
  const folders = await prepared(t, { 'problems-sft': lines });
  const rl = await prepared(t, { 'problems-rl': lines });
  assert.deepEqual(
    problems(source, 'sft', 3, folders).map(({ solution }) => solution),
    ['It is 1.', 'So 1.', 'The answer is 2.'],
  );
  const [first, second] = problems(source, 'rl', 2, rl);
  assert.deepEqual(first, {
    ...problem('a', '1'),
    solution: 'It is 1.',
    kind: 'math',
    marks: ['last'],
    tolerance: 0.1,
  });
  assert.deepEqual([second?.id, second?.kind], ['b', 'number']);
  assert.throws(() => problems(source, 'rl', 3, rl), badData(/has 2 problems, 3 are asked for/));
  // A certificate looks at what is learned from, and at each prompt once.
  const prompts = (split: 'sft' | 'rl', count: number, of: typeof folders) => [...promptsOf(source, split, count, of)];
  assert.deepEqual(prompts('sft', 2, folders), ['What is a?']);
  assert.deepEqual(prompts('sft', 3, folders), ['What is a?', 'What is b?']);
  assert.deepEqual(prompts('rl', 2, rl), ['What is a?', 'What is b?']);
  const broken = await prepared(t, { 'problems-sft': [{ ...response(0, 'x'), response: { sample: 0 } }] });
  assert.throws(() => problems(source, 'sft', 1, broken), badData(/"response" has no sample, answer, correct/));
});

test('a problem in two splits is refused, with its place', async (t) => {
  const folders = await prepared(t, {
    'problems-sft': [problem('a', '1')],
    'problems-rl': [],
    'problems-test': [problem('z', '9'), problem('b', '1', 'WHAT is  a?')],
  });
  for (const split of ['sft', 'test'] as const) {
    assert.throws(
      () => problems(source, split, 1, folders),
      badData(/problems-test\.jsonl:2: the problem "WHAT is {2}a\?" is in the sft split too/),
    );
  }
});

test('broken and missing files are named with their line', async (t) => {
  const folders = await prepared(t, {
    'documents-train': '{"text":"fine"}\n\n{"text": oops}\n',
    'documents-heldout': '{"text":7}\n',
    'problems-sft': '["no object"]',
  });
  assert.throws(
    () => [...textDocuments(source, 'train', folders)],
    badData(/documents-train\.jsonl:3: this is not JSON/),
  );
  assert.throws(
    () => [...textDocuments(source, 'heldout', folders)],
    badData(/documents-heldout\.jsonl:1: there is no text in "text"/),
  );
  assert.throws(() => problems(source, 'sft', 1, folders), badData(/problems-sft\.jsonl:1: there is no text in "id"/));
  assert.throws(
    () => problems(source, 'rl', 1, folders),
    badData(/problems-rl\.jsonl is missing: the data set has problems in its sft split alone/),
  );
  const empty = await prepared(t, {});
  assert.throws(() => [...textDocuments(source, 'train', empty)], badData(/documents-train\.jsonl is missing/));
  assert.throws(
    () => [...textDocuments({ prepared: 'data:math' }, 'train', folders)],
    (error) =>
      error instanceof TrainerFailure &&
      error.kind === 'bad-job' &&
      /no data folder for the role `data:math`/.test(error.message),
  );
});

test('a tokenizer learns from each part in equal shares, problems as the template puts them', async (t) => {
  const folders = await prepared(t, {
    'documents-train': Array.from({ length: 50 }, () => ({ text: 'x'.repeat(100) })),
    'problems-sft': [problem('a', '1'), problem('b', '2')],
  });
  const texts = [
    ...tokenizerTexts(
      [
        { name: 'web', part: 'text', source },
        { name: 'web', part: 'problems', source },
        { name: 'stories', part: 'text', source: { generator: 'stories', version: 1, seed: 0, options: {} } },
      ],
      6000,
      folders,
    ),
  ];
  assert.equal(texts.filter((text) => text.startsWith('xx')).length, 20);
  assert.deepEqual(texts.slice(20, 22), [
    'Human: What is a?\nAssistant: The answer is 1.',
    'Human: What is b?\nAssistant: The answer is 2.',
  ]);
  const stories = texts.slice(22).reduce((sum, text) => sum + text.length, 0);
  assert.ok(stories >= 2000 && stories < 3500, String(stories));
});

test('a data set may say how it is graded; of an answer with its working, what is marked counts', async (t) => {
  const worked = await prepared(t, {
    'problems-sft': [problem('a', 'Half of 36.\n#### 18')],
    'problems-rl': [problem('b', 'So $x = \\boxed{\\frac{1}{2}}$.')],
    'problems-test': [problem('c', '7')],
  });
  const grading = { answers: 'math', marks: ['boxed', 'whole'], tolerance: 0.01 } as const;
  const graded = { prepared: 'data:web', grading: { ...grading, marks: [...grading.marks] as ['boxed', 'whole'] } };
  const { answers: kind, ...how } = graded.grading;
  assert.deepEqual(problems(graded, 'rl', 1, worked), [
    { ...problem('b', 'So $x = \\boxed{\\frac{1}{2}}$.'), answer: '\\frac{1}{2}', kind, ...how },
  ]);
  assert.equal(problems(source, 'sft', 1, worked)[0]?.answer, '18');
});

test('where no response could be right, what is graded does not begin', async (t) => {
  const folders = await prepared(t, {
    'problems-sft': [problem('a', 'many')],
    'problems-test': [problem('b', '1'), problem('c', 'several')],
  });
  const graded = { prepared: 'data:web', grading: { answers: 'number' as const } };
  assert.throws(
    () => problems(graded, 'test', 1, folders),
    badData(/problems-test.jsonl:2: the answer "several" cannot be read as number, so that no response would be right/),
  );
  assert.equal(problems(graded, 'sft', 1, folders).length, 1);
});

test('pairs come in the order of the file, held-out ones apart, as many as there are', async (t) => {
  const pair = (id: string) => ({ id, prompt: `What is ${id}?`, chosen: `${id}.`, rejected: 'No idea.' });
  const folders = await prepared(t, {
    'preferences-train': [pair('a'), pair('b'), pair('a')],
    'preferences-heldout': [{ ...pair('c'), extra: 1 }],
  });
  assert.deepEqual(preferences(source, 2, folders), [pair('a'), pair('b')]);
  assert.deepEqual(preferences(source, 3, folders).at(-1), pair('a'));
  assert.deepEqual(heldoutPreferences(source, 9, folders), [pair('c')]);
  assert.throws(
    () => preferences(source, 4, folders),
    badData(/^There are 3 pairs to learn from in the data set `web`, 4 are asked for\./),
  );
  const broken = await prepared(t, {
    'preferences-train': [pair('a'), { ...pair('b'), rejected: 2 }],
    'preferences-heldout': [{ ...pair('c'), rejected: 'c.' }],
  });
  assert.throws(
    () => preferences(source, 2, broken),
    badData(/preferences-train\.jsonl:2: there is no text in "rejected"\./),
  );
  assert.throws(() => heldoutPreferences(source, 1, broken), badData(/jsonl:1: "chosen" and "rejected" are the same/));
  const none = await prepared(t, { 'documents-train': [] });
  assert.throws(
    () => preferences(source, 1, none),
    badData(/preferences-train\.jsonl is missing: the data set has no pairs/),
  );
  assert.throws(() => preferences({ generator: 'stories', version: 1, seed: 1, options: {} }, 1, {}), {
    kind: 'bad-job',
    message: /no pairs of a chosen and a rejected response in the generator `stories`/,
  });
});
