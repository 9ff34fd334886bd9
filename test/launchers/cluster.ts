import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { executeActivity } from '../../activities/execute.ts';
import { launcherOf } from '../../activities/launchers/of-class.ts';
import type { Plan, PlanNode } from '../../planner/plan.ts';
import { findArtifact } from '../../store/artifact.ts';
import { type TestHome, testHome } from '../fixtures/home.ts';
import { fakeCluster } from '../fixtures/kubectl.ts';
import { smallPlan } from '../fixtures/plans.ts';

/** A home whose trainers a cluster runs: one of Kubernetes, by a `kubectl` whose machines are this one. */
export interface TestCluster {
  home: TestHome;
  /** The folder of `test/fixtures/kubectl.ts`. */
  folder: string;
  /** A plan of one node, whose trainer waits at its gate, step 3 of 5. */
  plan(name: string, options?: { timeoutSeconds?: number }): Plan;
  /** Executes that node, as a worker of its own would, on `cluster` or as a process (`local`). */
  execute(plan: Plan, environment?: MockActivityEnvironment, device?: string): Promise<{ attempt: number }>;
  artifact(plan: Plan): ReturnType<typeof findArtifact>;
  /** A file of the artifact. */
  read(plan: Plan, ...path: string[]): Promise<string>;
  /** The name of the one job that has a pod, and that pod's process. */
  running(): { job: string; pod: number };
  remove(): Promise<void>;
}

export async function testCluster(): Promise<TestCluster> {
  const home = await testHome();
  const { programs, cluster: folder } = fakeCluster(home.folder);
  const path = process.env.PATH;
  process.env.PATH = `${programs}${delimiter}${path}`;
  const kubernetes = { image: 'descent', claim: 'lineages', mountPath: '/', pollSeconds: 0.2 };
  const devices = { local: { slots: 1, threads: 1 }, cluster: { slots: 1, threads: 1, launcher: { kubernetes } } };
  const cluster = launcherOf('cluster', devices.cluster, join(home.folder, 'logs'));
  assert.ok(cluster);
  const artifact = (plan: Plan) => findArtifact(home.home, plan.nodes[0]?.key ?? '');
  return {
    home,
    folder,
    plan(name, options = {}) {
      home.steer(name, { steps: 5, gateAt: 3 });
      return smallPlan(name, [{ address: name, type: 'tokenizer', ...options }]);
    },
    execute(plan, environment = new MockActivityEnvironment(), device = 'cluster') {
      const activity = executeActivity({
        home: home.home,
        plans: { plan: async () => plan, node: async (_, place) => plan.nodes[place] as PlanNode },
        trainer: home.config.trainer ?? [],
        engines: [],
        devices,
        launchers: { cluster },
        stopSeconds: 5,
      });
      const ended = environment.run(activity, { planDigest: '', index: 0, device }) as Promise<{ attempt: number }>;
      // Whoever asked for it awaits it a little later.
      ended.catch(() => undefined);
      return ended;
    },
    artifact,
    async read(plan, ...path) {
      return readFileSync(join((await artifact(plan))?.folder ?? '', ...path), 'utf8');
    },
    running() {
      const [file, ...others] = readdirSync(folder).filter((name) => name.endsWith('.pid'));
      assert.ok(file !== undefined && others.length === 0, 'one job has a pod');
      return { job: file.replace(/\.pid$/, ''), pod: Number(readFileSync(join(folder, file), 'utf8')) };
    },
    async remove() {
      process.env.PATH = path;
      await home.nothingLeft();
      await home.remove();
    },
  };
}

/** Whether the cluster has a job, which has not ended. */
export function hasJob(folder: string, job: string): boolean {
  return existsSync(join(folder, `${job}.json`)) && !existsSync(join(folder, `${job}.code`));
}
