/** The trainer as a program: real processes, which are stopped, killed, abandoned and fenced. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { TrainerEvent } from '../../schemas/types/event.ts';
import type { Job } from '../../schemas/types/job.ts';
import { validateEvent } from '../../schemas/validate.ts';
import {
  cptJob,
  type Ended,
  generated,
  modelDigest,
  pretrainJob,
  runTrainer,
  sftJob,
  startTrainer,
  startTrainerAt,
  temporaryFolder,
  writeByteTokenizer,
} from './support.ts';

const steps = 30;

/** The metrics that stand at the end: those of an execution are void after the step that the next resumed from. */
function standingMetrics(executions: Ended[]): TrainerEvent[] {
  const byStep = new Map<number, TrainerEvent>();
  for (const event of executions.flatMap(({ events }) => events)) {
    if (event.event === 'started')
      for (const step of [...byStep.keys()]) if (step > (event.resumedFrom ?? 0)) byStep.delete(step);
    if (event.event === 'metrics') byStep.set(event.step, event);
  }
  return [...byStep.values()];
}

const failure = ({ events }: Ended) => {
  const last = events.at(-1);
  assert.equal(last?.event, 'failed');
  return last as Extract<TrainerEvent, { event: 'failed' }>;
};

describe('the trainer', { concurrency: 1 }, () => {
  it('trains a lineage, telling all of it in events that follow their schema', async (t) => {
    const root = temporaryFolder(t);
    const tokenizer = writeByteTokenizer(join(root, 'tokenizer'));
    const base = pretrainJob(root, 'base', tokenizer, steps);
    const mid = cptJob(root, 'mid', join(root, 'base', 'model'), 6);
    const tuned = sftJob(root, 'tuned', join(root, 'mid', 'model'), 20);
    for (const job of [base, mid, tuned] as Job[]) {
      const { events } = await runTrainer(job);
      for (const event of events) validateEvent(event);
      const names = [
        'config.json',
        'generation_config.json',
        'model.safetensors',
        'tokenizer.json',
        'tokenizer_config.json',
      ];
      assert.deepEqual(readdirSync(join(job.output, 'model')).sort(), names);
      const total = { pretrain: steps, cpt: 6, sft: 6 }[job.type as 'pretrain'];
      const [started, done] = [events[0], events.at(-1)];
      assert.ok(started?.event === 'started' && done?.event === 'done');
      assert.deepEqual([started.steps, started.resumedFrom, started.device], [total, null, 'cpu']);
      assert.match(started.engine, /^descent \d+\.\d+\.\d+, TensorFlow \d+\./);
      const metrics = events.filter((event) => event.event === 'metrics');
      assert.deepEqual(
        metrics.map(({ step }) => step),
        Array.from({ length: total }, (_, i) => i + 1),
      );
      assert.deepEqual(Object.keys(metrics[0]?.values ?? {}), ['loss', 'lr', 'gradientNorm']);
      assert.equal(metrics.at(-1)?.values.lr, 3e-4);
      assert.deepEqual([done.step, done.tokens, done.model], [total, metrics.at(-1)?.tokens, 'model']);
      assert.ok((done.facts.parameters as number) > 10_000);
      if (job.type !== 'sft') {
        assert.equal(done.tokens, total * 4 * 32);
        assert.equal(done.facts.trainTokens, done.tokens);
        assert.ok((done.facts.unigramEntropy as number) > 1);
      }
    }
  });

  it('ends in the same bytes and the same metrics after kill -9 as without, whatever the cadence of checkpoints', async (t) => {
    const root = temporaryFolder(t);
    const tokenizer = writeByteTokenizer(join(root, 'tokenizer'));
    const whole = await runTrainer(pretrainJob(root, 'whole', tokenizer, steps));
    const job = pretrainJob(root, 'killed', tokenizer, steps);
    job.placement.checkpointEvery = 7;
    const killed = await startTrainer(job, (event, child) => {
      if (event.event === 'metrics' && event.step === 17) child.kill('SIGKILL');
    }).ended;
    assert.equal(killed.signal, 'SIGKILL');
    // What a kill in the middle of a write leaves.
    cpSync(join(job.output, 'checkpoints', 'step-000014'), join(job.output, 'checkpoints', '.step-000021.tmp'), {
      recursive: true,
    });
    const resumed = await runTrainer(job);
    const started = resumed.events[0];
    assert.ok(
      started?.event === 'started' &&
        started.resumedFrom !== null &&
        started.resumedFrom % 7 === 0 &&
        started.resumedFrom >= 14,
    );
    assert.equal(modelDigest(job.output), modelDigest(join(root, 'whole')));
    assert.deepEqual(standingMetrics([killed, resumed]), standingMetrics([whole]));
    assert.deepEqual(resumed.events.at(-1), whole.events.at(-1));
    assert.deepEqual(
      readdirSync(join(job.output, 'checkpoints')).filter((name) => !name.startsWith('step-')),
      [],
    );
  });

  describe('when it is asked to stop', () => {
    let root: string;
    let whole: string;
    // Enough steps that it cannot reach the end before it notices.
    const make = (name: string) => sftJob(root, name, join(root, 'base', 'model'), 400);

    before(async () => {
      root = mkdtempSync(join(tmpdir(), 'descent-trainer-'));
      await runTrainer(pretrainJob(root, 'base', writeByteTokenizer(join(root, 'tokenizer')), 2));
      await runTrainer(make('whole'));
      whole = modelDigest(join(root, 'whole'));
    });
    after(() => rmSync(root, { recursive: true, force: true }));

    const requests: [string, string, (child: ChildProcess) => void][] = [
      ['terminated', 'by SIGTERM', (child) => child.kill('SIGTERM')],
      ['orphaned', 'by the death of its parent', (child) => child.stdin?.end()],
      ['unread', 'by nobody reading its events', (child) => child.stdout?.destroy()],
    ];
    for (const [name, how, request] of requests) {
      it(`${how}, it saves and leaves, and ends in the same bytes when started again`, async () => {
        const job = make(name);
        let asked = false;
        const stopped = await startTrainer(job, (event, child) => {
          if (asked || event.event !== 'metrics' || event.step < 3) return;
          asked = true;
          request(child);
        }).ended;
        assert.equal(stopped.code, 75, stopped.stderr);
        const saved = readdirSync(join(job.output, 'checkpoints'));
        assert.equal(saved.length, 1);
        const step = Number(saved[0]?.slice('step-'.length));
        assert.ok(step >= 3 && step < 100);
        if (name !== 'unread') {
          const [checkpoint, interrupted] = stopped.events.slice(-2);
          assert.deepEqual(checkpoint, { event: 'checkpoint', step, path: `checkpoints/${saved[0]}` });
          assert.deepEqual(interrupted, { event: 'interrupted', step });
        }
        const resumed = await runTrainer(job);
        assert.ok(resumed.events[0]?.event === 'started' && resumed.events[0].resumedFrom === step);
        assert.equal(modelDigest(job.output), whole);
      });
    }
  });

  it('stops without writing when another execution takes over', async (t) => {
    const root = temporaryFolder(t);
    const job = pretrainJob(root, 'fenced', writeByteTokenizer(join(root, 'tokenizer')), 2000);
    const ended = await startTrainer(job, (event) => {
      if (event.event === 'metrics' && event.step === 3)
        writeFileSync(job.lease.path, JSON.stringify({ token: 'theirs' }));
    }).ended;
    assert.equal(ended.code, 1);
    assert.equal(failure(ended).kind, 'fenced');
    assert.match(failure(ended).message, /taken over the lease .*lease\.json: this one stops/);
    assert.deepEqual(
      [existsSync(join(job.output, 'model')), existsSync(join(job.output, 'checkpoints'))],
      [false, false],
    );
    const again = await startTrainer(job).ended;
    assert.deepEqual([again.code, failure(again).kind], [1, 'fenced']);
  });

  it('says that training diverged instead of going on with NaN', async (t) => {
    const root = temporaryFolder(t);
    const job = pretrainJob(root, 'diverged', writeByteTokenizer(join(root, 'tokenizer')), 20);
    Object.assign(job.recipe, { lr: 1e30, minLr: 1e30, clip: 0 });
    const ended = await startTrainer(job).ended;
    assert.deepEqual([ended.code, failure(ended).kind], [1, 'diverged']);
    assert.match(failure(ended).message, /became (NaN|Infinity) at step \d+: training diverged/);
    assert.equal(failure(ended).step, ended.events.filter(({ event }) => event === 'metrics').length);
  });

  it('refuses what is no job, with the reason', async (t) => {
    const root = temporaryFolder(t);
    const write = (name: string, text: string) => {
      writeFileSync(join(root, name), text);
      return join(root, name);
    };
    const base = pretrainJob(root, 'base', writeByteTokenizer(join(root, 'tokenizer')), 2);
    const uneven = { ...base, recipe: { ...base.recipe, steps: 3 } };
    const orphan = cptJob(root, 'orphan', join(root, 'nowhere'), 2);
    const cases: [string, string, RegExp][] = [
      [join(root, 'missing.json'), 'bad-job', /missing\.json cannot be read as a job: ENOENT/],
      [write('text.json', 'steps: 3'), 'bad-job', /text\.json cannot be read as a job: Unexpected token/],
      [write('empty.json', '{}'), 'bad-job', /empty\.json: .*type/],
      [write('typo.json', JSON.stringify({ ...base, sede: 1 })), 'bad-job', /typo\.json: .*sede/],
      [
        write('uneven.json', JSON.stringify(uneven)),
        'bad-job',
        /The mixture has 8 sequences, and 3 steps of 4 take 12\./,
      ],
      [
        write('orphan.json', JSON.stringify(orphan)),
        'bad-data',
        /nowhere\/config\.json is no model that can be trained: ENOENT/,
      ],
    ];
    const results = await Promise.all(cases.map(([path]) => startTrainerAt(path).ended));
    for (const [i, [, kind, message]] of cases.entries()) {
      const ended = results[i] as Ended;
      assert.deepEqual([ended.code, failure(ended).kind, failure(ended).step], [1, kind, 0]);
      assert.match(failure(ended).message, message);
    }
  });

  it('makes a tokenizer, the same one each time', async (t) => {
    const root = temporaryFolder(t);
    const make = (name: string, recipe: object): Job => {
      const { output, placement, lease, key, address } = pretrainJob(root, name, '', 1);
      const job = {
        contract: 1,
        type: 'tokenizer',
        key,
        address,
        attempt: 1,
        seed: 1,
        recipe,
        inputs: { data: {} },
        output,
        placement,
        lease,
      };
      return job as Job;
    };
    const bpe = {
      kind: 'bpe',
      vocab: 300,
      characters: 5000,
      data: [{ name: 'web', part: 'text', source: generated('stories') }],
    };
    const [first, second, bytes] = [make('first', bpe), make('second', bpe), make('bytes', { kind: 'bytes' })];
    const all = await Promise.all([first, second, bytes].map(runTrainer));
    const done = all.map(({ events }) => events.at(-1));
    assert.ok(done[0]?.event === 'done' && done[2]?.event === 'done');
    assert.deepEqual([done[0].model, done[0].facts.vocab, done[2].facts.vocab], ['model', 300, 257]);
    const text = (job: Job) => readFileSync(join(job.output, 'model', 'tokenizer.json'), 'utf8');
    assert.equal(text(first), text(second));
    const config = JSON.parse(readFileSync(join(first.output, 'model', 'tokenizer_config.json'), 'utf8'));
    assert.deepEqual(
      [config.tokenizer_class, config.eos_token, config.bos_token],
      ['PreTrainedTokenizerFast', '<|endoftext|>', null],
    );
    assert.match(config.chat_template, /Human: /);
  });
});
