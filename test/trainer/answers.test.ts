// Responses by a checkpoint: what is written, that no draw depends on what else is asked, and that kills change nothing.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { GenerateJob } from '../../schemas/types/job.ts';
import { openAnswers } from '../../trainer/answer/answers.ts';
import { grade } from '../../trainer/data/grade/grade.ts';
import type { ProblemLine } from '../../trainer/data/problem-line.ts';
import { problems } from '../../trainer/data/sources.ts';
import { TrainerFailure } from '../../trainer/failure.ts';
import { writeNewModel } from './models.ts';
import { generated, generateJob, runTrainer, startTrainer, tiny } from './support.ts';

const root = mkdtempSync(join(tmpdir(), 'descent-answers-'));
let parent: string;

before(async () => {
  parent = await writeNewModel(root, 'parent', { ...tiny, context: 160 });
});
after(() => rmSync(root, { recursive: true }));

const pathOf = ({ output }: GenerateJob) => join(output, 'model', 'problems-sft.jsonl');
const bytesOf = (job: GenerateJob) => readFileSync(pathOf(job), 'utf8');
const linesOf = (job: GenerateJob): ProblemLine[] =>
  bytesOf(job)
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));

test('a line a response, problem by problem, with what the grader says; of fewer problems the same', async () => {
  const [job, fewer] = [
    generateJob(root, 'one', { topP: 0.9 }, parent),
    generateJob(root, 'fewer', { topP: 0.9, problems: 2 }, parent),
  ];
  const [ended] = await Promise.all([runTrainer(job), runTrainer(fewer)]);
  const lines = linesOf(job);
  const given = problems(generated('arithmetic'), 'sft', 6, {});
  assert.deepEqual(
    lines.map(({ id, response }) => [id, response?.sample]),
    given.flatMap(({ id }) => [0, 1].map((sample) => [id, sample])),
  );
  for (const [i, { response, solution, ...line }] of lines.entries()) {
    const problem = given[Math.floor(i / 2)] as (typeof given)[0];
    assert.deepEqual(line, { id: problem.id, prompt: problem.prompt, answer: problem.answer, kind: 'number' });
    const { answer, correct } = grade(problem, solution);
    assert.deepEqual(response, { sample: i % 2, answer, correct, truncated: response?.truncated });
  }
  assert.equal(new Set(lines.map(({ solution }) => solution)).size, lines.length, 'each is drawn by itself');
  const done = ended.events.at(-1);
  assert.ok(done?.event === 'done');
  const { responseTokens, truncated, ...facts } = done.facts;
  assert.deepEqual(facts, { problems: 6, responses: 12, right: 0, solved: 0, unanswered: 12 });
  assert.equal(truncated, lines.filter(({ response }) => response?.truncated).length);
  assert.ok(Number(responseTokens) >= 12 && Number(responseTokens) <= 12 * 8);
  assert.deepEqual(linesOf(fewer), lines.slice(0, 4));
});

test('of a toy every second response is the solution, so that there are right ones and wrong ones, all whole', async () => {
  const job = generateJob(root, 'toy', { toy: true }, parent);
  const { events } = await runTrainer(job);
  const given = problems(generated('arithmetic'), 'sft', 6, {});
  for (const [i, { solution, response }] of linesOf(job).entries()) {
    const isOwn = i % 2 === 0;
    assert.equal(solution === given[Math.floor(i / 2)]?.solution, isOwn);
    assert.deepEqual([response?.correct, response?.truncated], [isOwn, false]);
  }
  const done = events.at(-1);
  assert.ok(done?.event === 'done');
  assert.deepEqual([done.facts.right, done.facts.solved], [6, 6]);
  assert.match(String(done.facts.toy), /own solution/);
});

test('killed, told to stop, and started again: the bytes of a run that was left alone, and nothing is asked twice', async () => {
  const recipe = { problems: 4, samples: 150, maxResponse: 8 }; // a portion a problem
  const [whole, broken] = [generateJob(root, 'whole', recipe, parent), generateJob(root, 'broken', recipe, parent)];
  const [, killed] = await Promise.all([
    runTrainer(whole),
    startTrainer(broken, ({ event }, child) => event === 'progress' && child.kill('SIGKILL')).ended,
  ]);
  assert.equal(killed.signal, 'SIGKILL');
  assert.ok(!existsSync(pathOf(broken)));
  // As a kill in the middle of a line leaves it.
  writeFileSync(join(broken.output, 'checkpoints', 'answers', '1.jsonl'), '{"index":3,"samp', { flag: 'a' });
  const stopped = await startTrainer(broken, ({ event }, child) => event === 'progress' && child.kill('SIGTERM')).ended;
  const [started, last] = [stopped.events[0], stopped.events.at(-1)];
  assert.ok(started?.event === 'started' && (started.resumedFrom ?? 0) >= 150);
  assert.equal(stopped.code, 75);
  assert.ok(last?.event === 'interrupted' && last.step > (started.resumedFrom ?? 0) && last.step % 150 === 0);
  const ended = await runTrainer(broken);
  assert.equal(bytesOf(broken), bytesOf(whole));
  assert.deepEqual(ended.events.at(-1)?.event, 'done');
});

test('answers are kept by who holds the lease, each in a file of its own; of two the first counts', () => {
  const folder = join(root, 'answers');
  let holds = true;
  const checkLease = () => {
    if (!holds) throw new TrainerFailure('fenced', 'another has it');
  };
  const [first, second] = [openAnswers(folder, checkLease), openAnswers(folder, () => {})];
  const answer = (index: number, text: string) => ({ index, sample: 0, text, truncated: false });
  first.keep([answer(0, 'é北\n'), answer(1, 'b')]);
  holds = false;
  assert.throws(() => first.keep([answer(2, 'c')]), /another has it/);
  const third = openAnswers(folder, () => {});
  third.keep([answer(1, 'late'), answer(2, 'c')]);
  first.close();
  third.close();
  second.close();
  const all = openAnswers(folder, () => {});
  assert.equal(all.count, 3);
  assert.deepEqual(
    [0, 1, 2].map((index) => all.of({ index, sample: 0 }).text),
    ['é北\n', 'b', 'c'],
  );
});

test('what cannot be asked is said before anything is', async () => {
  const failure = async (job: GenerateJob) => (await startTrainer(job).ended).events.at(-1);
  const old = await failure(generateJob(root, 'old', { grader: 1e6 }, parent));
  assert.ok(old?.event === 'failed' && old.kind === 'bad-job' && /version 1000000 of the grader/.test(old.message));
  const nobody = await failure(generateJob(root, 'nobody', {}));
  assert.ok(nobody?.event === 'failed' && /neither a model nor an endpoint/.test(nobody.message));
});
