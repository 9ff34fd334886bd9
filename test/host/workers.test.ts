import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { isRunning, recordProcess } from '../../activities/processes.ts';
import { type ConnectedClient, configuredServer, connectClient, workersOn } from '../../cli/connect.ts';
import { lineageEnd, lineageStatus } from '../../cli/lineages.ts';
import { runQuery } from '../../results/query.ts';
import { findArtifact, inspectNode, verifyArtifact } from '../../store/artifact.ts';
import { attemptFolder } from '../../store/home.ts';
import { nodeWorkflowId } from '../../workflows/names.ts';
import { startWorker, type TestHome, testHome, until } from '../fixtures/home.ts';
import { smallPlan } from '../fixtures/plans.ts';
import { relayTo } from '../fixtures/relay.ts';
import { type TestServer, testServer } from '../fixtures/server.ts';

/*
 * A Temporal server that the environment names, with limits so low that lineages have to continue as new, and workers
 * that come and go.
 */

let server: TestServer;
let home: TestHome;
let connected: ConnectedClient;
const workers: ChildProcess[] = [];

before(async () => {
  server = await testServer(['limit.historyCount.suggestContinueAsNew=40']);
  home = await testHome({ heartbeatSeconds: 2, stopSeconds: 5 });
  // This server has none of Descent's search attributes.
  home.settings.searchAttributes = false;
  home.env.TEMPORAL_ADDRESS = server.address;
  const configured = configuredServer({ config: home.config, file: null }, home.env);
  assert.ok(configured);
  assert.equal(configured.source, 'TEMPORAL_ADDRESS');
  connected = await connectClient(configured);
});

after(async () => {
  await connected?.close();
  for (const worker of workers) worker.stdin?.end();
  await home.nothingLeft();
  await server.stop();
  await home.remove();
});

