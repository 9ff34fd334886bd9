import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { type ConnectedClient, connectClient } from '../../../cli/connect.ts';
import { type Host, startOrJoinHost } from '../../../cli/host.ts';
import { readHostState } from '../../../cli/host-state.ts';
import { cancelLineage, type LineageHandle, lineageEnd, lineageStatus, progressOf } from '../../../cli/lineages.ts';
import { checkLaunchers } from '../../../cli/reach.ts';
import type { Plan } from '../../../planner/plan.ts';
import { runQuery } from '../../../results/query.ts';
import { findArtifact, inspectNode } from '../../../store/artifact.ts';
import type { DeviceClass, SlurmSettings } from '../../../temporal.config.ts';
import { outcome } from '../../chaos/storm.ts';
import { descent, start, temporaryFolder } from '../../cli/support.ts';
import { type TestHome, testHome, until } from '../../fixtures/home.ts';
import { smallPlan } from '../../fixtures/plans.ts';
import { tinyLineage } from '../../lineage/support.ts';
import { missingSlurm, startSlurm, type TestSlurm } from './slurm.ts';

/*
 * Trainings as jobs of a real Slurm, one after the other, each disturbed in another way at step 3 of 5. They must end in
 * the bytes of one that was a process of this machine.
 */

function slurmClass(settings: SlurmSettings): DeviceClass {
  return { slots: 2, threads: 1, launcher: { slurm: { partition: 'low', pollSeconds: 1, ...settings } } };
}

const devices = {
  local: { slots: 2, threads: 1 },
  cluster: slurmClass({}),
  short: slurmClass({ walltime: '1', saveSeconds: 5 }),
  held: slurmClass({ options: ['--hold'] }),
  tight: slurmClass({ memory: '20M' }),
  nowhere: slurmClass({ partition: 'none' }),
  broken: slurmClass({ setup: ['echo no such module >&2', 'exit 3'] }),
};

