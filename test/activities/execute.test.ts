import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ActivityCancellationDetails } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { followEvents, outputPath } from '../../activities/events.ts';
import { executeActivity } from '../../activities/execute.ts';
import type { ExecuteOptions } from '../../activities/execution.ts';
import { preparation } from '../../activities/prepare.ts';
import type { TrainerEnd, TrainerStart } from '../../activities/trainer.ts';
import type { Plan, PlanNode } from '../../planner/plan.ts';
import { withDatabase } from '../../results/database.ts';
import { ingestAttempt } from '../../results/ingest.ts';
import { findArtifact, inspectNode, publish } from '../../store/artifact.ts';
import { digestOf } from '../../store/digest.ts';
import { attemptFolder, keyFolder } from '../../store/home.ts';
import type { Artifact } from '../../store/inspect.ts';
import { listShared } from '../../store/remote/index.ts';
import { shareArtifact } from '../../store/remote/share.ts';
import { smallPlan } from '../fixtures/plans.ts';
import { makePlan } from '../results/lineage.ts';
import { memoryStorage } from '../store/memory-bucket.ts';
import { begun, temporaryHome } from '../store/support.ts';

/* Larger than what is hashed whenever an artifact is looked at, so that only the execution can find it. */
test('what was made from a parent that rotted is not published, not even kept', async (t) => {
  const home = await temporaryHome(t);
  const plan = makePlan({ seeds: [1], replay: ['0%'] });
  const [tokenizer, base] = ['tokenizer:words', 'base@seed=1'].map((address) => nodeAt(plan.nodes, address));
  await publishModel(home, tokenizer as PlanNode, Buffer.alloc(100_000));
  const index = plan.nodes.indexOf(base as PlanNode);
  const { key } = base as PlanNode;
  const run = (rot: boolean) =>
    execute(home, plan, index, (start) =>
      trainAtOnce(start, rot ? () => rotten(home, tokenizer as PlanNode) : async () => undefined),
    );

  await assert.rejects(run(true), {
    type: 'no-parent',
    message: /its tokenizer, [0-9a-f]{12}, is damaged: .*was changed/,
  });
  assert.equal(inspectNode(home, (tokenizer as PlanNode).key).state, 'damaged');
  assert.equal(await findArtifact(home, key), undefined);
  assert.deepEqual((await readdir(attemptFolder(home, key, 1))).sort(), ['claims', 'failure.json', 'lease.json']);

  await publishModel(home, tokenizer as PlanNode, Buffer.alloc(100_000));
  assert.deepEqual(await run(false), { attempt: 1 });
  assert.equal((await findArtifact(home, key))?.attempt, 1);
});

test('what is to stop hashes no parents any more, and publishes only where that is soon done', async (t) => {
  const home = await temporaryHome(t);
  const plan = makePlan({ seeds: [1], replay: ['0%'] });
  const [tokenizer, base] = ['tokenizer:words', 'base@seed=1'].map((address) => nodeAt(plan.nodes, address));
  const stop = async (node: PlanNode, stopSeconds: number, before = async (): Promise<void> => undefined) => {
    const environment = new MockActivityEnvironment();
    const start = (start: TrainerStart) =>
      trainAtOnce(start, async () => {
        await before();
        environment.cancel('WORKER_SHUTDOWN', new ActivityCancellationDetails({ workerShutdown: true }));
      });
    return await execute(home, plan, plan.nodes.indexOf(node), start, { environment, stopSeconds });
  };

  await assert.rejects(stop(tokenizer as PlanNode, 0), { type: 'stopped', nonRetryable: false });
  assert.equal(inspectNode(home, (tokenizer as PlanNode).key).state, 'partial');
  assert.deepEqual(await stop(tokenizer as PlanNode, 30), { attempt: 1 }, 'what a trainer has finished counts');

  const words = tokenizer as PlanNode;
  await rm(keyFolder(home, words.key), { recursive: true });
  await publishModel(home, words, Buffer.alloc(100_000));
  await assert.rejects(
    stop(base as PlanNode, 30, () => rotten(home, words)),
    { type: 'stopped' },
  );
  assert.equal(inspectNode(home, words.key).state, 'done', 'nobody has read all of it');
});

