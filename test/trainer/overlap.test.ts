import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Certificate } from '../../schemas/certificate.ts';
import type { Comparison, Selection, Source } from '../../schemas/types/job.ts';
import { type Ended, generated, overlapJob, runTrainer, startTrainer, temporaryFolder } from './support.ts';

const selection = (split: Selection['split'], problems: number, source: Source, name = 'math'): Selection => ({
  name,
  split,
  problems,
  source,
});
const none = (of: Selection): Comparison => ({ selection: of, mostExact: 0, mostGrams: 0.01 });
const certificateIn = (output: string): Certificate =>
  JSON.parse(readFileSync(join(output, 'model', 'overlap.json'), 'utf8'));
const overlapsOf = ({ events }: Ended) => events.filter((event) => event.event === 'overlap');

/** Prepared problems in a folder of their own, by split. */
function prepared(root: string, name: string, splits: Partial<Record<Selection['split'], string[]>>): string {
  const folder = join(root, name);
  mkdirSync(folder);
  for (const [split, prompts] of Object.entries(splits)) {
    const lines = prompts.map((prompt, at) =>
      JSON.stringify({ id: `${at}`, prompt, solution: `It is ${at}.`, answer: `${at}` }),
    );
    writeFileSync(join(folder, `problems-${split}.jsonl`), `${lines.join('\n')}\n`);
  }
  return folder;
}

test('the splits of a generator: no prompt is in two, and sentences that many share are counted apart', async (t) => {
  const root = temporaryFolder(t);
  const source = generated('strategy');
  const against = { selection: selection('test', 200, source), mostExact: 0, mostGrams: 1 };
  const recipe = { trained: selection('sft', 400, source), against: [against] as [Comparison] };
  const [job, again] = [overlapJob(root, 'one', recipe), overlapJob(root, 'again', recipe)];
  const [ended] = await Promise.all([runTrainer(job), runTrainer(again)]);
  const [overlap] = overlapsOf(ended);
  assert.deepEqual([overlap?.trained, overlap?.trainedProblems], ['math/sft', 400]);
  assert.deepEqual([overlap?.against, overlap?.problems, overlap?.exact], ['math/test', 200, 0]);
  assert.ok((overlap?.grams ?? 0) > 10, 'two facts and a question are worded alike');
  const { against: found } = certificateIn(job.output);
  assert.equal(found[0]?.matches.grams.length, Math.min(20, overlap?.grams ?? 0));
  for (const { trained, words } of found[0]?.matches.grams ?? []) assert.ok(trained.prompt.length > words.length / 2);
  const done = ended.events.at(-1);
  assert.ok(done?.event === 'done');
  assert.deepEqual([done.model, done.facts], ['model', { exact: 0, grams: overlap?.grams }]);
  const bytes = (output: string) => readFileSync(join(output, 'model', 'overlap.json'), 'utf8');
  assert.equal(bytes(again.output), bytes(job.output));
});

test('files that overlap: refused with both sides, the numbers and the remedy, and written down all the same', async (t) => {
  const root = temporaryFolder(t);
  const many = (what: string, count: number) => Array.from({ length: count }, (_, at) => `What is ${at} ${what}?`);
  const long = 'The old mill by the river turns once for every nine steps that the miller takes';
  const mine = prepared(root, 'mine', { sft: [...many('plus one', 60), `${long}. How often?`], test: many('x', 3) });
  const other = prepared(root, 'other', {
    test: [' WHAT is 7   plus one?', ...many('minus one', 97), `${long} in a year. Why?`, `Say why: ${long}.`],
  });
  const data = { 'data:mine': mine, 'data:other': other };
  const trained = selection('sft', 61, { prepared: 'data:mine' }, 'mine');
  const clean = none(selection('test', 3, { prepared: 'data:mine' }, 'mine'));
  const dirty = none(selection('test', 200, { prepared: 'data:other' }, 'other'));
  const job = overlapJob(root, 'refused', { trained, against: [clean, dirty] }, data);
  const ended = await startTrainer(job).ended;
  assert.equal(ended.code, 1);
  const failed = ended.events.at(-1);
  assert.ok(failed?.event === 'failed');
  assert.equal(failed.kind, 'bad-data');
  assert.equal(
    failed.message,
    'mine/sft (61 problems trained on) and other/test (100 problems) overlap: 1 of other/test is in mine/sft word for ' +
      'word (at most 0 % may be), and 2 more have 13 words in a row, or all words, in common (at most 1 % may have). The first: ' +
      'other/test row 1, "WHAT is 7 plus one?", and mine/sft row 8, "What is 7 plus one?", have "what is 7 plus one" ' +
      'in common. Take them out of one of the two, or say on the stage why it may learn from them: ' +
      `\`allowOverlap: "<reason>"\`. What was found is in ${job.output}/model/overlap.json.`,
  );
  assert.deepEqual(
    overlapsOf(ended).map(({ against, problems, exact, grams, common }) => [against, problems, exact, grams, common]),
    [
      ['mine/test', 3, 0, 0, 0],
      ['other/test', 100, 1, 2, 0],
    ],
  );
  const written = certificateIn(job.output);
  assert.equal(written.against[1]?.withoutGrams, 98);
  assert.deepEqual(
    written.against[1]?.matches.grams.map(({ against, trained: row }) => [against.row, row.row]),
    [
      [99, 61],
      [100, 61],
    ],
  );

  const allowed = overlapJob(
    root,
    'allowed',
    { trained, against: [clean, { ...dirty, mostExact: 1, mostGrams: 1 }] },
    data,
  );
  const { events } = await runTrainer(allowed);
  assert.equal(events.at(-1)?.event, 'done');
  assert.deepEqual(certificateIn(allowed.output).against[1]?.matches, written.against[1]?.matches);
});

