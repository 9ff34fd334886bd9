// What a build leaves on the disk, and says: real folders, each operation through its stage.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TrainerEvent } from '../../schemas/types/event.ts';
import type { BuildJob, Part } from '../../schemas/types/job.ts';
import { TrainerFailure } from '../../trainer/failure.ts';
import { run } from '../../trainer/stages/build.ts';
import { buildJob, generated, runTrainer, temporaryFolder } from './support.ts';

interface Written {
  [field: string]: unknown;
}

const problem = (id: string, answer: string) => ({
  id,
  prompt: `What is ${id}?`,
  solution: `It is ${answer}.`,
  answer,
});
const response = (id: string, sample: number, answer: string | null, correct: boolean, truncated = false) => ({
  ...problem(id, '1'),
  solution: `${sample}: ${answer} é北`,
  kind: 'number',
  response: { sample, answer, correct, truncated },
});

function folderOf(root: string, name: string, files: Record<string, Written[]>): string {
  const folder = join(root, name);
  mkdirSync(folder);
  for (const [file, lines] of Object.entries(files))
    writeFileSync(join(folder, `${file}.jsonl`), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  return folder;
}

const part = (name: string): Part => ({ name, part: 'problems', source: { prepared: `data:${name}` } });

/** Runs a build here, and gives its facts and files. */
async function built(job: BuildJob): Promise<{ facts: Record<string, unknown>; files: Record<string, Written[]> }> {
  const events: TrainerEvent[] = [];
  const context = { emit: (event: TrainerEvent) => events.push(event), stopRequested: () => false, checkLease() {} };
  await run(job, context);
  const done = events.at(-1);
  assert.ok(done?.event === 'done' && done.model === 'model');
  return { facts: done.facts, files: filesIn(job.output) };
}

function filesIn(output: string): Record<string, Written[]> {
  const folder = join(output, 'model');
  return Object.fromEntries(
    readdirSync(folder)
      .sort()
      .map((name) => [
        name,
        readFileSync(join(folder, name), 'utf8')
          .split('\n')
          .slice(0, -1)
          .map((line) => JSON.parse(line)),
      ]),
  );
}

test('each operation leaves prepared files, what it dropped and why, and the counts of both', async (t) => {
  const root = temporaryFolder(t);
  const answers = [
    response('a', 0, '1', true),
    response('a', 1, '2', false),
    response('b', 0, '1', true, true),
    response('b', 1, null, false),
    response('c', 0, '1', true),
  ];
  const data = {
    'data:answers': folderOf(root, 'answers', { 'problems-sft': answers }),
    'data:theirs': folderOf(root, 'theirs', {
      'problems-sft': [response('c', 0, '1', true), response('a', 0, '2', false)],
    }),
    'data:math': folderOf(root, 'math', {
      'problems-sft': [problem('d', '1'), problem('e', '1/2')],
      'problems-rl': [problem('f', '3')],
      'problems-test': [problem('a', '1')],
    }),
  };
  const build = (name: string, recipe: BuildJob['recipe']) => built(buildJob(root, name, recipe, data));

  const right = await build('right', { operation: 'correct', data: part('answers') });
  assert.deepEqual(right.facts, {
    given: 5,
    kept: 2,
    dropped: 3,
    'dropped.wrong': 1,
    'dropped.truncated': 1,
    'dropped.unanswered': 1,
    sftExamples: 2,
  });
  assert.deepEqual(right.files['problems-sft.jsonl'], [answers[0], answers[4]]);
  assert.deepEqual(right.files['dropped.jsonl'], [
    { id: 'a', prompt: 'What is a?', reason: 'wrong', sample: 1 },
    { id: 'b', prompt: 'What is b?', reason: 'truncated', sample: 0 },
    { id: 'b', prompt: 'What is b?', reason: 'unanswered', sample: 1 },
  ]);

  const agreed = await build('agreed', { operation: 'agree', data: [part('answers'), part('theirs')], least: 2 });
  assert.deepEqual(agreed.facts, {
    given: 3,
    kept: 1,
    'kept.answers': 1,
    dropped: 2,
    'dropped.unasked': 1,
    'dropped.undecided': 1,
    differs: 0,
    sftExamples: 1,
  });

  const once = await build('once', { operation: 'dedupe', by: 'prompt', data: [part('answers'), part('math')] });
  assert.deepEqual(once.facts, {
    given: 9,
    kept: 6,
    dropped: 3,
    'dropped.prompt': 3,
    'dropped.prompt.answers': 3,
    'kept.answers': 2,
    'kept.math': 4,
    sftExamples: 4,
    rlExamples: 1,
    testExamples: 1,
  });
  assert.deepEqual(once.files['dropped.jsonl']?.[0], {
    id: 'a',
    prompt: 'What is a?',
    reason: 'prompt',
    set: 'answers',
    sample: 0,
    like: 'a',
  });
  // Lines say how they are graded, as their set was: `math` has a fraction, and numbers.
  assert.deepEqual(once.files['problems-rl.jsonl'], [{ ...problem('f', '3'), kind: 'number' }]);

  const selection = { name: 'math', split: 'test' as const, problems: 9, source: part('math').source };
  const clean = await build('clean', { operation: 'decontaminate', data: part('theirs'), against: [selection] });
  assert.deepEqual(clean.facts, { given: 2, kept: 1, dropped: 1, 'dropped.prompt': 1, sftExamples: 1 });
  assert.deepEqual(clean.files['dropped.jsonl'], [
    { id: 'a', prompt: 'What is a?', reason: 'prompt', sample: 0, against: 'math/test', row: 1, words: 'what is a' },
  ]);

  const parted = await build('parted', {
    operation: 'split',
    order: 'given',
    sft: { problems: 1 },
    rl: { share: 0.5 },
    data: part('math'),
  });
  assert.deepEqual(parted.facts, {
    given: 4,
    kept: 3,
    dropped: 1,
    'dropped.between': 1,
    sftExamples: 1,
    rlExamples: 1,
    testExamples: 1,
  });
  assert.deepEqual(
    parted.files['problems-rl.jsonl']?.map(({ id }) => id),
    ['f'],
  );

  const paired = await build('pairs', { operation: 'pairs', perProblem: 2, data: part('answers') });
  assert.deepEqual(paired.facts, {
    given: 3,
    kept: 1,
    dropped: 2,
    'dropped.noRight': 1,
    'dropped.noWrong': 1,
    unpaired: 0,
    trainPairs: 1,
    heldoutPairs: 0,
  });
  assert.deepEqual(paired.files['preferences-train.jsonl'], [
    { id: 'a', prompt: 'What is a?', chosen: '0: 1 é北', rejected: '1: 2 é北' },
  ]);
  assert.deepEqual(Object.keys(paired.files), [
    'dropped.jsonl',
    'preferences-heldout.jsonl',
    'preferences-train.jsonl',
  ]);
});

test('where nothing is left, or a set cannot be built on, the failure says what to do', async (t) => {
  const root = temporaryFolder(t);
  const data = { 'data:answers': folderOf(root, 'answers', { 'problems-sft': [response('a', 0, '2', false)] }) };
  const job = buildJob(root, 'none', { operation: 'correct', data: part('answers') }, data);
  await assert.rejects(built(job), (error) => {
    assert.ok(error instanceof TrainerFailure && error.kind === 'bad-data');
    assert.equal(
      error.message,
      `Nothing is left of the 1 of answers (wrong 1). Give it other data, or more. What was dropped is in ${job.output}/model/dropped.jsonl.`,
    );
    return true;
  });
  assert.equal(filesIn(job.output)['dropped.jsonl']?.length, 1);
  const source = { name: 'math', part: 'problems' as const, source: generated('arithmetic') };
  await assert.rejects(
    built(buildJob(root, 'made', { operation: 'correct', data: source })),
    /math is a generator: let a `generate` stage/,
  );
});

test('the trainer runs builds, and again to the same bytes', async (t) => {
  const root = temporaryFolder(t);
  const lines = Array.from({ length: 400 }, (_, at) => response(`${at % 151}`, at, at % 3 ? '1' : '2', at % 3 > 0));
  const data = { 'data:answers': folderOf(root, 'answers', { 'problems-sft': lines }) };
  const jobs = ['one', 'again'].map((name) =>
    buildJob(root, name, { operation: 'pairs', perProblem: 1, data: part('answers') }, data),
  );
  const [ended] = await Promise.all(jobs.map(runTrainer));
  assert.deepEqual(
    ended?.events.map(({ event }) => event),
    ['started', 'done'],
  );
  const [one, again] = jobs.map(({ output }) => filesIn(output));
  assert.deepEqual(one, again);
  const held = one?.['preferences-heldout.jsonl']?.length ?? 0;
  assert.ok(held > 0 && held < 20, String(held));
});
