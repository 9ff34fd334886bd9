import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ActivityCancellationDetails, type ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { Ajv } from 'ajv';
import { jobManifest, kubernetesLauncher } from '../../activities/launchers/kubernetes.ts';
import { inspectNode } from '../../store/artifact.ts';
import type { KubernetesSettings } from '../../temporal.config.ts';
import { packageRoot, temporaryFolder } from '../cli/support.ts';
import { until } from '../fixtures/home.ts';
import { hasJob, type TestCluster, testCluster } from './cluster.ts';

const settings: KubernetesSettings = { image: 'descent:0.1', claim: 'lineages', mountPath: '/work' };
const options = { device: 'gpu', threads: 4 };

describe('the manifest of a job', () => {
  const schema = JSON.parse(
    readFileSync(join(packageRoot, 'test', 'launchers', 'kubernetes', 'job.schema.json'), 'utf8'),
  );
  const validate = new Ajv({ strict: false }).compile(schema);
  const manifest = (more: Partial<KubernetesSettings> = {}) =>
    jobManifest('descent-0123456789ab-1-1-01234567', '/work/jobs/1.json', { ...settings, ...more }, options);

  test('is what Kubernetes publishes as the schema of one', () => {
    const all = manifest({
      memory: '64Gi',
      cpus: 8,
      gpus: 2,
      nodeSelector: { 'nvidia.com/gpu.product': 'H100' },
      serviceAccount: 'trainer',
      priorityClass: 'batch',
      secret: 'keys',
      program: ['descent-job'],
    });
    for (const one of [manifest(), all]) assert.ok(validate(one), JSON.stringify(validate.errors));
    const wrong = JSON.parse(JSON.stringify(all));
    wrong.spec.template.spec.container = wrong.spec.template.spec.containers;
    assert.equal(validate(wrong), false, 'a field that does not exist is refused');
  });

  test('asks for a GPU of a class of GPUs, and passes on no secret', () => {
    process.env.OPENAI_API_KEY = 'sk-secret';
    const text = JSON.stringify(manifest({ secret: 'keys' }));
    delete process.env.OPENAI_API_KEY;
    assert.match(text, /"limits":\{"nvidia.com\/gpu":1\}/);
    assert.match(text, /"envFrom":\[\{"secretRef":\{"name":"keys"\}\}\]/);
    assert.doesNotMatch(text, /sk-secret/);
  });
});

test("a job that is to end whatever its trainer does has its pods ended, whose grace is not the Job's", async (t) => {
  const folder = await temporaryFolder(t);
  const [command, asked] = [join(folder, 'kubectl'), join(folder, 'asked')];
  writeFileSync(command, `#!/bin/sh\necho "$@" >> '${asked}'\n`, { mode: 0o755 });
  const path = process.env.PATH;
  process.env.PATH = `${folder}${delimiter}${path}`;
  t.after(() => {
    process.env.PATH = path;
  });
  await kubernetesLauncher({ ...settings, namespace: 'lm' }, options).end({ name: 'descent-x', task: 0 });
  assert.deepEqual(readFileSync(asked, 'utf8').trim().split('\n'), [
    '--namespace=lm delete job descent-x --cascade=foreground --ignore-not-found --wait=false',
    '--namespace=lm delete pods --selector=job-name=descent-x --grace-period=1 --ignore-not-found --wait=false',
  ]);
});

