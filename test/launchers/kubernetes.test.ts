import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ActivityCancellationDetails } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { Ajv } from 'ajv';
import { executeActivity } from '../../activities/execute.ts';
import { jobManifest } from '../../activities/launchers/kubernetes.ts';
import { launcherOf } from '../../activities/launchers/launcher.ts';
import type { Plan, PlanNode } from '../../planner/plan.ts';
import { findArtifact, inspectNode } from '../../store/artifact.ts';
import type { KubernetesSettings } from '../../temporal.config.ts';
import { packageRoot } from '../cli/support.ts';
import { type TestHome, testHome, until } from '../fixtures/home.ts';
import { fakeCluster } from '../fixtures/kubectl.ts';
import { smallPlan } from '../fixtures/plans.ts';

const settings: KubernetesSettings = { image: 'descent:0.1', claim: 'lineages', mountPath: '/work', pollSeconds: 1 };
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

/* Trainers as pods, by a `kubectl` whose cluster is this machine; each waits at its gate, step 3 of 5. */
describe('a training that a cluster runs', () => {
  let home: TestHome;
  let cluster: string;
  let before_: string | undefined;

  before(async () => {
    home = await testHome();
    const made = fakeCluster(home.folder);
    cluster = made.cluster;
    before_ = process.env.PATH;
    process.env.PATH = `${made.programs}${delimiter}${before_}`;
  });

  after(async () => {
    process.env.PATH = before_;
    await home.nothingLeft();
    await home.remove();
  });

  /** An execution of the training of a plan, by a worker of its own. */
  function execute(plan: Plan, environment = new MockActivityEnvironment(), device = 'cluster') {
    const devices = { cluster: { slots: 1, threads: 1, launcher: { kubernetes: settings } } };
    const activity = executeActivity({
      home: home.home,
      plans: { plan: async () => plan, node: async (_, place) => plan.nodes[place] as PlanNode },
      trainer: home.config.trainer ?? [],
      engines: [],
      devices: { ...devices, local: { threads: 1 } },
      launchers: { cluster: launcherOf('cluster', devices.cluster) as NonNullable<ReturnType<typeof launcherOf>> },
      stopSeconds: 5,
    });
    const ended = environment.run(activity, { planDigest: '', index: 0, device });
    ended.catch(() => undefined);
    return ended;
  }

  function planOf(name: string): Plan {
    home.steer(name, { steps: 5, gateAt: 3 });
    return smallPlan(name, [{ address: name, type: 'tokenizer' }]);
  }

  const keyOf = (plan: Plan) => (plan.nodes[0] as PlanNode).key;
  const hashOf = async (plan: Plan) => {
    const artifact = await findArtifact(home.home, keyOf(plan));
    return readFileSync(join(artifact?.folder ?? '', 'model', 'hash.json'), 'utf8');
  };
  const executionsOf = async (plan: Plan) => (await findArtifact(home.home, keyOf(plan)))?.provenance.executions;
  const jobs = () => readdirSync(cluster).filter((name) => name.endsWith('.json'));
  const pod = (job: string) => Number(readFileSync(join(cluster, job.replace(/json$/, 'pid')), 'utf8'));
  const shutdown = new ActivityCancellationDetails({ workerShutdown: true });

  test('is followed to its end, ends in the bytes of a process, and its worker waits while it is queued', async () => {
    const [there, here] = [planOf('there'), planOf('here')];
    writeFileSync(join(cluster, 'pending'), '');
    const environment = new MockActivityEnvironment();
    const phases = new Set<string>();
    environment.on('heartbeat', ({ phase }: { phase: string }) => phases.add(phase));
    const ended = execute(there, environment);
    await until(() => phases.has('queued'), 'its job is queued');
    rmSync(join(cluster, 'pending'));
    await home.atGate('there');
    home.openGate('there');
    assert.deepEqual(await ended, { attempt: 1 });

    home.openGate('here');
    await execute(here, undefined, 'local');
    assert.equal(await hashOf(there), await hashOf(here));
  });

  test('is left to run by a worker that shuts down, and followed by the next', async () => {
    const plan = planOf('left');
    const environment = new MockActivityEnvironment();
    const first = execute(plan, environment);
    const pid = await home.atGate('left');
    environment.cancel('WORKER_SHUTDOWN', shutdown);
    await assert.rejects(first, { type: 'stopped' });
    process.kill(pid, 0);

    const next = execute(plan);
    home.openGate('left');
    await next;
    assert.equal(home.executions('left'), 1);
    assert.equal(await executionsOf(plan), 1);
    const events = readFileSync(
      join((await findArtifact(home.home, keyOf(plan)))?.folder ?? '', 'events.jsonl'),
      'utf8',
    );
    assert.equal(events.match(/"event":"metrics"/g)?.length, 5, 'each event is on record once');
  });

  test('that the cluster starts again goes on from its checkpoint, as the next execution', async () => {
    const plan = planOf('disrupted');
    const ended = execute(plan);
    await home.atGate('disrupted');
    process.kill(pod(newest(jobs(), cluster)), 'SIGUSR1');
    await home.atGate('disrupted');
    home.openGate('disrupted');
    await ended;
    assert.equal(home.executions('disrupted'), 2);
    assert.equal(await executionsOf(plan), 2);
  });

  test('saves and ends when nobody wants it any more', async () => {
    const plan = planOf('cancelled');
    const environment = new MockActivityEnvironment();
    const ended = execute(plan, environment);
    await home.atGate('cancelled');
    const job = newest(jobs(), cluster);
    environment.cancel('CANCELLED', new ActivityCancellationDetails({ cancelRequested: true }));
    await assert.rejects(ended, { name: 'CancelledFailure' });
    assert.deepEqual(inspectNode(home.home, keyOf(plan)), { state: 'partial', attempt: 1, step: 2 });
    await until(() => !existsSync(join(cluster, job)), 'its job is gone');
  });

  test('is ended where its node was moved to another class, which goes on from its checkpoint', async () => {
    const plan = planOf('moved');
    const environment = new MockActivityEnvironment();
    const first = execute(plan, environment);
    await home.atGate('moved');
    const job = newest(jobs(), cluster);
    environment.cancel('WORKER_SHUTDOWN', shutdown);
    await assert.rejects(first, { type: 'stopped' });
    home.openGate('moved');
    await execute(plan, undefined, 'local');
    await until(
      () => !existsSync(join(cluster, job)) || existsSync(join(cluster, job.replace(/json$/, 'code'))),
      'its job has ended',
    );
    assert.equal(await executionsOf(plan), 2);
  });
});

/** The job that was handed in last and has a pod. */
function newest(jobs: string[], cluster: string): string {
  const [job] = jobs.filter((name) => existsSync(join(cluster, name.replace(/json$/, 'pid'))));
  assert.ok(job, 'a job runs');
  return job;
}
