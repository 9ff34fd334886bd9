import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { NativeConnection, Worker } from '@temporalio/worker';
import { holdActivities, isRunningWorkflow } from '../../activities/holds.ts';
import { planReader } from '../../activities/plans.ts';
import { type ConnectedClient, configuredServer, connectClient } from '../../cli/connect.ts';
import { type LineageHandle, lineageEnd, lineageStatus } from '../../cli/lineages.ts';
import { planDigest } from '../../planner/key.ts';
import type { Plan, PlanNode } from '../../planner/plan.ts';
import { pauseSignal, unpauseSignal } from '../../workflows/messages.ts';
import { nodeWorkflowId } from '../../workflows/names.ts';
import { startWorker, type TestHome, testHome, until } from '../fixtures/home.ts';
import { smallPlan } from '../fixtures/plans.ts';
import { type TestServer, testServer } from '../fixtures/server.ts';

/*
 * Lineages whose history Descent's code would not do again, as other code has begun it, are taken up by a worker.
 */

let server: TestServer;
let home: TestHome;
let connected: ConnectedClient;

before(async () => {
  server = await testServer(['system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute=2']);
  home = await testHome();
  home.settings.searchAttributes = false;
  home.env.TEMPORAL_ADDRESS = server.address;
  const configured = configuredServer({ config: home.config, file: null }, home.env);
  assert.ok(configured);
  connected = await connectClient(configured);
});

after(async () => {
  await connected?.close();
  await home.nothingLeft();
  await server.stop();
  await home.remove();
});

test('it begins anew with all that it was told, lets go of what it held, and who waited for its end waits on', async () => {
  const plan = smallPlan('replayed', [
    { address: 'tokenizer:replayed', type: 'tokenizer' },
    { address: 'replayed', needs: ['tokenizer:replayed'] },
  ]);
  const tokenizer = await startWorker(home);
  const [first] = plan.nodes as [PlanNode];
  assert.equal((await lineageEnd(await home.run(connected, { ...plan, nodes: [first] }))).state, 'done');
  await end(tokenizer);

  home.steer('replayed', { steps: 5, gateAt: 3 });
  const { handle, newest, runId } = await beginByOtherCode(plan);
  await hold(plan, handle.workflowId, 1);
  for (const signal of [pauseSignal, unpauseSignal, pauseSignal]) await handle.signal(signal);
  const worker = await startWorker(home);
  await home.atGate('replayed');
  await until(async () => (await newest().describe()).runId !== runId, 'it has begun anew');
  await until(async () => (await lineageStatus(newest(), plan)).pace === 'paused', 'it knows what it was told');
  const node = connected.client.workflow.getHandle(nodeWorkflowId(plan.nodes[1] as PlanNode));
  await until(async () => !(await isRunningWorkflow(node)), 'its training has stopped');

  const ended = lineageEnd(handle);
  home.openGate('replayed');
  await newest().signal(unpauseSignal);
  assert.equal((await ended).state, 'done');
  assert.equal(home.executions('replayed'), 2);
  const { events } = await connected.client.workflow.getHandle(handle.workflowId, runId).fetchHistory();
  const { reason } = events?.at(-1)?.workflowExecutionTerminatedEventAttributes ?? {};
  assert.match(reason ?? '', /could not be replayed/);
  await end(worker);
});

test('one that was cancelled meanwhile is', async () => {
  const plan = smallPlan('revoked', [{ address: 'tokenizer:revoked', type: 'tokenizer' }]);
  const { handle, newest, runId } = await beginByOtherCode(plan);
  await handle.cancel();
  const worker = await startWorker(home);
  await until(async () => (await newest().describe()).runId !== runId, 'it has begun anew');
  assert.deepEqual(await lineageEnd(newest()), { state: 'cancelled' });
  await end(worker);
});

/** Runs a plan for as long as it takes workflows that are not Descent's to begin it. */
async function beginByOtherCode(plan: Plan) {
  const handle = await home.run(connected, plan);
  const connection = await NativeConnection.connect({ address: server.address });
  const workflowsPath = fileURLToPath(new URL('../fixtures/other-workflows.js', import.meta.url));
  const worker = await Worker.create({ connection, taskQueue: home.settings.queue, workflowsPath });
  const isBegun = async () =>
    (await handle.fetchHistory()).events?.some((event) => event.timerStartedEventAttributes) === true;
  await worker.runUntil(until(isBegun, 'other code has begun it'));
  await connection.close();
  const newest = (): LineageHandle => connected.client.workflow.getHandle(handle.workflowId);
  return { handle, newest, runId: (await newest().describe()).runId };
}

/** Asks for a training in the name of a lineage. */
async function hold(plan: Plan, lineage: string, index: number): Promise<void> {
  const { requestNodes } = holdActivities(home.home, planReader(home.home), () => connected.client);
  const digest = planDigest(plan);
  await requestNodes({ planDigest: digest, indexes: [index], lineage, settings: home.settings, unlessRunning: false });
}

async function end(worker: ChildProcess): Promise<void> {
  worker.stdin?.end();
  await once(worker, 'close');
}