describe('how jobs stand', () => {
  const job = (name: string, status: object) => ({ kind: 'Job', metadata: { name }, status });
  const pod = (name: string, status: object) => ({ kind: 'Pod', metadata: { labels: { 'job-name': name } }, status });
  const waiting = (reason: string, message?: string) => ({
    containerStatuses: [{ state: { waiting: { reason, ...(message && { message }) } } }],
  });
  const failed = { conditions: [{ type: 'Failed', status: 'True' }] };
  const unscheduled = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes: no GPU' };

  test('is asked of all together, and told with why those wait that have no pod', async (t) => {
    const folder = await temporaryFolder(t);
    const [asked, answer] = [join(folder, 'asked'), join(folder, 'answer')];
    const items = [
      job('pulls', { active: 1 }),
      pod('pulls', waiting('ImagePullBackOff', 'Back-off pulling image "descent:0.1"')),
      job('misnamed', { active: 1 }),
      pod('misnamed', waiting('InvalidImageName')),
      job('unset', { active: 1 }),
      pod('unset', waiting('CreateContainerConfigError', 'secret "keys" not found')),
      job('begins', { active: 1 }),
      pod('begins', waiting('ContainerCreating')),
      job('large', { active: 1 }),
      pod('large', { conditions: [unscheduled] }),
      job('held', { conditions: [{ type: 'Suspended', status: 'True' }] }),
      job('new', {}),
      job('runs', { active: 1, ready: 1 }),
      job('killed', failed),
      pod('killed', { containerStatuses: [{ state: { terminated: { reason: 'OOMKilled' } } }] }),
    ];
    writeFileSync(answer, JSON.stringify({ items }));
    writeFileSync(join(folder, 'kubectl'), `#!/bin/sh\necho "$@" >> '${asked}'\ncat '${answer}'\n`, { mode: 0o755 });
    const path = process.env.PATH;
    process.env.PATH = `${folder}${delimiter}${path}`;
    t.after(() => {
      process.env.PATH = path;
    });
    const launcher = kubernetesLauncher(settings, options);
    const names = ['pulls', 'misnamed', 'unset', 'begins', 'large', 'held', 'new', 'runs', 'killed', 'gone'];
    const states = await Promise.all(names.map((name) => launcher.look({ name, task: 0 })));
    const queue = (reason: string, message: string, weight: string) => ({ reason, message, weight });
    assert.deepEqual(Object.fromEntries(names.map((name, at) => [name, states[at]])), {
      pulls: {
        phase: 'queued',
        queue: queue('ImagePullBackOff', 'Back-off pulling image "descent:0.1"', 'notable'),
      },
      misnamed: { phase: 'queued', queue: queue('InvalidImageName', '', 'stuck') },
      unset: { phase: 'queued', queue: queue('CreateContainerConfigError', 'secret "keys" not found', 'notable') },
      begins: { phase: 'queued', queue: queue('ContainerCreating', '', 'ordinary') },
      large: { phase: 'queued', queue: queue('Unschedulable', '0/3 nodes: no GPU', 'notable') },
      held: { phase: 'queued', queue: queue('Suspended', '', 'ordinary') },
      new: { phase: 'queued' },
      runs: { phase: 'running' },
      killed: {
        phase: 'ended',
        by: { kind: 'out-of-memory', message: 'the pod of its job killed took more memory than it may' },
        words: 'ended as Failed',
      },
      gone: { phase: 'ended', by: null, words: 'is not known to Kubernetes any more' },
    });
    assert.equal(
      readFileSync(asked, 'utf8'),
      'get jobs,pods --selector=app.kubernetes.io/name=descent,descent/device=gpu --output=json\n',
    );
  });
});

const shutdown = new ActivityCancellationDetails({ workerShutdown: true });

/* Trainers as pods, by a `kubectl` whose cluster is this machine; each waits at its gate, step 3 of 5. */
describe('a training that a cluster runs', () => {
  let cluster: TestCluster;

  before(async () => {
    cluster = await testCluster();
  });

  after(() => cluster.remove());

  test('is left to run by a worker that shuts down, and followed by the next', async () => {
    const plan = cluster.plan('left');
    const environment = new MockActivityEnvironment();
    const first = cluster.execute(plan, environment);
    const pid = await cluster.home.atGate('left');
    environment.cancel('WORKER_SHUTDOWN', shutdown);
    await assert.rejects(first, { type: 'stopped' });
    process.kill(pid, 0);

    const next = cluster.execute(plan);
    cluster.home.openGate('left');
    await next;
    assert.equal(cluster.home.executions('left'), 1);
    assert.equal((await cluster.artifact(plan))?.provenance.executions, 1);
    const events = await cluster.read(plan, 'events.jsonl');
    assert.equal(events.match(/"event":"metrics"/g)?.length, 5, 'each event is on record once');
  });

  test('is handed in so often and no more where the cluster does not answer, and then when it does', async () => {
    const plan = cluster.plan('away');
    writeFileSync(join(cluster.folder, 'away'), '');
    const waits: unknown[] = [];
    for (let tries = 0; tries < 5; tries += 1) {
      await cluster.execute(plan).then(
        () => assert.fail('nobody answers'),
        (failure: ApplicationFailure) => {
          assert.equal(failure.type, 'no-cluster');
          assert.match(failure.message, /^away: .*: The connection to the server localhost:8080 was refused/);
          waits.push(failure.nonRetryable ? 'never' : failure.nextRetryDelay);
        },
      );
    }
    assert.deepEqual(waits, ['2 seconds', '10 seconds', '60 seconds', '300 seconds', 'never']);
    rmSync(join(cluster.folder, 'away'));
    cluster.home.openGate('away');
    await cluster.execute(plan);
    assert.ok(await cluster.artifact(plan));
  });

  test('saves and ends when nobody wants it any more', async () => {
    const plan = cluster.plan('cancelled');
    const environment = new MockActivityEnvironment();
    const ended = cluster.execute(plan, environment);
    await cluster.home.atGate('cancelled');
    const { job } = cluster.running();
    environment.cancel('CANCELLED', new ActivityCancellationDetails({ cancelRequested: true }));
    await assert.rejects(ended, { name: 'CancelledFailure' });
    assert.deepEqual(inspectNode(cluster.home.home, plan.nodes[0]?.key ?? ''), {
      state: 'partial',
      attempt: 1,
      step: 2,
    });
    await until(() => !hasJob(cluster.folder, job), 'its job is gone');
  });
});