describe('workers on a server of one’s own', () => {
  test('are seen on their queues', async () => {
    assert.equal(await workersOn(connected, 'descent', 'workflow'), 0);
    await serve('lineages');
    await until(async () => (await workersOn(connected, 'descent', 'workflow')) === 1, 'it serves lineages');
    assert.equal(await workersOn(connected, 'descent-cpu', 'activity'), 0);
    await serve('devices');
    await until(async () => (await workersOn(connected, 'descent-cpu', 'activity')) === 1, 'it serves a device');
    assert.equal(await workersOn(connected, 'descent', 'workflow'), 1);
  });

  test('run a lineage over several continued histories, each node once', async () => {
    /*  tokenizer ─▶ 6 models, each evaluated; one of them fails  */
    const models = Array.from({ length: 6 }, (_, at) => `model${at}`);
    const plan = smallPlan('long', [
      { address: 'tokenizer:long', type: 'tokenizer' },
      ...models.map((address) => ({ address, needs: ['tokenizer:long'] })),
      ...models.map((address) => ({ address: `${address}/heldout`, type: 'evaluate' as const, needs: [address] })),
    ]);
    for (const { address } of plan.nodes) home.steer(address, { steps: 1 });
    home.steer('model3', { failAt: 1, kind: 'diverged' });
    home.settings.window = 4;
    const handle = await home.run(connected, plan);
    const first = (await handle.describe()).runId;
    assert.deepEqual(await lineageEnd(handle), {
      state: 'failed',
      message: '1 of 13 nodes failed, and 1 could not run because of them',
    });
    assert.notEqual((await connected.client.workflow.getHandle(handle.workflowId).describe()).runId, first);
    const { counts, nodes } = await lineageStatus(connected.client.workflow.getHandle(handle.workflowId), plan);
    assert.deepEqual(counts, { waiting: 0, running: 0, done: 11, reused: 0, failed: 1, blocked: 1 });
    assert.equal(nodes[4]?.failure?.kind, 'diverged', 'failures are carried over');
    for (const { address } of plan.nodes) {
      assert.equal(home.executions(address), address === 'model3/heldout' ? 0 : 1, address);
    }
    for await (const { workflowId, runId } of connected.client.workflow.list()) {
      const history = await connected.client.workflow.getHandle(workflowId, runId).fetchHistory();
      assert.ok(largestPayload(history) < 64 * 1024, `a payload of ${workflowId} has ${largestPayload(history)} bytes`);
    }
  });

  test('a worker paused past its heartbeat wakes: its trainer was ended, and its writes are fenced', async () => {
    const plan = smallPlan('still', [
      { address: 'tokenizer:still', type: 'tokenizer' },
      { address: 'still', needs: ['tokenizer:still'] },
    ]);
    home.steer('still', { steps: 5, gateAt: 3 });
    const handle = await home.run(connected, plan);
    const trainer = recordProcess(await home.atGate('still'));
    assert.ok(trainer);
    const [paused] = workers.splice(1, 1) as [ChildProcess];
    paused.kill('SIGSTOP');
    try {
      await serve('devices');
      await until(() => !isRunning(trainer), 'the trainer of the worker that stands still has ended');
      await home.atGate('still');
      home.openGate('still');
      assert.equal((await lineageEnd(handle)).state, 'done');
    } finally {
      paused.kill('SIGCONT');
    }
    const artifact = await findArtifact(home.home, plan.nodes[1]?.key ?? '');
    assert.ok(artifact);
    const published = readFileSync(join(artifact.folder, 'events.jsonl'), 'utf8');
    // Its activity is told that it was given to somebody else, and the worker goes on with other work.
    paused.stdin?.end();
    assert.deepEqual(await once(paused, 'exit'), [0, null]);
    assert.equal(readFileSync(join(artifact.folder, 'events.jsonl'), 'utf8'), published);
    assert.deepEqual(await verifyArtifact(artifact), { ok: true });
    assert.equal(artifact.attempt, 1);
    assert.equal(home.executions('still'), 2);
    const steps = published
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter(({ event }) => event === 'metrics');
    assert.deepEqual(
      steps.map(({ step }) => step),
      [1, 2, 3, 4, 5],
    );
  });

  test('hand back what they were at when they are shut down', async () => {
    const plan = smallPlan('handed', [
      { address: 'tokenizer:handed', type: 'tokenizer' },
      { address: 'handed', needs: ['tokenizer:handed'] },
    ]);
    home.steer('handed', { steps: 5, gateAt: 3 });
    const handle = await home.run(connected, plan);
    await home.atGate('handed');
    const [leaving] = workers.splice(1, 1) as [ChildProcess];
    leaving.stdin?.end();
    assert.deepEqual(await once(leaving, 'exit'), [0, null]);
    assert.deepEqual(inspectNode(home.home, plan.nodes[1]?.key ?? ''), { state: 'partial', attempt: 1, step: 2 });
    await serve('devices');
    home.openGate('handed');
    assert.equal((await lineageEnd(handle)).state, 'done');
    assert.equal(home.executions('handed'), 2);
  });

  test('success written, then the acknowledgement fails: still a success, and nothing is done twice', async () => {
    const plan = smallPlan('unheard', [
      { address: 'tokenizer:unheard', type: 'tokenizer' },
      { address: 'unheard', needs: ['tokenizer:unheard'] },
      { address: 'unheard/heldout', type: 'evaluate', needs: ['unheard'] },
    ]);
    const key = plan.nodes[1]?.key ?? '';
    const manifest = join(attemptFolder(home.home, key, 1), 'manifest.json');
    const relay = await relayTo(server, () => existsSync(manifest));
    try {
      const [direct] = workers.splice(1, 1) as [ChildProcess];
      direct.stdin?.end();
      await once(direct, 'exit');
      const unheard = await serve('devices', { TEMPORAL_ADDRESS: relay.address });
      const handle = await home.run(connected, plan);
      await until(() => relay.isCut(), 'the worker has published, and cannot say so');
      const written = readFileSync(manifest, 'utf8');
      const { pendingActivities } = await connected.client.workflow
        .getHandle(nodeWorkflowId({ key }))
        .describe()
        .then(({ raw }) => raw);
      assert.equal(pendingActivities?.length, 1, 'the server has heard of no success');
      await serve('devices');
      assert.equal((await lineageEnd(handle)).state, 'done');
      assert.equal(readFileSync(manifest, 'utf8'), written);
      assert.equal((await findArtifact(home.home, key))?.attempt, 1);
      assert.deepEqual(
        plan.nodes.map(({ address }) => home.executions(address)),
        [1, 1, 1],
      );
      const sql =
        "select attempt, count(*)::int as n from metrics join attempts using (key, attempt) where address = 'unheard' group by all";
      assert.deepEqual((await runQuery(home.home, sql, {})).rows, [[1, 3]]);
      unheard.kill('SIGKILL');
      workers.splice(workers.indexOf(unheard), 1);
    } finally {
      await relay.stop();
    }
  });
});

async function serve(serves: 'lineages' | 'devices', env: NodeJS.ProcessEnv = {}): Promise<ChildProcess> {
  const worker = await startWorker(home, { serves, env });
  workers.push(worker);
  return worker;
}

/** Bytes of the largest part of a history that is data of ours or of Temporal's: inputs, results, failures, memos. */
function largestPayload(value: unknown): number {
  if (value instanceof Uint8Array) return value.byteLength;
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (typeof value !== 'object' || value === null) return 0;
  return Math.max(0, ...Object.values(value).map(largestPayload));
}
