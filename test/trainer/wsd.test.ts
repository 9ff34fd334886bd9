/** Trunks and branches: real trainers, whose models are compared with those of whole runs, byte for byte. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { interleavedCounts } from '../../schemas/interleave.ts';
import type { CptJob, PretrainJob, TrunkInput, TrunkJob, WeightedMixture } from '../../schemas/types/job.ts';
import { validateEvent } from '../../schemas/validate.ts';
import {
  cptJob,
  type Ended,
  generated,
  killAfter,
  modelDigest,
  pretrainJob,
  runTrainer,
  startTrainer,
  tiny,
  writeByteTokenizer,
} from './support.ts';

const batchSequences = 4;
const common = {
  batchSequences,
  lr: 3e-3,
  warmupSteps: 3,
  weightDecay: 0.1,
  betas: [0.9, 0.95] as [number, number],
  clip: 1,
};

/** Two thirds stories, one third arithmetic. */
function mix(steps: number): WeightedMixture {
  const [web, math] = interleavedCounts([2, 1], steps * batchSequences) as [number, number];
  return [
    { name: 'web', source: generated('stories'), weight: 2, sequences: web },
    { name: 'math', source: generated('arithmetic'), weight: 1, sequences: math },
  ];
}

const decayed = (steps: number, decaySteps: number) =>
  ({ ...common, mix: mix(steps), steps, minLr: 3e-4, schedule: 'wsd', decaySteps }) as const;

const metricsOf = ({ events }: Ended) => events.filter((event) => event.event === 'metrics');
const startOf = ({ events }: Ended) => {
  const [started] = events;
  assert.ok(started?.event === 'started');
  return started;
};

