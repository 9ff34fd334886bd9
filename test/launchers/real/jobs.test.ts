import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ActivityCancellationDetails } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { until } from '../../fixtures/home.ts';
import { hasJob, type TestCluster, testCluster } from '../cluster.ts';

const shutdown = new ActivityCancellationDetails({ workerShutdown: true });

/* Trainers as pods, by a `kubectl` whose cluster is this machine; each waits at its gate, step 3 of 5. */
describe('a training that a cluster runs', () => {
  let cluster: TestCluster;

  before(async () => {
    cluster = await testCluster();
  });

  after(() => cluster.remove());

  test('is followed to its end, ends in the bytes of a process, and its worker waits while it is queued', async () => {
    const [there, here] = [cluster.plan('there'), cluster.plan('here')];
    writeFileSync(join(cluster.folder, 'pending'), '');
    const environment = new MockActivityEnvironment();
    const phases = new Set<string>();
    environment.on('heartbeat', ({ phase }: { phase: string }) => phases.add(phase));
    const ended = cluster.execute(there, environment);
    await until(() => phases.has('queued'), 'its job is queued');
    rmSync(join(cluster.folder, 'pending'));
    await cluster.home.atGate('there');
    cluster.home.openGate('there');
    assert.deepEqual(await ended, { attempt: 1 });

    cluster.home.openGate('here');
    await cluster.execute(here, undefined, 'local');
    assert.equal(await cluster.read(there, 'model', 'hash.json'), await cluster.read(here, 'model', 'hash.json'));
  });

  test('that the cluster starts again goes on from its checkpoint, as the next execution', async () => {
    const plan = cluster.plan('disrupted');
    const ended = cluster.execute(plan);
    await cluster.home.atGate('disrupted');
    process.kill(cluster.running().pod, 'SIGUSR1');
    await cluster.home.atGate('disrupted');
    cluster.home.openGate('disrupted');
    await ended;
    assert.equal(cluster.home.executions('disrupted'), 2);
    assert.equal((await cluster.artifact(plan))?.provenance.executions, 2);
  });

  test('that waits in the queue again is said to, and the time of that is not its own', async () => {
    const plan = cluster.plan('again', { timeoutSeconds: 3 });
    const environment = new MockActivityEnvironment();
    let phase = '';
    environment.on('heartbeat', (progress: { phase: string }) => {
      phase = progress.phase;
    });
    const ended = cluster.execute(plan, environment);
    await cluster.home.atGate('again');
    const { pod } = cluster.running();
    writeFileSync(join(cluster.folder, 'pending'), '');
    process.kill(pod, 'SIGUSR1');
    await until(() => phase === 'queued', 'it is queued again');
    await sleep(4000);
    assert.equal(phase, 'queued');
    rmSync(join(cluster.folder, 'pending'));
    await cluster.home.atGate('again');
    cluster.home.openGate('again');
    assert.deepEqual(await ended, { attempt: 1 });
  });

  test('that is killed fails as what its cluster says of that', async () => {
    const plan = cluster.plan('killed');
    const kill = async () => {
      const ended = cluster.execute(plan);
      process.kill(await cluster.home.atGate('killed'), 'SIGKILL');
      return ended;
    };
    await assert.rejects(kill(), {
      type: 'killed',
      message: 'killed: its trainer was killed by SIGKILL without saying why',
    });
    writeFileSync(join(cluster.folder, 'out-of-memory'), '');
    await assert.rejects(kill(), {
      type: 'out-of-memory',
      message: /^killed: the pod of its job descent-\S+ took more memory than it may$/,
    });
    rmSync(join(cluster.folder, 'out-of-memory'));
  });

  test('is ended where its node was moved to another class, which goes on from its checkpoint', async () => {
    const plan = cluster.plan('moved');
    const environment = new MockActivityEnvironment();
    const first = cluster.execute(plan, environment);
    await cluster.home.atGate('moved');
    const { job } = cluster.running();
    environment.cancel('WORKER_SHUTDOWN', shutdown);
    await assert.rejects(first, { type: 'stopped' });
    cluster.home.openGate('moved');
    await cluster.execute(plan, undefined, 'local');
    await until(() => !hasJob(cluster.folder, job), 'its job has ended');
    assert.equal((await cluster.artifact(plan))?.provenance.executions, 2);
  });
});
