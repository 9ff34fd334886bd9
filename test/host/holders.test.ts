import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { hasEnded } from '../../activities/processes.ts';
import { connectClient, localServer } from '../../cli/connect.ts';
import { startOrJoinHost } from '../../cli/host.ts';
import { readHostState } from '../../cli/host-state.ts';
import { lineageEnd, lineageHandle } from '../../cli/lineages.ts';
import { planDigest } from '../../planner/key.ts';
import type { Plan, PlanNode } from '../../planner/plan.ts';
import { inspectNode } from '../../store/artifact.ts';
import { lineageWorkflowId } from '../../workflows/names.ts';
import { type TestHome, testHome, until, withClient } from '../fixtures/home.ts';
import { smallPlan } from '../fixtures/plans.ts';

/*
 * Who keeps a host alive, and what becomes of lineages when nobody does any more. Two processes want the host at once;
 * one runs `wanted`, the other `other`, and both are killed while their trainings stand at step 3 of 5. Then somebody
 * runs `wanted` again.
 */

let home: TestHome;
const joiners: ChildProcess[] = [];
const wanted = trainingOf('wanted', 'base');
const other = trainingOf('other', 'base-other');

before(async () => {
  home = await testHome();
});

after(async () => {
  for (const joiner of joiners) joiner.kill('SIGKILL');
  await home.nothingLeft();
  await home.remove();
});

describe('a host', () => {
  let addresses: string[];

  test('is one for all who start it at once', async () => {
    for (const _ of [1, 2, 3]) joiners.push(join());
    addresses = await Promise.all(joiners.map(addressOf));
    assert.equal(new Set(addresses).size, 1);
  });

  test('lives on while one of those who hold it does', async () => {
    const leaving = joiners.pop() as ChildProcess;
    leaving.stdin?.end();
    assert.deepEqual(await once(leaving, 'exit'), [0, null], 'who lets go does not wait for the others');
    const killed = joiners.pop() as ChildProcess;
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    await withClient(localServer(addresses[0] as string, home.home, {}), async (connected) => {
      for (const [plan, address] of [
        [wanted, 'base'],
        [other, 'base-other'],
      ] as const) {
        home.steer(address, { steps: 5, gateAt: 3 });
        await home.run(connected, plan);
        await home.atGate(address);
      }
    });
    assert.equal((await readHostState(home.home))?.state, 'running');
  });

  test('ends when the last one was killed, and its trainings are saved', async () => {
    const { host } = (await readHostState(home.home)) ?? {};
    assert.ok(host);
    (joiners.pop() as ChildProcess).kill('SIGKILL');
    assert.ok(await hasEnded(host, 60_000));
    await home.nothingLeft();
    assert.equal((await readHostState(home.home))?.state, 'ended');
    for (const plan of [wanted, other]) {
      assert.deepEqual(inspectNode(home.home, keyIn(plan)), { state: 'partial', attempt: 1, step: 2 });
    }
  });

  test('goes on with the lineage that is run again, and with no other', async () => {
    const lineages = [lineageWorkflowId('wanted', planDigest(wanted))];
    const host = await startOrJoinHost(home.home, { cwd: home.folder, env: home.env, lineages });
    assert.equal(host.server.address, addresses[0], 'bookmarks of its UI stay good');
    const connected = await connectClient(host.server);
    try {
      const before = await lineageHandle(connected.client, wanted, planDigest(wanted)).describe();
      const handle = await home.run(connected, wanted);
      home.openGate('base');
      assert.equal((await lineageEnd(handle)).state, 'done');
      assert.equal((await handle.describe()).runId, before.runId, 'it was joined, not started');
      assert.deepEqual(await lineageEnd(lineageHandle(connected.client, other, planDigest(other))), {
        state: 'cancelled',
      });
      assert.equal(home.executions('base'), 2);
      assert.equal(home.executions('base-other'), 1, 'the other one was not even begun');
    } finally {
      await connected.close();
      await host.release();
    }
    await home.nothingLeft();
  });

  test('leaves nothing behind when it is killed together with those who hold it', async () => {
    const joiner = join();
    joiners.push(joiner);
    await addressOf(joiner);
    await until(async () => (await readHostState(home.home))?.worker !== null, 'there is a worker');
    const { host } = (await readHostState(home.home)) ?? {};
    assert.ok(host);
    process.kill(host.pid, 'SIGKILL');
    joiner.kill('SIGKILL');
    await home.nothingLeft();
  });
});

function join(): ChildProcess {
  const program = fileURLToPath(new URL('../fixtures/joiner.js', import.meta.url));
  return spawn(process.execPath, [program, home.home, home.folder], {
    env: home.env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

async function addressOf(joiner: ChildProcess): Promise<string> {
  assert.ok(joiner.stdout);
  const [data] = (await once(joiner.stdout, 'data')) as [Buffer];
  return data.toString().trim();
}

function trainingOf(lineage: string, address: string): Plan {
  return smallPlan(lineage, [
    { address: `tokenizer:${lineage}`, type: 'tokenizer' },
    { address, needs: [`tokenizer:${lineage}`] },
  ]);
}

function keyIn(plan: Plan): string {
  return (plan.nodes[1] as PlanNode).key;
}
