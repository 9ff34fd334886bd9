import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import { clozeReaders } from '../../activities/benchmarks/cloze.ts';
import { readProblem } from '../../activities/benchmarks/generative.ts';
import type { Row } from '../../activities/benchmarks/row.ts';
import { NodeError } from '../../activities/failures.ts';
import type { HubOptions } from '../../activities/hub-files.ts';
import { prepareData } from '../../activities/prepare.ts';
import { keyOf } from '../../planner/key.ts';
import type { PlanNode } from '../../planner/plan.ts';
import { benchmarks } from '../../schemas/catalogue.ts';
import { beginAttempt } from '../../store/attempt.ts';
import { digestOf } from '../../store/digest.ts';
import { grade } from '../../trainer/data/grade/grade.ts';
import { preparedItems, preparedProblems } from '../../trainer/data/prepared.ts';
import { testHub } from '../fixtures/hub.ts';

/** Nothing of these comes from the Hub. */
const nobody = { env: {}, signal: new AbortController().signal };

let folder: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'descent-benchmarks-'));
});

after(() => rmSync(folder, { recursive: true, force: true }));

/** A row of each benchmark, in the form of its published files. */
const rows: Record<string, Row> = {
  hellaswag: {
    ind: 24,
    activity_label: 'Roof shingle removal',
    ctx_a: 'A man is sitting on a roof.',
    ctx_b: 'he',
    endings: ['is using wrap [title] to wrap skis.', 'pulls  shingles [step] off.', 'a', 'b'],
    label: '1',
  },
  winogrande: {
    sentence: 'Sarah was better than Maria, so _ got the easier cases.',
    option1: 'Sarah',
    option2: 'Maria',
    answer: '2',
  },
  piqa: { goal: 'Open a jar', sol1: 'Twist the lid.', sol2: 'Twist the floor.', label: 0 },
  openbookqa: {
    question_stem: 'The sun is responsible for',
    choices: { text: ['puppies learning', 'plants sprouting'], label: ['A', 'B'] },
    answerKey: 'B',
  },
  arc_easy: {
    question: 'Which is warm?',
    choices: { text: ['ice', 'sun', 'snow'], label: ['1', '2', '3'] },
    answerKey: '2',
  },
  arc_challenge: {
    question: 'Which is cold?',
    choices: { text: ['ice', 'sun'], label: ['A', 'B'] },
    answerKey: 'A',
  },
  social_iqa: {
    context: 'Tracy fell.',
    question: 'How would Tracy feel?',
    answerA: 'hurt',
    answerB: 'fine',
    answerC: 'tall',
    label: '1',
  },
  gsm8k: { question: 'How many?', answer: 'She has <<3+4=7>>7.\n#### 1,007' },
  gsm8k_platinum: { question: 'How many?', answer: 'Seven.\n#### 7', cleaning_status: 'consensus' },
  math: { problem: 'Find $x$.', solution: 'Not \\boxed{1}, so $x=\\boxed{\\frac{1}{2}}$.', level: 'Level 5' },
  cruxeval: { code: 'def f(x):\n    return x + [1]', input: '[2]', output: '[2, 1]', id: 'sample_0' },
  boardgameqa: { example: 'A few players are playing. Does the cat eat the dog?', label: 'disproved' },
  tabmwp: {
    table: 'Day | Cups\nMon | 3\nTue | 5',
    table_title: 'Cups sold',
    question: 'On which day were more sold?',
    choices: ['Mon', 'Tue'],
    answer: 'Tue',
    unit: null,
  },
  strategyqa: { question: 'Can a fish drown?', answer: false, facts: ['Fish breathe water.', 'Drowning takes air.'] },
};

test('every benchmark of the catalogue has a reader, and takes a row of its published form', () => {
  assert.deepEqual(Object.keys(rows).sort(), Object.keys(benchmarks).sort());
  for (const [name, { part }] of Object.entries(benchmarks)) {
    assert.equal(part === 'choices', Object.hasOwn(clozeReaders, name), name);
    if (part === 'problems') assert.ok(readProblem(name, 'paper', rows[name] as Row).prompt.length > 5);
  }
});

