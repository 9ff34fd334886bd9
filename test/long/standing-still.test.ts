import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { isRunning, type ProcessRecord, recordProcess } from '../../activities/processes.ts';
import { type ConnectedClient, connectClient } from '../../cli/connect.ts';
import { type Host, startOrJoinHost } from '../../cli/host.ts';
import { readHostState } from '../../cli/host-state.ts';
import { type LineageEnd, lineageEnd } from '../../cli/lineages.ts';
import { runQuery } from '../../results/query.ts';
import { pausedQuery } from '../../workflows/messages.ts';
import { nodeWorkflowId } from '../../workflows/names.ts';
import { binary, descent } from '../cli/support.ts';
import { type TestHome, testHome, until, untilRecorded } from '../fixtures/home.ts';
import { smallPlan } from '../fixtures/plans.ts';
import { nodeAt } from '../planner/plans.ts';

/* A server or a worker that stands still, as on a machine that swaps or sleeps: nobody waits for it without end. */

let home: TestHome;
let host: Host;
let connected: ConnectedClient;

before(async () => {
  home = await testHome();
  host = await startOrJoinHost(home.home, { cwd: home.folder, env: home.env, lineages: 'all' });
  connected = await connectClient(host.server);
  const seen = smallPlan('seen', [{ address: 'tokenizer:seen', type: 'tokenizer' }]);
  await lineageEnd(await home.run(connected, seen));
  await untilRecorded(home.home, 'seen');
});

after(async () => {
  await connected?.close();
  await host?.release();
  await home.nothingLeft();
  await home.remove();
});

describe('what stands still', () => {
  const plan = smallPlan('stalled', [
    { address: 'tokenizer:stalled', type: 'tokenizer' },
    { address: 'held', needs: ['tokenizer:stalled'] },
  ]);
  let ended: Promise<LineageEnd>;
  let watching: ChildProcess;

  test('a server: a command that asks it ends, and says so; who watches goes on', async () => {
    home.steer('held', { steps: 5, gateAt: 3, ignoreSigterm: true });
    ended = lineageEnd(await home.run(connected, plan));
    const trainer = recordProcess(await home.atGate('held')) as ProcessRecord;
    await untilRecorded(home.home, 'stalled');
    watching = spawn(process.execPath, [binary, 'status', 'stalled', '-w'], { cwd: home.folder, env: home.env });
    await once(watching.stdout as Readable, 'data');
    const told = once(watching.stderr as Readable, 'data');
    const pausing = descent(['pause', 'held'], home.folder, { env: home.env });
    const node = connected.client.workflow.getHandle(nodeWorkflowId(nodeAt(plan, 'held')));
    await until(() => node.query(pausedQuery), 'it is paused, and waits for its trainer');
    const server = await stopped('server');
    const [{ exitCode, stderr }, [trouble]] = await Promise.all([pausing, told]).finally(server.wake);
    assert.match(String(trouble), new RegExp(`^error: .*Temporal at ${host.server.address}`));
    assert.match(stderr, new RegExp(`^error: Temporal at ${host.server.address} has not answered for 10 seconds\n`));
    assert.equal(exitCode, 1);
    await until(() => !isRunning(trainer), 'its trainer was killed, as it did not stop');
  });

  test('a worker: a command that asks it ends, and says so; the status is what the store has', async () => {
    const worker = await stopped('worker');
    const [{ exitCode, stderr }, status] = await Promise.all([
      descent(['unpause', 'held'], home.folder, { env: home.env }),
      descent(['status'], home.folder, { env: home.env }),
    ]).finally(worker.wake);
    assert.match(status.stdout, /^stalled .* running \(its worker does not answer: this is what the store has\)$/m);
    assert.match(status.stdout, /^seen .* last run /m);
    assert.deepEqual([status.exitCode, status.stderr], [0, '']);
    assert.match(stderr, new RegExp(`^error: no worker of Temporal at ${host.server.address} answers\n`));
    assert.equal(exitCode, 1);
  });

  test('goes on when it wakes, and who waited for the end of the lineage waits on', async () => {
    home.openGate('held');
    const { stdout, stderr } = await descent(['unpause', 'held'], home.folder, { env: home.env });
    assert.deepEqual([stdout, stderr], ['held goes on\n', '']);
    assert.equal((await ended).state, 'done');
    if (watching.exitCode === null) await once(watching, 'exit');
    assert.equal(watching.exitCode, 0);
  });
});

/** Lets the server or the worker of the home stand still, at a moment when it does not keep others from the results. */
async function stopped(which: 'server' | 'worker'): Promise<{ wake(): void }> {
  const { pid } = (await readHostState(home.home))?.[which] ?? {};
  assert.ok(pid);
  await until(async () => {
    process.kill(pid, 'SIGSTOP');
    const free = await runQuery(home.home, 'SELECT 1', {}, { patienceSeconds: 0.2 }).catch(() => undefined);
    if (free === undefined) process.kill(pid, 'SIGCONT');
    return free !== undefined;
  }, `the ${which} does not write results`);
  return { wake: () => process.kill(pid, 'SIGCONT') };
}