test('a trainer whose events were cut off has run out of disk, and is tried again', async (t) => {
  const home = await temporaryHome(t);
  const plan = makePlan({ seeds: [1], replay: ['0%'] });
  const index = plan.nodes.indexOf(nodeAt(plan.nodes, 'tokenizer:words'));
  const started = '{"event":"started","resumedFrom":null,"steps":1,"device":"cpu","engine":"none"}\n';
  const end = (text: string, how: Pick<TrainerEnd, 'code' | 'signal'>) =>
    execute(home, plan, index, (start) => trainerThatSays(start, started + text, how));
  const [gone, killed] = [
    { code: 1, signal: null },
    { code: null, signal: 'SIGKILL' },
  ] as const;
  const full = {
    type: 'disk-full',
    nonRetryable: false,
    message: /the disk is full, and its trainer's events were cut/,
  };

  await assert.rejects(end('{"event":"progress","step":1,"va{"event":"metrics","step":1}\n', gone), full);
  await assert.rejects(end('{"event":"progress","step":1,"va', gone), full);
  await assert.rejects(end('{"event":"progress","step":1,"va', killed), { type: 'killed' });
  await assert.rejects(end('', gone), { type: 'killed' });
  await assert.rejects(end('Epoch 1\n', gone), { type: 'bad-events', nonRetryable: true });
});

test('trainings side by side have a GPU each, and one that is free is had again', async (t) => {
  const home = await temporaryHome(t);
  const plan = makePlan({ seeds: [1, 2, 3], replay: ['0%'] });
  await publishModel(home, nodeAt(plan.nodes, 'tokenizer:words'), Buffer.alloc(10));
  const seen: string[] = [];
  let together = (): void => undefined;
  const bothStarted = new Promise<void>((resolve) => {
    together = resolve;
  });
  const start = (start: TrainerStart) =>
    trainAtOnce(start, async () => {
      seen.push(start.env?.CUDA_VISIBLE_DEVICES ?? 'none');
      if (seen.length === 2) together();
      await bothStarted;
    });
  const activity = activityFor(home, plan, start, { gpu: { threads: 1, gpus: ['GPU-a', 'GPU-b'] } });
  const run = (seed: number, device: string) => {
    const index = plan.nodes.indexOf(nodeAt(plan.nodes, `base@seed=${seed}`));
    return new MockActivityEnvironment().run(activity, { planDigest: '', index, device });
  };

  await Promise.all([run(1, 'gpu'), run(2, 'gpu')]);
  assert.deepEqual(seen.sort(), ['GPU-a', 'GPU-b']);
  const made = await findArtifact(home, nodeAt(plan.nodes, 'base@seed=1').key);
  assert.equal(made?.provenance.hardware, 'NVIDIA H200', 'what its trainer said that it has is on record');
  await run(3, 'gpu');
  assert.equal(seen[2], 'GPU-a');
  await rm(keyFolder(home, nodeAt(plan.nodes, 'base@seed=3').key), { recursive: true });
  await run(3, 'cpu');
  assert.equal(seen[3], 'none');
});

test('a trainer that a library of its device ended is told by its last words', async (t) => {
  const home = await temporaryHome(t);
  const plan = makePlan({ seeds: [1], replay: ['0%'] });
  const index = plan.nodes.indexOf(nodeAt(plan.nodes, 'tokenizer:words'));
  const end = (signal: NodeJS.Signals, ...lastLines: string[]) =>
    execute(home, plan, index, (start) => trainerThatSays(start, '', { code: null, signal, lastLines }));
  const fatal = 'F0000 cuda_executor.cc:1] could not synchronize on CUDA context: CUDA_ERROR_ECC_UNCORRECTABLE';

  await assert.rejects(end('SIGABRT', fatal, 'Aborted'), {
    type: 'device-lost',
    message: `tokenizer:words: its trainer was killed by SIGABRT: ${fatal}`,
  });
  await assert.rejects(end('SIGABRT', 'failed to allocate 2.0GiB: CUDA_ERROR_OUT_OF_MEMORY', fatal), {
    type: 'out-of-memory',
  });
  await assert.rejects(end('SIGABRT', 'Aborted'), { type: 'killed' });
  await assert.rejects(end('SIGKILL', fatal), { type: 'killed' });
});