describe('items of cloze benchmarks', () => {
  const read = (name: string) => clozeReaders[name]?.(rows[name] as Row);

  test('have the context before and the choices after, without what pages left in HellaSwag', () => {
    assert.deepEqual(read('hellaswag'), {
      choices: ['is using wrap. to wrap skis.', 'pulls shingles off.', 'a', 'b'].map((continuation) => ({
        context: 'Roof shingle removal: A man is sitting on a roof. He',
        continuation,
      })),
      gold: 1,
    });
    assert.deepEqual(read('social_iqa')?.choices[2], {
      context: 'Q: Tracy fell. How would Tracy feel?\nA:',
      continuation: 'tall',
    });
    assert.deepEqual([read('openbookqa')?.gold, read('arc_easy')?.gold, read('social_iqa')?.gold], [1, 1, 0]);
  });

  test('of Winogrande have each option in its context, and one continuation', () => {
    assert.deepEqual(read('winogrande'), {
      choices: ['Sarah', 'Maria'].map((option) => ({
        context: `Sarah was better than Maria, so ${option}`,
        continuation: 'got the easier cases.',
      })),
      gold: 1,
    });
  });
});

describe('problems of generative benchmarks', () => {
  const asked = (name: string, prompts: 'clean' | 'paper' = 'clean') => readProblem(name, prompts, rows[name] as Row);

  test('have answers that the grader reads, from the words of a response', () => {
    const responses: Record<string, [right: string, wrong: string]> = {
      gsm8k: ['The answer is 1007.', 'The answer is 7.'],
      gsm8k_platinum: ['The answer is \\boxed{7}.', 'Seven'],
      math: ['So $x = \\boxed{\\frac{1}{2}}$.', 'The answer is \\boxed{1}.'],
      cruxeval: ['The answer is [2,1].', 'The answer is [1, 2].'],
      boardgameqa: ['The answer is no.', 'The answer is unknown.'],
      tabmwp: ['The answer is Tue.', 'The answer is Mon.'],
      strategyqa: ['The answer is False.', 'The answer is True or False.'],
    };
    for (const [name, [right, wrong]] of Object.entries(responses)) {
      assert.equal(grade(asked(name), right).correct, true, `${name}: ${right}`);
      assert.equal(grade(asked(name), wrong).correct, false, `${name}: ${wrong}`);
    }
  });

  test('are asked in the words of the paper, or with all that their answer needs', () => {
    assert.equal(asked('math', 'paper').prompt, 'Find $x$.');
    assert.equal(
      asked('strategyqa', 'paper').prompt,
      'You are given the following facts:\n1. Fish breathe water.\n2. Drowning takes air.\n\nBased on the facts above, answer the following question. Your final answer should be either "True" or "False".\nCan a fish drown?',
    );
    assert.ok(!asked('tabmwp', 'paper').prompt.includes('Answer with one of'));
    assert.equal(
      asked('tabmwp').prompt,
      'Cups sold\nDay | Cups\nMon | 3\nTue | 5\nOn which day were more sold?\nAnswer with one of these: Mon, Tue',
    );
    assert.equal(asked('cruxeval').prompt, 'def f(x):\n    return x + [1]\nWhat is f([2])?');
    assert.match(
      asked('boardgameqa', 'paper').prompt,
      /^Solve the following problem\. Your final answer should be "True"/,
    );
  });
});

