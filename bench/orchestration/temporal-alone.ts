import { spawn } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import type { bareActivities, bareWorkflows } from './bare-workflows.ts';
import type { Case } from './cases.ts';
import { timed } from './descent.ts';
import { end, slots, startServer } from './server.ts';

const bareWorker = fileURLToPath(new URL('./bare-worker.js', import.meta.url));
const taskQueue = 'bare';
const count = 1000;

/** Milliseconds that Temporal takes for what nodes are on it, without anything in them. */
export interface TemporalAlone {
  /** A workflow with an activity, as a training is. */
  workflow: number;
  /** An activity of a workflow that has a thousand, as an evaluation is. */
  activity: number;
}

/**
 * Measures Temporal without Descent, with the same settings of its server. What a machine does in a second differs by two
 * from one day to the next, so that only the ratio to this, taken in the same run, says how fast Descent is.
 */
export async function measureTemporalAlone(folder: string): Promise<TemporalAlone> {
  const own = await mkdtemp(join(folder, 'temporal-alone-'));
  const { server, address } = await startServer(own);
  const worker = spawn(process.execPath, [bareWorker, address, taskQueue], { stdio: ['ignore', 'ignore', 'inherit'] });
  const connection = await Connection.connect({ address });
  const { workflow } = new Client({ connection });
  const workflows = (nodes: number) =>
    workflow.execute<typeof bareWorkflows>('bareWorkflows', {
      taskQueue,
      workflowId: `w-${nodes}`,
      args: [nodes, slots],
    });
  const activities = (nodes: number) =>
    workflow.execute<typeof bareActivities>('bareActivities', {
      taskQueue,
      workflowId: `a-${nodes}`,
      args: [nodes, slots],
    });
  try {
    await workflows(1); // The worker has started when this is done.
    const workflowSeconds = await timed(() => workflows(count));
    const activitySeconds = await timed(() => activities(count));
    return { workflow: (workflowSeconds * 1000) / count, activity: (activitySeconds * 1000) / count };
  } finally {
    await connection.close();
    await end(worker);
    await end(server);
  }
}

/** What Temporal alone takes for a node of a case, in milliseconds: the mean of what was measured. */
export function aloneOf(measured: readonly TemporalAlone[], { trainings, evaluations }: Case): number {
  const all = measured.map(({ workflow, activity }) => workflow * trainings + activity * evaluations);
  return all.reduce((sum, one) => sum + one, 0) / all.length / (trainings + evaluations);
}
