import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectedClient } from '../../cli/connect.ts';
import { connectClient } from '../../cli/connect.ts';
import { type Host, startOrJoinHost } from '../../cli/host.ts';
import { type HostState, readHostState } from '../../cli/host-state.ts';
import { type LineageHandle, lineageEnd, lineageStatus, progressOf } from '../../cli/lineages.ts';
import type { Plan, PlanNode } from '../../planner/plan.ts';
import { runQuery } from '../../results/query.ts';
import { findArtifact } from '../../store/artifact.ts';
import { type TestHome, testHome, until } from '../fixtures/home.ts';
import { smallPlan } from '../fixtures/plans.ts';

/*
 * One training after the other, each killed in another way in the middle. They must end in the bytes of the first,
 * which was left alone.
 *
 *   tokenizer ─▶ base (gate at step 3 of 5) ─▶ base/heldout
 */

let home: TestHome;
let host: Host;
let connected: ConnectedClient;
let untouched: string;

before(async () => {
  home = await testHome({ heartbeatSeconds: 20 });
  host = await startOrJoinHost(home.home, { cwd: home.folder, env: home.env, lineages: 'all' });
  connected = await connectClient(host.server);
});

after(async () => {
  await connected?.close();
  await host?.release();
  await home.nothingLeft();
  await home.remove();
});

describe('a training that is', () => {
  test('left alone ends, and its results are in DuckDB', async () => {
    const { plan, handle } = await begin('alone');
    home.openGate('base:alone');
    const end = await lineageEnd(handle);
    assert.deepEqual(end, {
      state: 'done',
      counts: { waiting: 0, running: 0, done: 3, reused: 0, failed: 0, blocked: 0 },
    });
    untouched = await finalHash(plan);
    const { rows } = await runQuery(
      home.home,
      "SELECT count(*) FROM metrics JOIN lineage_nodes USING (key) WHERE address = 'base:alone' AND metric = 'loss'",
      {},
    );
    assert.equal(Number(rows[0]?.[0]), 5);
  });

  test('killed goes on from its checkpoint, in the same attempt', async () => {
    const { plan, handle } = await begin('trainer');
    process.kill(await home.atGate('base:trainer'), 'SIGKILL');
    await until(async () => {
      const { nodes } = await lineageStatus(handle, plan);
      const looks = await progressOf(
        handle,
        nodes.filter(({ state }) => state === 'running'),
      );
      return [...looks.values()].some(({ failed }) => failed?.kind === 'killed' && failed.tries === 1);
    }, 'its failed try is told of');
    await finishesLikeUntouched(plan, handle, 'base:trainer');
  });

  test('bereft of its worker goes on', async () => {
    const { plan, handle } = await begin('worker');
    await home.atGate('base:worker');
    const { worker } = (await readHostState(home.home)) ?? {};
    assert.ok(worker);
    // Left by another version of Descent, say.
    const foreign = await connected.client.workflow.start('nodeWorkflow', {
      workflowId: 'node-foreign',
      taskQueue: 'nobody-serves-this',
      memo: { code: 'of another version' },
    });
    process.kill(worker.pid, 'SIGKILL');
    await until(async () => {
      const now = (await readHostState(home.home))?.worker;
      return now !== null && now?.pid !== worker.pid;
    }, 'there is another worker');
    await finishesLikeUntouched(plan, handle, 'base:worker');
    assert.equal((await foreign.describe()).status.name, 'TERMINATED');
  });

  test('bereft of the server goes on, without noticing', async () => {
    const { plan, handle } = await begin('server');
    await home.atGate('base:server');
    const { server } = (await readHostState(home.home)) ?? {};
    assert.ok(server);
    process.kill(server.pid, 'SIGKILL');
    await until(async () => {
      const now = (await readHostState(home.home))?.server;
      return now !== null && now?.pid !== server.pid;
    }, 'there is another server');
    home.openGate('base:server');
    assert.equal((await endOf(handle)).state, 'done');
    assert.equal(home.executions('base:server'), 1, 'its trainer went on all the while');
    assert.equal(await finalHash(plan), untouched);
  });

  test('bereft of the host goes on, once somebody notices', async () => {
    const { plan, handle } = await begin('host');
    await home.atGate('base:host');
    const before = await readHostState(home.home);
    assert.ok(before);
    const other = await startOrJoinHost(home.home, { cwd: home.folder, env: home.env, lineages: 'all' });
    process.kill(before.host.pid, 'SIGKILL');
    await until(() => host.ensure(), 'the host is started again');
    assert.equal(await other.ensure(), true, 'who did not start it again has another, too');
    assert.equal(await other.ensure(), false);
    assert.equal(host.server.address, before.address, 'where it was before');
    await finishesLikeUntouched(plan, handle, 'base:host');
  });
});