describe('preparing a benchmark', () => {
  test('gives the same from JSON lines and from Parquet, nested columns and all', async () => {
    const lines = ['arc_easy', 'arc_challenge'].map((name) => JSON.stringify(rows[name])).join('\n');
    const jsonl = await prepared('arc_easy', 'jsonl', lines);
    const parquet = await prepared('arc_easy', 'parquet', await asParquet(lines));
    assert.equal(parquet.content, jsonl.content);
    const items = preparedItems(jsonl.model);
    assert.deepEqual(jsonl.facts, { items: 2 });
    assert.deepEqual(items.map(({ choices, gold }) => choices[gold]?.continuation).sort(), ['ice', 'sun']);
  });

  test('keeps items that are there twice, each under a name of its own', async () => {
    const line = JSON.stringify(rows.piqa);
    const { facts, model } = await prepared('piqa', 'jsonl', `${line}\n${line}\n`);
    assert.equal(facts.items, 2);
    assert.equal(new Set(preparedItems(model).map(({ id }) => id)).size, 2);
  });

  test('has problems for tests alone, with the kind of each answer', async () => {
    const number = { ...rows.tabmwp, question: 'How many on Monday?', choices: null, answer: '3', unit: 'cups' };
    const lines = [rows.tabmwp, number, rows.tabmwp].map((row) => JSON.stringify(row)).join('\n');
    const { facts, model } = await prepared('tabmwp', 'jsonl', lines);
    assert.deepEqual(facts, { problems: 2, testProblems: 2, duplicateProblems: 1 });
    const kinds = preparedProblems(model, 'test').map(({ kind, labels }) => [kind, labels]);
    assert.deepEqual(kinds.sort(), [
      ['label', ['Mon', 'Tue']],
      ['number', undefined],
    ]);
    assert.throws(() => preparedProblems(model, 'sft'), /problems-sft\.jsonl is missing/);
  });

  test('names the row that is of another form', async () => {
    const refused = (lines: unknown[], message: RegExp) =>
      assert.rejects(
        prepared('piqa', 'jsonl', lines.map((line) => JSON.stringify(line)).join('\n')),
        (error: unknown) => error instanceof NodeError && error.kind === 'bad-data' && message.test(error.message),
      );
    await refused([rows.piqa, { goal: 'x' }], /row 2 of its files is none of piqa: it has no text in `sol1`/);
    await refused(
      [{ ...rows.piqa, label: -1 }],
      /names no right choice: its split may be one whose answers are withheld/,
    );
    await refused([{ ...rows.piqa, label: '' }], /has no whole number in `label`/);
  });
});

