import { executeChild, proxyActivities } from '@temporalio/workflow';

/*
 * What Temporal alone is asked for: as many workflows and activities as a lineage has nodes, and nothing in them.
 */

const { nothing } = proxyActivities<{ nothing(): Promise<void> }>({ startToCloseTimeout: '1 minute' });

/** A workflow of one activity. */
export async function bareWorkflow(): Promise<void> {
  await nothing();
}

/** So many workflows of one activity each, `atOnce` at a time. */
export async function bareWorkflows(count: number, atOnce: number): Promise<void> {
  await inLanes(count, atOnce, () => executeChild(bareWorkflow));
}

/** So many activities, `atOnce` at a time. */
export async function bareActivities(count: number, atOnce: number): Promise<void> {
  await inLanes(count, atOnce, nothing);
}

async function inLanes(count: number, lanes: number, work: () => Promise<void>): Promise<void> {
  let left = count;
  const lane = async () => {
    while (left > 0) {
      left -= 1;
      await work();
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
