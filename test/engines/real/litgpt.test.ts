/** LitGPT itself, in the environment that its lock says, which the first test installs: some gigabytes. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { TrainerEvent } from '../../../schemas/types/event.ts';
import type { Job } from '../../../schemas/types/job.ts';
import { descent } from '../../cli/support.ts';
import { runToEnd } from '../../lineage/support.ts';
import {
  cptJob,
  type Ended,
  modelDigest,
  pretrainJob,
  runTrainer,
  startTrainer,
  writeByteTokenizer,
} from '../../trainer/support.ts';

const program = { path: fileURLToPath(new URL('../../../engines/main.js', import.meta.url)), seconds: 3600 };
const steps = 24;

/** The same job with LitGPT. */
function byLitgpt<Of extends Job>(job: Of): Of {
  return { ...job, recipe: { ...job.recipe, engine: 'litgpt' } };
}

/** Runs a job to its end, or until it has told of a step and got a signal. */
async function run(job: Job, stop?: { at: number; signal: NodeJS.Signals }): Promise<Ended> {
  const ended = await startTrainer(
    byLitgpt(job),
    (event, child) => {
      if (stop && event.event === 'metrics' && event.step === stop.at) child.kill(stop.signal);
    },
    {},
    program,
  ).ended;
  if (stop === undefined) assert.equal(ended.code, 0, `${JSON.stringify(ended.events.at(-1))} ${ended.stderr}`);
  return ended;
}

const metricsOf = ({ events }: Ended) =>
  events.filter((event): event is Extract<TrainerEvent, { event: 'metrics' }> => event.event === 'metrics');

describe('LitGPT', () => {
  let root: string;
  let tokenizer: string;
  let whole: Ended;

  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'descent-litgpt-'));
    tokenizer = writeByteTokenizer(join(root, 'tokenizer'));
    whole = await run(pretrainJob(root, 'whole', tokenizer, steps));
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  test('learns from the same sequences at the same rates as the built-in trainer, and about as well', async () => {
    const own = metricsOf(await runTrainer(pretrainJob(root, 'own', tokenizer, steps)));
    const its = metricsOf(whole);
    assert.deepEqual(
      its.map(({ data }) => data),
      own.map(({ data }) => data),
    );
    assert.deepEqual(
      its.map(({ tokens }) => tokens),
      own.map(({ tokens }) => tokens),
    );
    for (const [at, { values }] of its.entries())
      assert.ok(Math.abs((values.lr ?? 0) - (own[at]?.values.lr ?? 0)) < 1e-12, `step ${at + 1}`);
    const [last, ownLast] = [its.at(-1)?.values.loss ?? 0, own.at(-1)?.values.loss ?? 0];
    assert.ok(Math.abs(last - ownLast) < 0.1 * ownLast, `${last} and ${ownLast}`);
  });

  test('goes on from a checkpoint that the built-in trainer reads too, and ends in the same bytes', async () => {
    const stopped = await run(pretrainJob(root, 'stopped', tokenizer, steps), { at: 9, signal: 'SIGTERM' });
    assert.equal(stopped.code, 75);
    assert.equal(stopped.events.at(-1)?.event, 'interrupted');
    const rest = await run(pretrainJob(root, 'stopped', tokenizer, steps));
    assert.ok(((rest.events[0] as { resumedFrom?: number }).resumedFrom ?? 0) >= 9);
    assert.equal(modelDigest(join(root, 'stopped')), modelDigest(join(root, 'whole')));
  });

  test('that is killed goes on from its newest checkpoint, and ends in the same bytes', async () => {
    const job = pretrainJob(root, 'killed', tokenizer, steps);
    job.placement.checkpointEvery = 5;
    assert.equal((await run(job, { at: 12, signal: 'SIGKILL' })).signal, 'SIGKILL');
    const rest = await run(job);
    assert.ok(((rest.events[0] as { resumedFrom?: number }).resumedFrom ?? 0) >= 5);
    assert.equal(modelDigest(join(root, 'killed')), modelDigest(join(root, 'whole')));
  });

  test('begins CPT with a model of the built-in trainer, which goes on from what it leaves', async () => {
    await runTrainer(pretrainJob(root, 'base', tokenizer, 30));
    const own = metricsOf(await runTrainer(cptJob(root, 'own-mid', join(root, 'base', 'model'), 6)));
    const its = metricsOf(await run(cptJob(root, 'mid', join(root, 'base', 'model'), 6)));
    const [first, ownFirst] = [its[0]?.values.loss ?? 0, own[0]?.values.loss ?? 0];
    assert.ok(
      Math.abs(first - ownFirst) < 1e-4,
      `the loss of the same weights on the same step: ${first}, ${ownFirst}`,
    );
    const after = metricsOf(await runTrainer(cptJob(root, 'after', join(root, 'mid', 'model'), 3)));
    assert.ok((after[0]?.values.loss ?? 9) < first, 'what LitGPT learned is there');
  });

  test('and the built-in trainer take turns in one lineage, whose rows stand in the same tables', async (t) => {
    const file = join(root, 'mixed.yaml');
    writeFileSync(file, mixed);
    const home = join(root, 'home');
    await runToEnd(t, file, home, 1);
    const query = `select address, type, engine, count(*) as steps from metrics join nodes using (key) join attempts using (key) where metric = 'loss' group by all order by all`;
    const { stdout } = await descent(['query', query, '--format', 'json'], root, { env: { DESCENT_HOME: home } });
    const rows = JSON.parse(stdout) as { address: string; engine: string; steps: number }[];
    assert.deepEqual(
      rows.map(({ address, engine }) => [address, /LitGPT/.test(engine)]),
      [
        ['base', true],
        ['mid', false],
        ['more', true],
        ['rl', false],
        ['tuned', false],
      ],
    );
  });
});

const mixed = `lineage: mixed
models:
  nano: {layers: 1, hidden: 32, heads: 2, ffn: 64, context: 64, tokenizer: words}
tokenizers:
  words: {bpe: {vocab: 512, data: [web, math/problems], characters: 100K}}
data:
  web: {generator: stories}
  math: {generator: arithmetic}
stages:
  base: {pretrain: {model: nano, data: web, tokens: 30K, batch: 1K, engine: litgpt}}
  mid: {cpt: {from: base, tokens: 10K, batch: 1K, mix: {math: 1, replay: 25%}}}
  more: {cpt: {from: mid, tokens: 10K, batch: 1K, mix: {math: 1, replay: 25%}, engine: litgpt}}
  tuned: {sft: {from: more, data: math/problems, examples: 200, batch: 8}}
  rl: {rl: {from: tuned, data: math/problems, examples: 64, batch: 32, maxResponse: 8}}
evaluate: {each: [rl], suites: [heldout], heldoutTokens: 2K}
`;
