/** The trainer as a program: real processes, which are stopped, killed, abandoned and fenced. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawnSync } from 'node:child_process';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { TrainerEvent } from '../../schemas/types/event.ts';
import type { Job } from '../../schemas/types/job.ts';
import { validateEvent } from '../../schemas/validate.ts';
import { mixText } from '../../trainer/data/mixture.ts';
import { trainedOnText } from '../../trainer/data/trained-on.ts';
import { loadTokenizer } from '../../trainer/tokenizer/load.ts';
import {
  cptJob,
  type Ended,
  generated,
  killAfter,
  modelDigest,
  pretrainJob,
  runTrainer,
  sftJob,
  startTrainer,
  startTrainerAt,
  tiny,
  trainerProgram,
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

describe('the trainer', () => {
  let root: string;
  let tokenizer: string;
  let base: Ended;
  let tuned: Ended;
  const model = (name: string) => join(root, name, 'model');
  // Fine-tuning has enough steps that it cannot reach its end before it notices that it should stop.
  const fineTuning = (name: string) => sftJob(root, name, model('base'), 400);

  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'descent-trainer-'));
    tokenizer = writeByteTokenizer(join(root, 'tokenizer'));
    base = await runTrainer(pretrainJob(root, 'base', tokenizer, steps));
    tuned = await runTrainer(fineTuning('tuned'));
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  it('trains each stage, telling all of it in events that follow their schema', async () => {
    const mid = await runTrainer(cptJob(root, 'mid', model('base'), 6));
    const stages: [string, Ended, number][] = [
      ['base', base, steps],
      ['mid', mid, 6],
      ['tuned', tuned, 100],
    ];
    for (const [name, { events }, total] of stages) {
      for (const event of events) validateEvent(event);
      assert.deepEqual(readdirSync(model(name)).sort(), [
        'README.md',
        'ancestry.json',
        'config.json',
        'generation_config.json',
        'model.safetensors',
        'tokenizer.json',
        'tokenizer_config.json',
      ]);
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
    }
    for (const { events } of [base, mid]) {
      const done = events.at(-1);
      assert.ok(done?.event === 'done');
      assert.equal(done.tokens, done.step * 4 * 32);
      assert.equal(done.facts.trainTokens, done.tokens);
      assert.equal(done.facts.uniqueTokens, done.tokens, 'a generator never comes to its end');
      assert.ok((done.facts.unigramEntropy as number) > 1);
    }

    const recorded = (of: Ended) => of.events.flatMap((event) => (event.event === 'metrics' ? [event.data] : []));
    const bytes = await loadTokenizer(tokenizer);
    for (const [ended, job] of [
      [base, pretrainJob(root, 'again', tokenizer, steps)],
      [mid, cptJob(root, 'again', model('base'), 6)],
    ] as const) {
      const text = mixText(job.recipe.mix, bytes, tiny.context, job.seed, {});
      const wanted = recorded(ended).map(() => trainedOnText(text.take(job.recipe.batchSequences)));
      assert.deepEqual(recorded(ended), wanted, 'what each step saw can be told from the job');
    }
    for (const data of recorded(mid)) {
      const { web = [], math = [] } = data?.documents ?? {};
      assert.deepEqual([web.length, math.length], [1, 3], 'each step has its share');
    }
    const ids = recorded(tuned).map((data) => data?.problems?.math ?? []);
    const [first, second] = [ids.slice(0, 50).flat(), ids.slice(50).flat()];
    assert.deepEqual([first.length, new Set(first).size], [400, 400]);
    assert.deepEqual(first.toSorted(), second.toSorted(), 'each epoch has all problems');
    assert.notDeepEqual(first, second, 'in an order of its own');
  });

  it('refuses to fine-tune on responses that the context always cuts', async () => {
    // The same weights, for a shorter context: rotary embeddings have none.
    cpSync(model('base'), model('narrow'), { recursive: true });
    const config = join(model('narrow'), 'config.json');
    const text = readFileSync(config, 'utf8');
    writeFileSync(config, text.replace('"max_position_embeddings": 32', '"max_position_embeddings": 16'));
    const { kind, message } = failure(await startTrainer(sftJob(root, 'cut', model('narrow'), 8)).ended);
    assert.equal(kind, 'bad-data');
    assert.match(message, /^None of the 8 responses of math fits into the context of 16 tokens/);
  });

  it('ends in the same bytes and metrics after kill -9 as without, whatever the cadence of checkpoints', async () => {
    const job = pretrainJob(root, 'killed', tokenizer, steps);
    const killed = await killAfter(job, 17, 7);
    const checkpoints = join(job.output, 'checkpoints');
    // What a kill in the middle of a write leaves.
    cpSync(join(checkpoints, 'step-000014'), join(checkpoints, '.step-000015.killed.folder.tmp'), { recursive: true });
    const resumed = await runTrainer(job);
    const started = resumed.events[0];
    assert.ok(started?.event === 'started' && started.resumedFrom !== null);
    assert.ok(started.resumedFrom % 7 === 0 && started.resumedFrom >= 14);
    assert.equal(modelDigest(job.output), modelDigest(join(root, 'base')));
    for (const name of readdirSync(model('base')).filter((file) => !file.endsWith('.safetensors'))) {
      const text = readFileSync(join(model('killed'), name), 'utf8');
      assert.equal(text.replaceAll('killed', 'base'), readFileSync(join(model('base'), name), 'utf8'), name);
    }
    assert.deepEqual(standingMetrics([killed, resumed]), standingMetrics([base]));
    assert.deepEqual(resumed.events.at(-1), base.events.at(-1));
    assert.deepEqual(
      readdirSync(checkpoints).filter((name) => !name.startsWith('step-')),
      [],
    );
  });

  const requests: [string, string, (child: ChildProcess) => void][] = [
    ['terminated', 'by SIGTERM', (child) => child.kill('SIGTERM')],
    ['orphaned', 'by the death of its parent', (child) => child.stdin?.end()],
    ['unread', 'by nobody reading its events', (child) => child.stdout?.destroy()],
  ];
  for (const [name, how, request] of requests) {
    it(`asked to stop ${how}, saves and leaves, and ends in the same bytes when started again`, async () => {
      const job = fineTuning(name);
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
        const [checkpoint, memory, interrupted] = stopped.events.slice(-3);
        assert.deepEqual(checkpoint, { event: 'checkpoint', step, path: `checkpoints/${saved[0]}` });
        assert.equal(memory?.event, 'memory');
        assert.deepEqual(interrupted, { event: 'interrupted', step });
      }
      const resumed = await runTrainer(job);
      assert.ok(resumed.events[0]?.event === 'started' && resumed.events[0].resumedFrom === step);
      assert.equal(modelDigest(job.output), modelDigest(join(root, 'tuned')));
    });
  }

  it('stops without writing when another execution takes over', async () => {
    const job = pretrainJob(root, 'fenced', tokenizer, 2000);
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

  it('says that training diverged instead of going on with NaN', async () => {
    const job = pretrainJob(root, 'diverged', tokenizer, 20);
    Object.assign(job.recipe, { lr: 1e30, minLr: 1e30, clip: 0 });
    const ended = await startTrainer(job).ended;
    assert.deepEqual([ended.code, failure(ended).kind], [1, 'diverged']);
    assert.match(failure(ended).message, /became (NaN|Infinity) at step \d+: training diverged/);
    assert.equal(failure(ended).step, ended.events.filter(({ event }) => event === 'metrics').length);
  });

  it('fails when its events cannot be written', { skip: process.platform !== 'linux' }, () => {
    const job = fineTuning('unwritable');
    writeFileSync(join(job.output, 'job.json'), JSON.stringify(job));
    const full = openSync('/dev/full', 'w');
    const { status, stderr } = spawnSync(
      process.execPath,
      [trainerProgram, join(job.output, 'job.json'), '--detached'],
      {
        stdio: ['ignore', full, 'pipe'],
        encoding: 'utf8',
      },
    );
    closeSync(full);
    assert.equal(status, 1);
    assert.match(stderr, /disk-full: ENOSPC: no space left on device, write\. Free some space/);
    assert.ok(!existsSync(join(job.output, 'model')));
  });

  it('refuses an option that there is not, and more than one job', () => {
    const job = pretrainJob(root, 'misspelt', tokenizer, 2);
    const path = join(job.output, 'job.json');
    writeFileSync(path, JSON.stringify(job));
    const usage = 'Start the trainer with the path of one job file, and perhaps --detached';
    for (const [args, message] of [
      [[path, '--detatched'], `${usage}: Unknown option '--detatched'`],
      [[path, path], `${usage}.`],
      [[], `${usage}.`],
    ] as const) {
      const { status, stdout } = spawnSync(process.execPath, [trainerProgram, ...args], {
        stdio: ['ignore', 'pipe', 'pipe'],
        encoding: 'utf8',
      });
      const event = JSON.parse(stdout);
      assert.deepEqual([status, event.event, event.kind], [1, 'failed', 'bad-job']);
      assert.ok(event.message.startsWith(message), event.message);
    }
    assert.ok(!existsSync(join(job.output, 'model')));
  });

  it('refuses what is no job, with the reason', async () => {
    const write = (name: string, text: string) => {
      writeFileSync(join(root, name), text);
      return join(root, name);
    };
    const good = pretrainJob(root, 'good', tokenizer, 2);
    const uneven = { ...good, recipe: { ...good.recipe, steps: 3 } };
    const odd = { ...good, recipe: { ...good.recipe, architecture: { ...tiny, hidden: 20 } } };
    const orphan = cptJob(root, 'orphan', join(root, 'nowhere'), 2);
    const cases: [string, string, RegExp][] = [
      [join(root, 'missing.json'), 'bad-job', /missing\.json cannot be read as a job: ENOENT/],
      [write('text.json', 'steps: 3'), 'bad-job', /text\.json cannot be read as a job: Unexpected token/],
      [write('typo.json', JSON.stringify({ ...good, sede: 1 })), 'bad-job', /typo\.json: .*sede/],
      [
        write('uneven.json', JSON.stringify(uneven)),
        'bad-job',
        /The mixture has 8 sequences, and 3 steps of 4 take 12\./,
      ],
      [
        write('odd.json', JSON.stringify(odd)),
        'bad-job',
        /good: 4 heads do not divide a hidden size of 20 into even parts\./,
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

  it('makes a tokenizer that loads', async () => {
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
    const [learned, bytes] = [make('learned', bpe), make('bytes', { kind: 'bytes' })];
    const all = await Promise.all([learned, bytes].map(runTrainer));
    const done = all.map(({ events }) => events.at(-1));
    assert.ok(done[0]?.event === 'done' && done[1]?.event === 'done');
    assert.deepEqual([done[0].model, done[0].facts.vocab, done[1].facts.vocab], ['model', 300, 257]);
    assert.equal((await loadTokenizer(join(learned.output, 'model'))).vocab, 300);
    const config = JSON.parse(readFileSync(join(bytes.output, 'model', 'tokenizer_config.json'), 'utf8'));
    assert.deepEqual(
      [config.tokenizer_class, config.eos_token, config.bos_token],
      ['PreTrainedTokenizerFast', '<|endoftext|>', null],
    );
    assert.match(config.chat_template, /Human: /);
  });
});