describe('a training that Slurm runs', { skip: missingSlurm(), timeout: 900_000 }, () => {
  let slurm: TestSlurm;
  let home: TestHome;
  let host: Host;
  let connected: ConnectedClient;
  let untouched: string;

  before(async () => {
    slurm = await startSlurm();
    process.env.SLURM_CONF = slurm.conf;
    home = await testHome({ devices });
    await serve();
  });

  after(async () => {
    await leave();
    await slurm?.stop();
    await home?.nothingLeft();
    await home?.remove();
  });

  // What a test that failed has left would be taken for the next one's.
  afterEach(() => slurm.ask('scancel', `--user=${userInfo().username}`));

  async function serve(): Promise<void> {
    host = await startOrJoinHost(home.home, { cwd: home.folder, env: home.env, lineages: 'all' });
    connected = await connectClient(host.server);
  }

  async function leave(): Promise<void> {
    await connected?.close();
    await host?.release();
  }

  /** A training that waits at its gate, on a device class. */
  async function begin(name: string, device: string) {
    const address = `base:${name}`;
    const plan = planOf(name, device);
    home.steer(address, { steps: 5, gateAt: 3 });
    return { plan, address, handle: await home.run(connected, plan) };
  }

  async function ends(plan: Plan, handle: LineageHandle): Promise<void> {
    const end = await lineageEnd(handle);
    assert.equal(end.state, 'done', JSON.stringify(end));
    assert.equal(await hashOf(home, plan), untouched);
  }

  test('Slurm says beforehand whether it would take a job of a class, and why not', async () => {
    const checks = await checkLaunchers({
      devices: { local: devices.local, cluster: devices.cluster, nowhere: devices.nowhere },
    });
    assert.deepEqual(
      checks.map(({ name, status }) => [name, status]),
      [
        ['Slurm (cluster)', 'ok'],
        ['Slurm (nowhere)', 'missing'],
      ],
    );
    assert.match(checks[1]?.found ?? '', /invalid partition/i);
    assert.deepEqual(slurm.jobs(), [], 'none was handed in');
  });

  test('ends in the bytes, and under the keys, of one that is a process', async () => {
    const here = await testHome({ devices });
    const plans = ['local', 'cluster'].map((device) => planOf('alone', device)) as [Plan, Plan];
    const other = await startOrJoinHost(here.home, { cwd: here.folder, env: here.env, lineages: 'all' });
    const client = await connectClient(other.server);
    try {
      here.steer('base:alone', { steps: 5 });
      assert.equal((await lineageEnd(await here.run(client, plans[0]))).state, 'done');
      untouched = await hashOf(here, plans[0]);
    } finally {
      await client.close();
      await other.release();
      await here.remove();
    }
    const [ofProcess, there] = plans.map(({ nodes }) => nodes.map(({ key }) => key));
    assert.deepEqual(there, ofProcess);

    home.steer('base:alone', { steps: 5 });
    await ends(plans[1], await home.run(connected, plans[1]));
    assert.ok(
      slurm.jobs().some((job) => /descent-\S+ COMPLETED/.test(job)),
      slurm.jobs().join('\n'),
    );
  });

  test('goes on without its worker, and is found again by its name', async () => {
    const { plan, address, handle } = await begin('worker', 'cluster');
    const pid = await home.atGate(address);
    const before = running(slurm);
    const { worker } = (await readHostState(home.home)) ?? {};
    process.kill(worker?.pid ?? 0, 'SIGKILL');
    await until(async () => {
      const now = (await readHostState(home.home))?.worker;
      return now !== null && now?.pid !== worker?.pid;
    }, 'there is another worker');
    await until(async () => (await progress(plan, handle))?.phase === 'running', 'that follows it');
    assert.equal(before.length, 1);
    assert.deepEqual(running(slurm), before);
    home.openGate(address);
    await ends(plan, handle);
    assert.equal(home.executions(address), 1, `${pid} went on all the while`);
    assert.equal((await artifactOf(home, plan))?.provenance.executions, 1);
  });

  test('goes on when everything of Descent ends, and the next worker follows it', async () => {
    const { plan, address } = await begin('left', 'cluster');
    await home.atGate(address);
    const before = running(slurm);
    await leave();
    assert.deepEqual(running(slurm), before, 'a shutdown is no reason to give up a place on a cluster');
    home.openGate(address);
    await until(() => running(slurm).length === 0, 'it ends though nobody follows it');
    await serve();
    await ends(plan, await home.run(connected, plan));
    assert.equal(home.executions(address), 1);
    assert.equal((await artifactOf(home, plan))?.provenance.executions, 1);
  });

  test('saves when it is preempted, is requeued by Slurm, and goes on as the same job', async () => {
    const { plan, address, handle } = await begin('preempted', 'cluster');
    await home.atGate(address);
    const [before] = running(slurm);
    slurm.preemptFor(5);
    await until(
      () => home.executions(address) === 2,
      'it was started again',
      () => slurm.jobs().join('\n'),
    );
    assert.deepEqual(running(slurm), [before]);
    assert.match(slurm.ask('scontrol', 'show', 'job', String(before?.split(' ')[0])), /Restarts=1 /);
    home.openGate(address);
    await ends(plan, handle);
    assert.equal((await artifactOf(home, plan))?.provenance.executions, 2);
    const { rows } = await runQuery(
      home.home,
      "SELECT count(*) FROM metrics JOIN lineage_nodes USING (key) WHERE address = 'base:preempted' AND metric = 'loss'",
    );
    assert.equal(Number(rows[0]?.[0]), 5, 'each step is told of once');
  });

  test('saves when its time is up, and is handed in again', async () => {
    const { plan, address, handle } = await begin('short', 'short');
    await home.atGate(address);
    const [before] = running(slurm);
    await until(
      () => home.executions(address) === 2,
      'it was started again',
      () => slurm.jobs().join('\n'),
    );
    assert.notDeepEqual(running(slurm), [before], 'it is another job');
    home.openGate(address);
    await ends(plan, handle);
  });

  test('that ends without a word is handed in again', async () => {
    const { plan, address, handle } = await begin('killed', 'cluster');
    process.kill(await home.atGate(address), 'SIGKILL');
    home.openGate(address);
    await ends(plan, handle);
    assert.equal(home.executions(address), 2);
  });

  test('saves when its lineage is cancelled, and leaves no job', async () => {
    const { plan, address, handle } = await begin('cancelled', 'cluster');
    await home.atGate(address);
    const [before = ''] = running(slurm);
    await cancelLineage(handle);
    await until(
      () => running(slurm).length === 0,
      'its job has ended',
      () => slurm.jobs().join('\n'),
    );
    assert.ok(slurm.jobs().some((job) => job.startsWith(before.split(' ')[0] as string)));
    assert.deepEqual(stateOf(home, plan), { state: 'partial', attempt: 1, step: 2 });

    home.openGate(address);
    await ends(plan, await home.run(connected, plan));
  });

  test('is taken out of the queue when its lineage is cancelled before it began', async () => {
    const { plan, address, handle } = await begin('queued', 'held');
    await until(() => slurm.jobs().some((job) => job.endsWith(' PENDING')), 'its job waits');
    await until(async () => (await progress(plan, handle))?.phase === 'queued', 'it is said to wait for a device');
    const held = { reason: 'JobHeldUser', message: '', weight: 'stuck' };
    await until(async () => isDeepStrictEqual((await progress(plan, handle))?.queue, held), 'it is said why');
    await cancelLineage(handle);
    await until(
      () => !slurm.jobs().some((job) => job.endsWith(' PENDING')),
      'no job waits',
      () => slurm.jobs().join('\n'),
    );
    assert.equal(home.executions(address), 0);
  });

  test('fails, and says so, when somebody cancels its job', async () => {
    const { address, handle } = await begin('scancel', 'cluster');
    await home.atGate(address);
    const [job = ''] = running(slurm);
    slurm.ask('scancel', job.split(' ')[0] as string);
    const end = await lineageEnd(handle);
    assert.equal(end.state, 'failed');
    const failure = await failureOf(handle, 'scancel');
    assert.equal(failure?.kind, 'job-cancelled');
    assert.match(failure?.message ?? '', /^base:scancel: somebody cancelled its job \d+_0 \(scancel\)$/);
  });

  test('that takes more memory than its job has fails as that, after a second try', async () => {
    const { handle } = await begin('tight', 'tight');
    assert.equal((await lineageEnd(handle)).state, 'failed');
    const failure = await failureOf(handle, 'tight');
    assert.equal(failure?.kind, 'out-of-memory');
    assert.match(failure?.message ?? '', /^base:tight: .*memory limit/);
  });

  test('that Slurm does not take fails with what Slurm says', async () => {
    const { handle } = await begin('nowhere', 'nowhere');
    assert.equal((await lineageEnd(handle)).state, 'failed');
    const failure = await failureOf(handle, 'nowhere');
    assert.equal(failure?.kind, 'no-launcher');
    assert.match(failure?.message ?? '', /^base:nowhere: Slurm does not take its job: .*invalid partition/);
  });

  test('whose shell fails before there is a trainer fails with what that wrote', async () => {
    const { handle } = await begin('broken', 'broken');
    assert.equal((await lineageEnd(handle)).state, 'failed');
    const failure = await failureOf(handle, 'broken');
    assert.equal(failure?.kind, 'no-trainer');
    assert.match(failure?.message ?? '', /its job \(\d+_0\) ended as FAILED before it started the trainer$/);
    assert.deepEqual(failure?.lastLines, ['no such module']);
  });

  test('with all that comes of it has the keys, weights and figures of one here, and is reused when it is moved', async (t) => {
    const made: Record<string, Awaited<ReturnType<typeof outcome>>> = {};
    for (const device of ['local', 'cluster']) {
      const folder = await temporaryFolder(t);
      await writeFile(join(folder, 'temporal.config.json'), JSON.stringify({ devices }));
      await writeFile(join(folder, 'lineage.yaml'), tinyLineage.replace('device: cpu', `device: ${device}`));
      const run = await start(t, folder, 'run', 'lineage.yaml').ended;
      assert.equal(run.exitCode, 0, run.stderr);
      made[device] = await outcome(join(folder, '.descent'));

      const other = device === 'local' ? 'cluster' : 'local';
      await writeFile(join(folder, 'lineage.yaml'), tinyLineage.replace('device: cpu', `device: ${other}`));
      const plan = await descent(['plan', 'lineage.yaml', '--detailed-exitcode'], folder);
      assert.equal(plan.exitCode, 0, plan.stdout);
    }
    assert.deepEqual(made.cluster, made.local);
  });

  test('and others that are ready at once are one array', async () => {
    const nodes = ['a', 'b'].map((name) => ({ address: `base:${name}`, needs: ['tokenizer:x'], device: 'cluster' }));
    const plan = smallPlan('sweep', [{ address: 'tokenizer:x', type: 'tokenizer', device: 'local' }, ...nodes]);
    for (const { address } of nodes) home.steer(address, { steps: 5, gateAt: 3 });
    const handle = await home.run(connected, plan);
    for (const { address } of nodes) await home.atGate(address);
    const [first = '', second = ''] = running(slurm);
    assert.match(`${first}\n${second}`, /^(\d+)_0 (descent-array-\S+) RUNNING\n\1_1 \2 RUNNING$/);
    for (const { address } of nodes) home.openGate(address);
    assert.equal((await lineageEnd(handle)).state, 'done');
  });

  async function failureOf(handle: LineageHandle, name: string) {
    const { nodes } = await lineageStatus(handle, planOf(name, name));
    return nodes.find(({ state }) => state === 'failed')?.failure;
  }
});

