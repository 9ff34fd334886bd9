/** What every engine has to do, tried of the engine itself: in the environment that its lock says, which the first test installs. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { TrainerEvent } from '../../../schemas/types/event.ts';
import type { Engine, Job } from '../../../schemas/types/job.ts';
import {
  type Ended,
  modelDigest,
  pretrainJob,
  runTrainer,
  startTrainer,
  writeByteTokenizer,
  writePreferences,
} from '../../trainer/support.ts';

const program = { path: fileURLToPath(new URL('../../../engines/main.js', import.meta.url)), seconds: 3600 };

/** A folder for jobs, with a tokenizer of bytes, a model that learned a little of stories, and pairs. */
export interface Ground {
  root: string;
  tokenizer: string;
  base: string;
  liked: string;
}

/** Makes the ground before a suite's tests, and removes it after them. */
export function ground(): Ground {
  const root = mkdtempSync(join(tmpdir(), 'descent-engines-'));
  const [tokenizer, liked] = [join(root, 'tokenizer'), join(root, 'liked')];
  before(async () => {
    writeByteTokenizer(tokenizer);
    writePreferences(liked);
    await runTrainer(pretrainJob(root, 'base', tokenizer, 30));
  });
  after(() => rmSync(root, { recursive: true, force: true }));
  return { root, tokenizer, liked, base: join(root, 'base', 'model') };
}

/** Runs a job with an engine to a good end; or to any, until it has begun or told of a step, when it gets a signal. */
export async function runWith(
  engine: Engine,
  job: Job,
  stop?: { at: number | 'started' | 'never'; signal: NodeJS.Signals },
): Promise<Ended> {
  const asked = { ...job, recipe: { ...job.recipe, engine } } as Job;
  const ended = await startTrainer(
    asked,
    (event, child) => {
      const at = event.event === 'metrics' ? event.step : event.event;
      if (at === stop?.at) child.kill(stop.signal);
    },
    {},
    program,
  ).ended;
  if (stop === undefined) assert.equal(ended.code, 0, `${JSON.stringify(ended.events.at(-1))} ${ended.stderr}`);
  return ended;
}

export type Metrics = Extract<TrainerEvent, { event: 'metrics' }>;

export function metricsOf({ events }: Ended): Metrics[] {
  return events.filter((event): event is Metrics => event.event === 'metrics');
}

/**
 * The tests of an engine and a kind of job: it learns from what the built-in trainer learns from, at its rates; stopped or
 * killed it goes on, and ends in the bytes of a run that was not; its failures are typed. One that samples what it learns from has
 * other responses to the same problems.
 */
export function keepsTheContract(engine: Engine, jobOf: (name: string) => Job, { samples = false } = {}): void {
  let whole: Ended;
  let output: string;

  before(async () => {
    const job = jobOf('whole');
    output = job.output;
    whole = await runWith(engine, job);
  });

  test('learns in each step from what the built-in trainer learns from, at its rate', async () => {
    const own = metricsOf(await runTrainer(jobOf('own')));
    const its = metricsOf(whole);
    const told = ({ step, tokens, data }: Metrics) =>
      samples ? { step, problems: data?.problems } : { step, tokens, data };
    assert.deepEqual(its.map(told), own.map(told));
    for (const [at, { values }] of its.entries())
      assert.ok(Math.abs((values.lr ?? 0) - (own[at]?.values.lr ?? 1)) < 1e-12, `step ${at + 1}`);
  });

  test('asked to stop, saves and leaves, and ends in the same bytes when started again', async () => {
    const job = jobOf('stopped');
    const stopped = await runWith(engine, job, { at: 9, signal: 'SIGTERM' });
    assert.equal(stopped.code, 75, stopped.stderr);
    assert.equal(stopped.events.at(-1)?.event, 'interrupted');
    assert.ok(resumedFrom(await runWith(engine, job)) >= 9);
    assert.equal(modelDigest(job.output), modelDigest(output));
  });

  test('killed, goes on from its newest checkpoint, and ends in the same bytes', async () => {
    const job = jobOf('killed');
    job.placement.checkpointEvery = 5;
    assert.equal((await runWith(engine, job, { at: 12, signal: 'SIGKILL' })).signal, 'SIGKILL');
    assert.ok(resumedFrom(await runWith(engine, job)) >= 5);
    assert.equal(modelDigest(job.output), modelDigest(output));
  });

  test('fails as `diverged` where its numbers are no longer finite, and leaves no model', async () => {
    const job = jobOf('diverged');
    const recipe = { ...job.recipe, lr: 1e30, ...('minLr' in job.recipe && { minLr: 1e30 }), warmup: 0, clip: 0 };
    const failed = await runWith(engine, { ...job, recipe } as Job, { at: 'never', signal: 'SIGTERM' });
    const last = failed.events.at(-1);
    assert.ok(last?.event === 'failed', failed.stderr);
    assert.equal(last.kind, 'diverged', last.message);
    assert.ok(!existsSync(join(job.output, 'model')));
  });
}

/**
 * Asserts that an engine computes what the built-in trainer does: the same metrics step by step, and the same facts, each to a
 * share; but for those that it does not tell. How much of its rows is padding is each trainer's own.
 */
export async function agrees(
  engine: Engine,
  jobOf: (name: string) => Job,
  { steps = 2e-3, facts = 2e-3, untold = [] }: { steps?: number; facts?: number; untold?: readonly string[] } = {},
): Promise<void> {
  const own = await runTrainer(jobOf('own-compared'));
  const its = await runWith(engine, jobOf('compared'));
  const told = (figures: Record<string, unknown>) =>
    Object.fromEntries(Object.entries(figures).filter(([name]) => ![...untold, 'padding'].includes(name)));
  for (const [at, { values }] of metricsOf(its).entries())
    sameFigures(values, told(metricsOf(own)[at]?.values ?? {}), steps, `step ${at + 1}`);
  sameFigures(factsOf(its), told(factsOf(own)), facts, 'facts');
}

function sameFigures(
  found: Record<string, unknown>,
  expected: Record<string, unknown>,
  share: number,
  where: string,
): void {
  assert.deepEqual(Object.keys(found).sort(), Object.keys(expected).sort(), where);
  for (const [name, value] of Object.entries(expected) as [string, number][])
    assert.ok(
      Math.abs((found[name] as number) - value) <= share * Math.max(Math.abs(value), 0.05),
      `${name} of ${where}: ${found[name]}, ${value}`,
    );
}

/** What is known of the result of a job that ended well. */
export function factsOf({ events }: Ended): Record<string, unknown> {
  const done = events.at(-1);
  return done?.event === 'done' ? done.facts : assert.fail(`it ended with ${JSON.stringify(done)}`);
}

function resumedFrom({ events }: Ended): number {
  const [started] = events;
  return started?.event === 'started' ? (started.resumedFrom ?? 0) : 0;
}