describe('a run under wsd, as trunk and branch', () => {
  let root: string;
  let tokenizer: string;
  let whole: Ended;
  let short: Ended;
  let trunk: Ended;
  let branch: Ended;
  const folder = (name: string) => join(root, name, 'model');
  const from = (name: string, steps: number): TrunkInput => ({ folder: folder(name), steps });

  /** The run of 16 steps with a decay of 4, or a longer or shorter one. */
  const wholeJob = (name: string, steps = 16, decaySteps = 4, trunk?: TrunkInput): PretrainJob => {
    const job = pretrainJob(root, name, tokenizer, 1);
    return {
      ...job,
      recipe: { architecture: tiny, ...decayed(steps, decaySteps) },
      inputs: { ...job.inputs, ...(trunk === undefined ? {} : { trunk }) },
    };
  };
  const trunkJob = (name: string, steps: number, trunk?: TrunkInput): TrunkJob => {
    const job = pretrainJob(root, name, tokenizer, 1);
    return {
      ...job,
      type: 'trunk',
      key: 'b'.repeat(64),
      recipe: { architecture: tiny, ...common, mix: mix(steps), steps },
      inputs: { tokenizer, data: {}, ...(trunk === undefined ? {} : { trunk }) },
    };
  };

  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'descent-trainer-'));
    tokenizer = writeByteTokenizer(join(root, 'tokenizer'));
    whole = await runTrainer(wholeJob('whole'));
    short = await runTrainer(trunkJob('short', 7));
    trunk = await runTrainer(trunkJob('trunk', 12, from('short', 7)));
    branch = await runTrainer(wholeJob('branch', 16, 4, from('trunk', 12)));
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  it('ends in the same bytes, with the same metrics and facts, as the run that is not interrupted', () => {
    assert.equal(modelDigest(join(root, 'branch')), modelDigest(join(root, 'whole')));
    assert.deepEqual([short, trunk, branch].flatMap(metricsOf), metricsOf(whole));
    assert.deepEqual(branch.events.at(-1), whole.events.at(-1));
    for (const { events } of [short, trunk, branch]) for (const event of events) validateEvent(event);
  });

  it('keeps step and learning rate where the trunk ended', () => {
    assert.deepEqual(
      [whole, short, trunk, branch].map((ended) => [startOf(ended).resumedFrom, startOf(ended).steps]),
      [
        [null, 16],
        [null, 7],
        [7, 12],
        [12, 16],
      ],
    );
    const rates = metricsOf(branch).map(({ values }) => values.lr as number);
    assert.equal(metricsOf(branch)[0]?.step, 13);
    assert.equal(metricsOf(branch)[0]?.tokens, 13 * batchSequences * tiny.context);
    assert.ok(rates.every((rate, index) => rate < (index === 0 ? common.lr : (rates[index - 1] as number))));
    assert.equal(rates.at(-1), 3e-4);
    assert.deepEqual([...new Set(metricsOf(trunk).map(({ values }) => values.lr))], [common.lr]);
  });

  it('leaves a model that transformers opens, with the state of its optimizer', () => {
    assert.deepEqual(readdirSync(folder('trunk')).sort(), [
      'README.md',
      'ancestry.json',
      'config.json',
      'generation_config.json',
      'model.safetensors',
      'optimizer.safetensors',
      'state.json',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    const state = JSON.parse(readFileSync(join(folder('trunk'), 'state.json'), 'utf8'));
    const tokens = 12 * batchSequences * tiny.context;
    assert.deepEqual(state, { key: 'b'.repeat(64), step: 12, tokens, updates: { model: 12 } });
    assert.ok(!readdirSync(folder('branch')).includes('optimizer.safetensors'));
  });

  it('has one trunk for several budgets: a longer run begins with the same steps', async () => {
    const longer = await runTrainer(wholeJob('longer', 20, 5));
    assert.deepEqual(metricsOf(longer).slice(0, 12), metricsOf(whole).slice(0, 12));
    const branched = await runTrainer(wholeJob('longer-branch', 20, 5, from('trunk', 12)));
    assert.equal(modelDigest(join(root, 'longer-branch')), modelDigest(join(root, 'longer')));
    assert.deepEqual(metricsOf(branched), metricsOf(longer).slice(12));
  });

  it('goes on from its own checkpoint and not from the trunk, once it has one', async () => {
    const job = wholeJob('killed', 16, 4, from('short', 7));
    const killed = await killAfter(job, 11, 3);
    assert.equal(startOf(killed).resumedFrom, 7);
    const resumed = await runTrainer(job);
    assert.ok((startOf(resumed).resumedFrom as number) >= 9);
    assert.equal(modelDigest(job.output), modelDigest(join(root, 'whole')));
    // Updates count from the start of the run: the moments are corrected for all of them.
    const checkpoints = readdirSync(join(job.output, 'checkpoints'));
    const newest = checkpoints.sort().at(-1) as string;
    const { step, updates } = JSON.parse(readFileSync(join(job.output, 'checkpoints', newest, 'state.json'), 'utf8'));
    assert.equal(updates.model, step);
  });

  it('under cpt starts from the parent, and is the whole run again, also in bfloat16 and after kill -9', async () => {
    const recipe = { ...decayed(8, 2), precision: 'bfloat16' } as const;
    const job = (name: string): CptJob => ({ ...cptJob(root, name, folder('whole'), 1), recipe });
    const straight = await runTrainer(job('cpt'));
    const { minLr: _, schedule: __, decaySteps: ___, ...same } = recipe;
    const cptTrunk = { ...job('cpt-trunk'), type: 'trunk', recipe: { ...same, steps: 6, mix: mix(6) } } as TrunkJob;
    cptTrunk.placement.checkpointEvery = 2;
    const killed = await startTrainer(cptTrunk, (event, child) => {
      if (event.event === 'checkpoint') child.kill('SIGKILL');
    }).ended;
    assert.equal(killed.signal, 'SIGKILL');
    const resumed = await runTrainer(cptTrunk);
    const from = startOf(resumed).resumedFrom as number;
    assert.ok(from >= 2 && from < 6, `${from}`);
    const branched = job('cpt-branch');
    const branch = await runTrainer({
      ...branched,
      inputs: { ...branched.inputs, trunk: { folder: folder('cpt-trunk'), steps: 6 } },
    });
    assert.equal(modelDigest(join(root, 'cpt-branch')), modelDigest(join(root, 'cpt')));
    assert.deepEqual([resumed, branch].flatMap(metricsOf), metricsOf(straight).slice(from));
    assert.equal(metricsOf(straight)[0]?.step, 1);
  });

  it('is not what continued pretraining does: that resets step, learning rate and optimizer', async () => {
    // From the trunk's folder, which has moments, and from the same weights without them.
    cpSync(folder('trunk'), folder('weights'), { recursive: true });
    for (const name of ['optimizer.safetensors', 'state.json']) rmSync(join(folder('weights'), name));
    const job = cptJob(root, 'reset', folder('trunk'), 6);
    job.placement.checkpointEvery = 4;
    const reset = await runTrainer(job);
    await runTrainer(cptJob(root, 'fresh', folder('weights'), 6));
    assert.equal(modelDigest(join(root, 'reset')), modelDigest(join(root, 'fresh')));
    const [first] = metricsOf(reset);
    // A tenth of six steps is one step of warm-up, and the peak is reached on it.
    assert.deepEqual([startOf(reset).resumedFrom, first?.step, first?.values.lr], [null, 1, 3e-3]);
    assert.equal(first?.tokens, batchSequences * tiny.context);
    const saved = join(job.output, 'checkpoints', 'step-000004', 'state.json');
    assert.deepEqual(JSON.parse(readFileSync(saved, 'utf8')).updates, { model: 4 });
  });

  it('is refused where there is nothing to begin with, or the decay would begin in the warm-up', async () => {
    const refused = async (job: PretrainJob | TrunkJob) => {
      const last = (await startTrainer(job).ended).events.at(-1);
      assert.ok(last?.event === 'failed' && last.kind === 'bad-job');
      return last.message;
    };
    const nothing = trunkJob('nothing', 2);
    delete nothing.inputs.tokenizer;
    assert.match(await refused(nothing), /^nothing: a trunk begins with an architecture and a tokenizer/);
    const phases = 'a warm-up of 3 and a decay of 14 are more than the 16 steps there are';
    assert.equal(await refused(wholeJob('steep', 16, 14)), `steep: ${phases}.`);
  });
});