test('a host that is killed while it starts is started again', async (t) => {
  const other = await testHome({});
  t.after(() => other.remove());
  const starting = startOrJoinHost(other.home, { cwd: other.folder, env: other.env, lineages: 'all' });
  let first: HostState | undefined;
  while (first?.state !== 'starting') {
    first = await readHostState(other.home);
    assert.notEqual(first?.state, 'running', 'it was too fast to be killed');
    await sleep(1);
  }
  process.kill(first.host.pid, 'SIGKILL');
  const started = await starting;
  const second = await readHostState(other.home);
  assert.equal(second?.state, 'running');
  assert.notEqual(second.host.pid, first.host.pid);
  await started.release();
  await other.nothingLeft();
});

test('a host that is killed again and again while it starts is given up, and that is said', async (t) => {
  const other = await testHome({});
  t.after(() => other.remove());
  const die = `if (process.argv[1]?.endsWith('host-main.js')) process.kill(process.pid, 'SIGKILL')`;
  const env = { ...other.env, NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(die)}` };
  await assert.rejects(startOrJoinHost(other.home, { cwd: other.folder, env, lineages: 'all' }), {
    name: 'CommandError',
    message: /^cannot start .*: a signal ended it 10 times while it started: look whether memory runs out/,
  });
  await other.nothingLeft();
});

/** Runs a small lineage of its own, whose training waits at step 3. */
async function begin(name: string): Promise<{ plan: Plan; handle: LineageHandle }> {
  const plan = smallPlan(name, [
    { address: `tokenizer:${name}`, type: 'tokenizer' },
    { address: `base:${name}`, type: 'pretrain', needs: [`tokenizer:${name}`] },
    { address: `base:${name}/heldout`, type: 'evaluate', needs: [`base:${name}`] },
  ]);
  home.steer(`base:${name}`, { steps: 5, gateAt: 3 });
  return { plan, handle: await home.run(connected, plan) };
}

async function finishesLikeUntouched(plan: Plan, handle: LineageHandle, address: string): Promise<void> {
  home.openGate(address);
  assert.equal((await endOf(handle)).state, 'done');
  const artifact = await artifactOf(plan);
  assert.equal(artifact.attempt, 1);
  assert.equal(home.executions(address), 2);
  assert.equal(artifact.provenance.executions, 2);
  assert.equal(await finalHash(plan), untouched);
  const events = readFileSync(join(artifact.folder, 'events.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    events.filter(({ event }) => event === 'started').map(({ resumedFrom }) => resumedFrom),
    [null, 2],
  );
  assert.deepEqual(
    events.filter(({ event }) => event === 'metrics').map(({ step }) => step),
    [1, 2, 3, 4, 5],
    'no step is lost or counted twice',
  );
  assert.equal((await lineageStatus(handle, plan)).counts.done, 3);
}

/** How a lineage ended, asked again where the server went away under the question. */
async function endOf(handle: LineageHandle) {
  let end: Awaited<ReturnType<typeof lineageEnd>> | undefined;
  await until(async () => {
    end = await lineageEnd(handle).catch(() => undefined);
    return end !== undefined;
  }, 'the lineage has ended');
  assert.ok(end);
  return end;
}

/** The fixture's trained state does not depend on anything but the key and the steps, so it is compared without the key. */
async function finalHash(plan: Plan): Promise<string> {
  const { folder } = await artifactOf(plan);
  return readFileSync(join(folder, 'model', 'hash.json'), 'utf8');
}

async function artifactOf(plan: Plan) {
  const artifact = await findArtifact(home.home, (plan.nodes[1] as PlanNode).key);
  assert.ok(artifact);
  return artifact;
}