describe('a benchmark on the Hub', () => {
  const revision = 'c0ffee'.padEnd(40, '0');
  const lines = `${JSON.stringify(rows.piqa)}\n`.repeat(9);
  const files = {
    'data/test-0.jsonl': Buffer.from(lines),
    'data/train-0.jsonl': Buffer.from('{}'),
    'README.md': Buffer.from('#'),
  };

  async function onHub(t: TestContext, name: string, more: NodeJS.ProcessEnv = {}, patterns = ['data/test-*']) {
    const hub = await testHub(t, { hub: 'some/piqa', revision, files, kind: 'dataset' });
    const recipe = { hub: 'some/piqa', revision, patterns, benchmark: 'piqa', version: 1, prompts: 'clean' as const };
    const node = dataNode('piqa', recipe, [], name);
    const env = { HF_ENDPOINT: hub.endpoint, HF_HOME: join(folder, 'hf'), ...more };
    return { hub, make: () => made(node, { ...nobody, env }) };
  }

  test('is downloaded at its commit, the files alone that are named, from a mirror where there is one', async (t) => {
    const { hub, make } = await onHub(t, 'named');
    const { facts, model } = await make();
    assert.deepEqual(facts, { items: 9 });
    assert.equal(preparedItems(model).length, 9);
    assert.deepEqual(
      hub.seen.map(({ path }) => path),
      [
        `/api/datasets/some/piqa/revision/${revision}?blobs=true`,
        `/datasets/some/piqa/resolve/${revision}/data/test-0.jsonl`,
      ],
    );
    const left = readdirSync(join(model, '..')).filter((name) => name.endsWith('.tmp'));
    assert.deepEqual(left, [], 'what was downloaded is kept no longer than it takes');
  });

  test('is taken from the cache of the libraries of the Hub, which offline is all there is', async (t) => {
    const offline = { HF_HUB_OFFLINE: '1' };
    const { make: without } = await onHub(t, 'without', offline);
    await assert.rejects(
      without(),
      /HF_HUB_OFFLINE says to ask nobody: .* hf download some\/piqa --repo-type dataset --revision/,
    );
    const snapshot = join(folder, 'hf', 'hub', 'datasets--some--piqa', 'snapshots', revision, 'data');
    mkdirSync(snapshot, { recursive: true });
    writeFileSync(join(snapshot, 'test-0.jsonl'), lines);
    const { hub, make } = await onHub(t, 'cached', offline);
    assert.deepEqual((await make()).facts, { items: 9 });
    assert.deepEqual(hub.seen, []);
  });

  test('is not made of one of several shards, which is all that a cache may have', async (t) => {
    const snapshot = join(folder, 'hf', 'hub', 'datasets--some--piqa', 'snapshots', revision, 'shards');
    mkdirSync(snapshot, { recursive: true });
    writeFileSync(join(snapshot, 'test-00001-of-00002.jsonl'), lines);
    const { make } = await onHub(t, 'shards', { HF_HUB_OFFLINE: '1' }, ['shards/*']);
    await assert.rejects(make(), /shards\/test-00000-of-00002\.jsonl of some\/piqa is not among its files/);
    writeFileSync(join(snapshot, 'test-00000-of-00002.jsonl'), lines);
    assert.deepEqual((await make()).facts, { items: 18 });
  });

  test('must have files of the names, in a form that has rows', async (t) => {
    const nothing = await onHub(t, 'nothing', {}, ['*.parquet']);
    await assert.rejects(nothing.make(), /some\/piqa has no file at that commit that \*\.parquet names/);
    const mixed = await onHub(t, 'mixed', {}, ['**']);
    await assert.rejects(mixed.make(), /README\.md, data\/test-0\.jsonl, data\/train-0\.jsonl are not all jsonl/);
  });
});

let count = 0;

function prepared(benchmark: string, format: 'jsonl' | 'parquet', content: string | Uint8Array) {
  const path = join(folder, `${count++}.${format}`);
  writeFileSync(path, content);
  const digests = [digestOf(readFileSync(path))];
  const recipe = { format, digests, benchmark, version: 1, prompts: 'clean' as const };
  return made(dataNode(benchmark, recipe, [path], `${count}`), nobody);
}

type DataNode = Extract<PlanNode, { type: 'data' }>;

function dataNode(benchmark: string, recipe: DataNode['recipe'], files: string[], name: string): DataNode {
  const preimage = { type: 'data', benchmark, name };
  return {
    type: 'data',
    recipe,
    key: keyOf(preimage),
    address: `data:${benchmark}`,
    stage: benchmark,
    axes: {},
    seed: 0,
    parents: {},
    preimage,
    files,
    placement: { device: 'auto', checkpointEvery: 0, timeoutSeconds: 60 },
    architecture: null,
    settings: {},
  };
}

async function made(node: DataNode, options: HubOptions) {
  const begun = await beginAttempt(join(folder, 'home'), node);
  if (begun.state !== 'begun') throw new Error('unreachable');
  const { done } = await prepareData(node, begun.attempt, options);
  const model = join(begun.attempt.folder, done.model ?? '');
  const name = benchmarks[node.stage]?.part === 'choices' ? 'choices.jsonl' : 'problems-test.jsonl';
  return { facts: done.facts, model, content: readFileSync(join(model, name), 'utf8') };
}

async function asParquet(lines: string): Promise<Uint8Array> {
  const [from, to] = [join(folder, 'rows.jsonl'), join(folder, 'rows.parquet')];
  writeFileSync(from, lines);
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(`COPY (FROM read_json('${from}')) TO '${to}' (FORMAT parquet)`);
  connection.closeSync();
  instance.closeSync();
  return readFileSync(to);
}
