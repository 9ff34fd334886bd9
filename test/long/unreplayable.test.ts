import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { NativeConnection, Worker } from '@temporalio/worker';
import { configuredServer, connectClient } from '../../cli/connect.ts';
import { type LineageHandle, lineageEnd, lineageStatus } from '../../cli/lineages.ts';
import type { Plan } from '../../planner/plan.ts';
import { pauseSignal, unpauseSignal } from '../../workflows/messages.ts';
import { type TestHome, testHome, until } from '../fixtures/home.ts';
import { smallPlan } from '../fixtures/plans.ts';
import { testServer } from '../fixtures/server.ts';

test('a lineage whose history its code would not do again begins anew, and nobody need notice', async (t) => {
  const server = await testServer(['system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute=2']);
  t.after(() => server.stop());
  const home = await testHome();
  t.after(() => home.remove());
  home.settings.searchAttributes = false;
  home.env.TEMPORAL_ADDRESS = server.address;
  const configured = configuredServer({ config: home.config, file: null }, home.env);
  assert.ok(configured);
  const connected = await connectClient(configured);
  t.after(() => connected.close());
  const newest = (): LineageHandle => connected.client.workflow.getHandle(handle.workflowId);
  const plan: Plan = smallPlan('replayed', [
    { address: 'tokenizer:replayed', type: 'tokenizer' },
    { address: 'replayed', needs: ['tokenizer:replayed'] },
  ]);

  const handle = await home.run(connected, plan);
  await beginByOtherCode(server.address, home.settings.queue, async () => {
    const { events } = await handle.fetchHistory();
    return events?.some((event) => event.timerStartedEventAttributes) === true;
  });
  const { runId } = await handle.describe();
  for (const signal of [pauseSignal, unpauseSignal, pauseSignal]) await handle.signal(signal);
  startWorker(t, home);

  await until(async () => (await newest().describe()).runId !== runId, 'it has begun anew');
  await until(async () => (await lineageStatus(newest(), plan)).pace === 'paused', 'it knows what it was told');
  const end = lineageEnd(handle);
  await newest().signal(unpauseSignal);
  assert.equal((await end).state, 'done');
  assert.equal(home.executions('replayed'), 1);
  const { events } = await connected.client.workflow.getHandle(handle.workflowId, runId).fetchHistory();
  const { reason } = events?.at(-1)?.workflowExecutionTerminatedEventAttributes ?? {};
  assert.match(reason ?? '', /could not be replayed/);
});

/** Serves a queue with workflows that are not Descent's until `isBegun`. */
async function beginByOtherCode(address: string, taskQueue: string, isBegun: () => Promise<boolean>): Promise<void> {
  const connection = await NativeConnection.connect({ address });
  const workflowsPath = fileURLToPath(new URL('../fixtures/other-workflows.js', import.meta.url));
  const worker = await Worker.create({ connection, taskQueue, workflowsPath });
  await worker.runUntil(until(isBegun, 'other code has begun it'));
  await connection.close();
}

function startWorker(t: TestContext, home: TestHome): ChildProcess {
  const program = fileURLToPath(new URL('../fixtures/worker.js', import.meta.url));
  const worker = spawn(process.execPath, [program, home.home, home.folder], {
    env: home.env,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  t.after(async () => {
    worker.stdin?.end();
    await once(worker, 'close');
  });
  return worker;
}