test('items of cloze tasks are compared by their question, and under partial scoring by the whole sentence', async (t) => {
  const root = temporaryFolder(t);
  const goal = 'How do you keep the lid of a paint tin from sticking';
  const mine = prepared(root, 'mine', { rl: [`${goal}?`, 'Ann thanked Eve, as she had helped.', 'What is 1 + 1?'] });
  const items = [
    ['Question: how do you keep the lid of a paint tin from sticking\nAnswer:', 'wipe the rim', 'shake it'],
    ['Question: How do you open it?\nAnswer:', 'pull', 'push'],
  ].map(([context, ...continuations]) => ({
    choices: continuations.map((continuation) => ({ context, continuation })),
  }));
  const partial = ['Ann', 'Eve'].map((name) => ({
    context: `Ann thanked Eve, as ${name}`,
    continuation: 'had helped.',
  }));
  const she = [{ context: 'Ann thanked Eve, as she', continuation: 'had helped.' }, ...partial.slice(1)];
  const lines = [...items, { choices: partial }, { choices: she }].map((item, id) =>
    JSON.stringify({ id: `${id}`, ...item, gold: 0 }),
  );
  const piqa = join(root, 'piqa');
  mkdirSync(piqa);
  writeFileSync(join(piqa, 'choices.jsonl'), `${lines.join('\n')}\n`);
  const recipe = {
    trained: selection('rl', 3, { prepared: 'data:mine' }, 'mine'),
    against: [
      none(selection('choices', 200, { prepared: 'data:piqa' }, 'piqa')),
      none(selection('choices', 5, generated('strategy'), 'strategy')),
    ] as [Comparison, Comparison],
  };
  const job = overlapJob(root, 'cloze', recipe, { 'data:mine': mine, 'data:piqa': piqa });
  const ended = await startTrainer(job).ended;
  assert.equal(ended.code, 1);
  assert.deepEqual(
    overlapsOf(ended).map(({ against, problems, exact }) => [against, problems, exact]),
    [
      ['piqa/choices', 4, 2],
      ['strategy/choices', 5, 0],
    ],
  );
  assert.deepEqual(
    certificateIn(job.output).against[0]?.matches.exact.map(({ against, trained }) => [against.row, trained.row]),
    [
      [1, 1],
      [4, 2],
    ],
  );
});

test('a share of 13-grams up to the limit is no reason to refuse', async (t) => {
  const root = temporaryFolder(t);
  const long = 'The old mill by the river turns once for every nine steps that the miller takes';
  const folder = prepared(root, 'mine', {
    rl: [`${long}. How often?`],
    sft: [...Array.from({ length: 99 }, (_, at) => `What is ${at}?`), `${long}. Why?`],
  });
  const source = { prepared: 'data:mine' };
  const recipe = {
    trained: selection('rl', 1, source),
    against: [none(selection('sft', 100, source))] as [Comparison],
  };
  const [overlap] = overlapsOf(await runTrainer(overlapJob(root, 'limit', recipe, { 'data:mine': folder })));
  assert.deepEqual([overlap?.exact, overlap?.grams], [0, 1]);
});

test('a data set without problems is told as any stage tells it', async (t) => {
  const root = temporaryFolder(t);
  const source = { prepared: 'data:mine' };
  const recipe = {
    trained: selection('sft', 5, source),
    against: [none(selection('test', 5, source))] as [Comparison],
  };
  const job = overlapJob(root, 'empty', recipe, { 'data:mine': prepared(root, 'mine', {}) });
  const { events } = await startTrainer(job).ended;
  const failed = events.at(-1);
  assert.ok(failed?.event === 'failed' && failed.kind === 'bad-data');
  assert.match(failed.message, /problems-(sft|test)\.jsonl is missing: the data set has no problems/);
  assert.ok(!existsSync(join(job.output, 'model')));
});