/** How far the training is that runs; undefined while no worker can say. */
async function progress(plan: Plan, handle: LineageHandle) {
  const { nodes } = await lineageStatus(handle, plan).catch(() => ({ nodes: [] }));
  const looks = await progressOf(
    handle,
    nodes.filter(({ state }) => state === 'running'),
  );
  return looks.get(trained(plan).key);
}

function planOf(name: string, device: string): Plan {
  return smallPlan(name, [
    { address: 'tokenizer:x', type: 'tokenizer', device: 'local' },
    { address: `base:${name}`, needs: ['tokenizer:x'], device },
  ]);
}

/** Jobs that run, first to last. */
function running(slurm: TestSlurm): string[] {
  return slurm
    .jobs()
    .filter((job) => job.endsWith(' RUNNING'))
    .sort();
}

function trained(plan: Plan) {
  return plan.nodes.find(({ type }) => type === 'pretrain') as Plan['nodes'][number];
}

function artifactOf(home: TestHome, plan: Plan) {
  return findArtifact(home.home, trained(plan).key);
}

function stateOf(home: TestHome, plan: Plan) {
  return inspectNode(home.home, trained(plan).key);
}

async function hashOf(home: TestHome, plan: Plan): Promise<string> {
  const artifact = await artifactOf(home, plan);
  return readFileSync(join(artifact?.folder ?? '', 'model', 'hash.json'), 'utf8');
}