test('data that cannot be prepared leaves why in the record of its attempt, and in the tables, until it can be', async (t) => {
  const home = await temporaryHome(t);
  const path = join(home, 'web.jsonl');
  const text = '{"text":"one"}\n{"text":"two"}\n';
  const plan = smallPlan('small', [
    { address: 'data:web', type: 'data', files: [{ path, digest: digestOf(Buffer.from(text)) }] },
  ]);
  const [node] = plan.nodes as [PlanNode];
  const prepare = () => execute(home, plan, 0, () => assert.fail('no trainer is started'));
  await assert.rejects(prepare(), { type: 'bad-data', message: `data:web: ${path} is gone; ${again}` });

  const folder = attemptFolder(home, node.key, 1);
  assert.deepEqual(
    (await readFile(join(folder, 'events.jsonl'), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
    [preparation, { event: 'failed', kind: 'bad-data', message: `${path} is gone; ${again}`, step: 0 }],
  );
  await withDatabase(home, 'write', async (connection) => {
    await ingestAttempt(connection, { node, manifest: null, folder });
    const found = await connection.runAndReadAll('SELECT state, failure, message FROM attempts');
    assert.deepEqual(found.getRows(), [['failed', 'bad-data', `${path} is gone; ${again}`]]);
  });

  await writeFile(path, text);
  assert.deepEqual(await prepare(), { attempt: 1 });
  assert.equal(existsSync(join(folder, 'events.jsonl')), false);
});

const again = 'run the lineage again, and its data gets another key';

function nodeAt(nodes: readonly PlanNode[], address: string): PlanNode {
  const node = nodes.find((one) => one.address === address);
  assert.ok(node, `${address} is a node`);
  return node;
}

async function publishModel(home: string, node: PlanNode, weights: Buffer, from = 1): Promise<void> {
  const attempt = await begun(home, node, from);
  await mkdir(join(attempt.folder, 'model'));
  await writeFile(join(attempt.folder, 'model', 'tokenizer.json'), weights);
  const at = new Date(0).toISOString();
  await publish(attempt, {
    type: node.type,
    address: node.address,
    preimage: node.preimage,
    parents: node.parents,
    model: 'model',
    facts: {},
    provenance: { engine: 'none', device: 'cpu', startedAt: at, finishedAt: at, executions: attempt.executions },
  });
}

async function rotten(home: string, { key }: PlanNode): Promise<void> {
  const artifact = await findArtifact(home, key);
  await writeFile(join(artifact?.folder ?? '', 'model', 'tokenizer.json'), Buffer.alloc(100_000, 1));
}

test('a program of one’s own trains what names it, where temporal.config has it, and nothing else', async (t) => {
  const home = await temporaryHome(t);
  const plan = makePlan({ seeds: [1], replay: ['0%'] });
  await publishModel(home, nodeAt(plan.nodes, 'tokenizer:words'), Buffer.alloc(1000));
  const base = nodeAt(plan.nodes, 'base@seed=1');
  Object.assign(base.recipe, { engine: 'command/mine' });
  const started: string[][] = [];
  const execution = (commands: ExecuteOptions['commands']) => {
    const start = (given: TrainerStart) => {
      started.push(given.command);
      return trainAtOnce(given, async () => undefined);
    };
    const activity = activityFor(home, plan, start, {}, 1, commands);
    return new MockActivityEnvironment().run(activity, {
      planDigest: '',
      index: plan.nodes.indexOf(base),
      device: 'cpu',
    });
  };
  await assert.rejects(execution({ other: ['other'] }), {
    type: 'no-trainer',
    message: "base@seed=1: `engines` of this worker's temporal.config does not name `mine`, which is to train it",
    nonRetryable: true,
  });
  // Nobody else would know: there is no trainer that says why.
  const message = "`engines` of this worker's temporal.config does not name `mine`, which is to train it";
  const failed = { state: 'partial', attempt: 1, step: null, failure: { kind: 'no-trainer', message } };
  assert.deepEqual(inspectNode(home, base.key), failed);
  assert.deepEqual(await execution({ mine: ['/srv/mine', '--fast'] }), { attempt: 1 });
  assert.equal(inspectNode(home, base.key).state, 'done');
  assert.deepEqual(started, [['/srv/mine', '--fast']]);
});

test('what goes on from a forced node starts from the new attempt, though another host made it and here is the one before', async (t) => {
  const [home, other] = [await temporaryHome(t), await temporaryHome(t)];
  const bucket = memoryStorage().bucket();
  const storage = { bucket, cache: undefined, lately: () => listShared(bucket) };
  const plan = makePlan({ seeds: [1], replay: ['0%'] });
  const [tokenizer, base] = ['tokenizer:words', 'base@seed=1'].map((address) => nodeAt(plan.nodes, address)) as [
    PlanNode,
    PlanNode,
  ];
  const forced = { ...plan, nodes: plan.nodes.map((node) => (node === tokenizer ? { ...node, attempt: 2 } : node)) };
  await publishModel(home, tokenizer, Buffer.alloc(100_000));
  await publishModel(other, tokenizer, Buffer.alloc(100_000), 2);
  await shareArtifact(bucket, (await findArtifact(other, tokenizer.key)) as Artifact);
  let asked = '';
  const start = async (given: TrainerStart) => {
    asked = await readFile(given.jobPath, 'utf8');
    return await trainAtOnce(given, async () => undefined);
  };
  const execution = activityFor(home, forced, start, {}, 1, {}, storage);
  const index = plan.nodes.indexOf(base);
  assert.deepEqual(await new MockActivityEnvironment().run(execution, { planDigest: '', index, device: 'cpu' }), {
    attempt: 1,
  });
  assert.ok(asked.includes(attemptFolder(home, tokenizer.key, 2)), asked);
});

/** Executes a node of a plan with a trainer that is none. */
function execute(
  home: string,
  plan: Plan,
  index: number,
  start: NonNullable<ExecuteOptions['start']>,
  { environment = new MockActivityEnvironment(), stopSeconds = 1 } = {},
): Promise<{ attempt: number }> {
  return environment.run(activityFor(home, plan, start, {}, stopSeconds), { planDigest: '', index, device: 'cpu' });
}

function activityFor(
  home: string,
  plan: Plan,
  start: NonNullable<ExecuteOptions['start']>,
  devices: ExecuteOptions['devices'],
  stopSeconds = 1,
  commands: ExecuteOptions['commands'] = {},
  storage: ExecuteOptions['storage'] = undefined,
) {
  return executeActivity({
    home,
    storage,
    plans: { plan: async () => plan, node: async (_, place) => plan.nodes[place] as PlanNode },
    trainer: [],
    engines: [],
    commands,
    devices,
    stopSeconds,
    start,
  });
}

/** A trainer that says something and ends. */
async function trainerThatSays(
  { folder, execution, onEvent }: TrainerStart,
  text: string,
  how: Pick<TrainerEnd, 'code' | 'signal'> & Partial<Pick<TrainerEnd, 'lastLines'>>,
) {
  await writeFile(outputPath(folder, execution), text);
  const said = followEvents(folder, execution, Promise.resolve(), onEvent);
  said.catch(() => undefined);
  return {
    process: null,
    stop: () => undefined,
    ended: said.then((all) => ({ said: all, lastLines: [], ...how })),
  };
}

/** A trainer that is done at once; `before` happens after it was started and before it reads its parents. */
async function trainAtOnce({ folder, execution, onEvent }: TrainerStart, before: () => Promise<void>) {
  await before();
  await mkdir(join(folder, 'model'), { recursive: true });
  await writeFile(join(folder, 'model', 'config.json'), '{}');
  const events = [
    { event: 'started', resumedFrom: null, steps: 1, device: 'gpu', hardware: 'NVIDIA H200', engine: 'none' },
    { event: 'done', step: 1, tokens: 1, model: 'model', facts: {} },
  ];
  await writeFile(outputPath(folder, execution), events.map((event) => `${JSON.stringify(event)}\n`).join(''));
  const said = followEvents(folder, execution, Promise.resolve(), onEvent);
  return {
    process: null,
    stop: () => undefined,
    ended: said.then((all) => ({ said: all, code: 0, signal: null, lastLines: [] })),
  };
}
