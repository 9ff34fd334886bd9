import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { after, before, describe, type TestContext, test } from 'node:test';
import { type ConnectedClient, configuredServer, connectClient } from '../../cli/connect.ts';
import { cancelLineage, type LineageHandle, lineageEnd, lineageStatus } from '../../cli/lineages.ts';
import { runQuery } from '../../results/query.ts';
import { startWorker, type TestHome, testHome, until } from '../fixtures/home.ts';
import { smallPlan } from '../fixtures/plans.ts';
import { type TestServer, testServer } from '../fixtures/server.ts';
import { startScript } from '../store/support.ts';

/*
 * Lineages while somebody has the results open, on a server with limits so low that they have to continue as new; and a
 * lineage that is run again while it ends.
 */

let server: TestServer;
let home: TestHome;
let connected: ConnectedClient;
let worker: ChildProcess;

before(async () => {
  server = await testServer(['limit.historyCount.suggestContinueAsNew=40']);
  home = await testHome({ heartbeatSeconds: 5, stopSeconds: 3, devices: { cpu: { slots: 3, threads: 1 } } });
  home.settings.searchAttributes = false;
  home.env.TEMPORAL_ADDRESS = server.address;
  const configured = configuredServer({ config: home.config, file: null }, home.env);
  assert.ok(configured);
  connected = await connectClient(configured);
  worker = await startWorker(home);
});

after(async () => {
  await connected?.close();
  worker?.stdin?.end();
  await home.nothingLeft();
  await server.stop();
  await home.remove();
});

describe('results that somebody has open', () => {
  test('keep no lineage from being cancelled', async (t) => {
    await holdResults(t);
    const plan = smallPlan('withheld', [
      { address: 'tokenizer:withheld', type: 'tokenizer' },
      { address: 'withheld', needs: ['tokenizer:withheld'] },
    ]);
    home.steer('withheld', { steps: 5, gateAt: 3 });
    const handle = await home.run(connected, plan);
    await home.atGate('withheld');
    await cancelLineage(handle, 30_000);
    assert.deepEqual(await lineageEnd(handle), { state: 'cancelled' });
  });

  test('keep no lineage from going on in a new history, and get all rows once they are free', async (t) => {
    /*  tokenizer ─▶ 8 models, one after the other in a window of 2, each evaluated  */
    const models = Array.from({ length: 8 }, (_, at) => `slow${at}`);
    const plan = smallPlan('patient', [
      { address: 'tokenizer:patient', type: 'tokenizer' },
      ...models.map((address, seed) => ({ address, needs: ['tokenizer:patient'], seed })),
      ...models.map((address) => ({ address: `${address}/heldout`, type: 'evaluate' as const, needs: [address] })),
    ]);
    for (const { address } of plan.nodes) home.steer(address, { steps: 1 });
    const held = await holdResults(t);
    home.settings.window = 2;
    const handle = await home.run(connected, plan);
    const first = (await handle.describe()).runId;
    const newest = () => connected.client.workflow.getHandle(handle.workflowId) as LineageHandle;
    await until(async () => (await newest().describe()).runId !== first, 'it goes on in a new history');
    await until(async () => (await lineageStatus(newest(), plan)).counts.done === plan.nodes.length, 'all are done');
    held.free();
    assert.equal((await lineageEnd(newest())).state, 'done');
    const counting = `SELECT count(*)::INT, count(DISTINCT address)::INT FROM attempts
      WHERE state = 'done' AND (address LIKE 'slow%' OR address = 'tokenizer:patient')`;
    const { rows: counted } = await runQuery(home.home, counting, {});
    assert.deepEqual(counted, [[plan.nodes.length, plan.nodes.length]]);
    const { rows: lineages } = await runQuery(
      home.home,
      "SELECT count(*)::INT FROM lineages WHERE lineage = 'patient'",
    );
    assert.deepEqual(lineages, [[1]]);
  });
});

test('a lineage that is run again while it ends at its first failure begins anew', async () => {
  const plan = smallPlan('returning', [
    { address: 'tokenizer:returning', type: 'tokenizer' },
    { address: 'fails', needs: ['tokenizer:returning'] },
    { address: 'goes', needs: ['tokenizer:returning'], seed: 2 },
    { address: 'goes/heldout', type: 'evaluate', needs: ['goes'] },
  ]);
  home.settings.window = 4;
  home.steer('goes', { steps: 1 });
  home.steer('fails', { steps: 5, gateAt: 2, failAt: 3, kind: 'diverged', failures: 1 });
  // What is asked to stop and does not, for as long as the worker lets it: time to run the lineage again.
  home.steer('goes/heldout', { steps: 5, gateAt: 2, ignoreSigterm: true });
  const handle = await home.run(connected, plan, { failFast: true });
  await home.atGate('goes/heldout');
  await home.atGate('fails');
  home.openGate('fails');
  await until(async () => (await lineageStatus(handle, plan)).counts.failed === 1, 'it has failed');
  home.steer('goes/heldout', { steps: 1 });
  const again = await home.run(connected, plan);
  const end = await lineageEnd(connected.client.workflow.getHandle(again.workflowId) as LineageHandle);
  assert.deepEqual(end, {
    state: 'done',
    counts: { waiting: 0, running: 0, done: 2, reused: 2, failed: 0, blocked: 0 },
  });
});

/** Opens the results in another process until `free`. */
async function holdResults(t: TestContext): Promise<{ free(): void }> {
  const script = startScript(t, new URL('../results/scripts/hold.js', import.meta.url), [home.home, 'write']);
  await script.nextLine();
  return { free: () => script.say('') };
}
