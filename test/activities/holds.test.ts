import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { holdActivities, isRunningWorkflow } from '../../activities/holds.ts';
import type { PlanReader } from '../../activities/plans.ts';
import type { PlanNode } from '../../planner/plan.ts';
import { widest } from '../../workflows/details.ts';
import { smallPlan } from '../fixtures/plans.ts';

/** A server that says of each workflow what it is told here, and has none else. */
function clientThat(statuses: Record<string, string>, started: { staticDetails?: string }[] = []): Client {
  const describe = async (id: string) => {
    if (statuses[id] === undefined) throw new WorkflowNotFoundError('there is none', id, undefined);
    return { status: { name: statuses[id] } };
  };
  const workflow = {
    getHandle: (id: string) => ({ describe: () => describe(id) }),
    signalWithStart: async (_: string, options: { staticDetails?: string }) => started.push(options),
  };
  return { workflow } as unknown as Client;
}

const unused = {} as PlanReader;

test('a workflow that an operator has paused runs, and its lineage keeps its nodes', async () => {
  const client = clientThat({ runs: 'RUNNING', rests: 'PAUSED', went: 'COMPLETED' });
  const running = async (id: string) => await isRunningWorkflow(client.workflow.getHandle(id));
  assert.deepEqual(await Promise.all(['runs', 'rests', 'went', 'never'].map(running)), [true, true, false, false]);
  const { endedLineages } = holdActivities('/nowhere', unused, () => client);
  assert.deepEqual(await endedLineages(['runs', 'rests', 'went', 'never']), ['went', 'never']);
});

test('the details of a node are cut to what a server takes, in bytes', async () => {
  const [node] = smallPlan('wide', [{ address: 'wide' }]).nodes as [PlanNode];
  const wide: PlanNode = { ...node, settings: { mix: '数'.repeat(14_000) } };
  const plans = { node: async () => wide } as unknown as PlanReader;
  const started: { staticDetails?: string }[] = [];
  const { requestNodes } = holdActivities('/nowhere', plans, () => clientThat({}, started));
  const settings = { queue: 'descent', window: 1, heartbeatSeconds: 1, device: 'cpu', searchAttributes: false };
  await requestNodes({ planDigest: '', indexes: [0], lineage: 'wide', settings, unlessRunning: false });
  const [{ staticDetails = '' } = {}] = started;
  const bytes = Buffer.byteLength(staticDetails);
  assert.ok(staticDetails.startsWith('**wide** ') && staticDetails.endsWith('数'));
  assert.ok(bytes <= widest.details && bytes > widest.details - 3, `${bytes} bytes`);
});
