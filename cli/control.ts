import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { isRunningWorkflow } from '../activities/holds.ts';
import { runsAs } from '../activities/pages.ts';
import type { Plan, PlanNode } from '../planner/plan.ts';
import { findHome } from '../store/home.ts';
import { readPlan } from '../store/plans.ts';
import type { TemporalConfig } from '../temporal.config.ts';
import { counted } from '../words/figures.ts';
import { holdersQuery, type NodeWorkflow, pausedQuery, pauseSignal, unpauseSignal } from '../workflows/messages.ts';
import { nodeWorkflowId } from '../workflows/names.ts';
import { loadConfig } from './config.ts';
import { type Context, type ExitCode, exitCodes } from './context.ts';
import { CommandError } from './failure.ts';
import { findNode, unknownLineage } from './find-node.ts';
import { cancelLineage, type LineageHandle, lineageHandle, lineageStatus, progressOfNode } from './lineages.ts';
import { askTemporal, type KnownLineage, knownLineages } from './open-lineages.ts';
import { shellWord } from './shell.ts';

/** What a person stops: a lineage that runs, or a training node that does. */
export type Target =
  | { kind: 'lineage'; name: string; plan: Plan; handle: LineageHandle }
  | { kind: 'node'; name: string; handle: WorkflowHandle<NodeWorkflow> };

/** Between two looks at what is stopping. */
const lookEveryMs = 200;
/** Beyond the time that a trainer has to save a checkpoint. */
const graceSeconds = 30;

/**
 * `descent cancel [LINEAGE|NODE]`: ends it. Its trainings that nobody else needs save a checkpoint and stop, and the next
 * `descent run` goes on from there. Returns when their devices are free.
 */
export async function cancel(subject: string | undefined, context: Context): Promise<ExitCode> {
  return await withTarget(subject, context, async (target, patienceMs) => {
    context.terminal.out(`${await cancelTarget(target, patienceMs)}, and \`descent run\` goes on from them`);
  });
}

/**
 * `descent pause [LINEAGE|NODE]`: a lineage starts nothing and lets go of what runs; a node saves a checkpoint and frees
 * its device, for every lineage that needs it. Returns when that is so.
 */
export async function pause(subject: string | undefined, context: Context): Promise<ExitCode> {
  return await withTarget(subject, context, async (target, patienceMs) => {
    context.terminal.out(
      `${await pauseTarget(target, patienceMs)}\n  go on: descent unpause ${shellWord(target.name)}`,
    );
  });
}

/** `descent unpause [LINEAGE|NODE]`: it goes on from its newest checkpoints. */
export async function unpause(subject: string | undefined, context: Context): Promise<ExitCode> {
  return await withTarget(subject, context, async (target) => {
    context.terminal.out(await unpauseTarget(target));
  });
}

/** Cancels, and waits until it has ended. Gives what was done, in a sentence; throws a CommandError where it takes too long. */
export async function cancelTarget(target: Target, patienceMs: number): Promise<string> {
  if (target.kind === 'lineage') await cancelLineage(target.handle, patienceMs);
  else {
    await target.handle.cancel();
    await until(async () => !(await isRunningWorkflow(target.handle)), patienceMs, `${target.name} has not ended`);
  }
  return `cancelled ${target.name}; its checkpoints are kept`;
}

/** Pauses, and waits until it rests. Gives and throws as `cancelTarget` does. */
export async function pauseTarget(target: Target, patienceMs: number): Promise<string> {
  await target.handle.signal(pauseSignal);
  const goingOn =
    target.kind === 'lineage' ? await lineageRests(target, patienceMs) : await nodeRests(target, patienceMs);
  const others =
    goingOn.length === 0
      ? ''
      : `; ${goingOn.join(', ')} ${goingOn.length === 1 ? 'goes' : 'go'} on, as another lineage needs ${goingOn.length === 1 ? 'it' : 'them'}`;
  return `paused ${target.name}: checkpoints are saved${others}`;
}

/** Lets it go on. Gives what was done; throws a CommandError where it is not paused. */
export async function unpauseTarget(target: Target): Promise<string> {
  const paused =
    target.kind === 'lineage'
      ? (await lineageStatus(target.handle, target.plan)).pace !== 'going'
      : await target.handle.query(pausedQuery);
  if (!paused) throw new CommandError(`${target.name} is not paused`, 'descent status shows what is');
  await target.handle.signal(unpauseSignal);
  return `${target.name} goes on`;
}

/** How long what is to stop may take, in milliseconds. */
export function patienceOf({ stopSeconds }: Pick<TemporalConfig, 'stopSeconds'>): number {
  return (stopSeconds + graceSeconds) * 1000;
}

async function withTarget(
  subject: string | undefined,
  context: Context,
  use: (target: Target, patienceMs: number) => Promise<void>,
): Promise<ExitCode> {
  const home = findHome(context.cwd, context.env);
  const { config } = await loadConfig(context.cwd, context.env);
  return await askTemporal(home, context, async (client) => {
    if (!client) throw new CommandError('nothing runs in this home', 'descent status shows what was run');
    await use(await findTarget(home, subject, client), patienceOf(config));
    return exitCodes.fine;
  });
}

async function findTarget(home: string, subject: string | undefined, client: Client): Promise<Target> {
  const known = await knownLineages(home);
  const planOf = (digest: string) => readPlan(home, digest);
  if (subject !== undefined && known.some(({ lineage }) => lineage === subject))
    return await runningLineage(known, subject, client, null, planOf);
  const running: Target[] = [];
  for (const one of known) {
    if (await isRunningWorkflow(lineageHandle(client, one, one.plan)))
      running.push(await lineageTarget(client, one, planOf));
  }
  const names = running.map(({ name }) => name).join(', ');
  if (subject === undefined) {
    const [only, second] = running;
    if (only && !second) return only;
    if (!only) throw new CommandError('no lineage runs in this home', 'descent status shows what was run');
    throw new CommandError(`${counted(running.length, 'lineage')} run: ${names}`, 'name one of them, or a node');
  }
  const { node } = await findNode(home, subject, null);
  const handle = client.workflow.getHandle<NodeWorkflow>(nodeWorkflowId(node));
  if (!(await isRunningWorkflow(handle))) throw notRunning(node, names);
  return { kind: 'node', name: node.address, handle };
}

/**
 * The lineage of that name, which runs. Throws a CommandError where it does not; `trouble` is why there is no client though a
 * server is configured.
 */
export async function runningLineage(
  known: readonly KnownLineage[],
  name: string,
  client: Client | undefined,
  trouble: string | null,
  planOf: (digest: string) => Promise<Plan>,
): Promise<Target> {
  const one = known.find(({ lineage }) => lineage === name);
  if (one === undefined)
    throw unknownLineage(
      name,
      known.map(({ lineage }) => lineage),
    );
  if (client === undefined && trouble !== null) throw new CommandError(trouble, 'see that it runs, and try again');
  if (client === undefined || !(await isRunningWorkflow(lineageHandle(client, one, one.plan))))
    throw new CommandError(`${name} does not run`, 'descent status shows what does');
  return await lineageTarget(client, one, planOf);
}

async function lineageTarget(
  client: Client,
  { lineage, plan: digest }: KnownLineage,
  planOf: (digest: string) => Promise<Plan>,
): Promise<Target> {
  const plan = await planOf(digest);
  return { kind: 'lineage', name: lineage, plan, handle: lineageHandle(client, plan, digest) };
}

function notRunning({ address, type }: PlanNode, lineages: string): CommandError {
  const hint = lineages === '' ? 'descent status shows what is done' : `name its lineage: ${lineages}`;
  if (runsAs[type] === 'activity')
    return new CommandError(`${address} is no training: what takes minutes is stopped with its lineage`, hint);
  return new CommandError(`${address} is not being trained`, 'descent status shows what is');
}

/** Waits until a paused lineage holds nothing; gives the addresses of what goes on for others. */
async function lineageRests(
  { handle, plan, name }: Extract<Target, { kind: 'lineage' }>,
  patienceMs: number,
): Promise<string[]> {
  const shared: string[] = [];
  await until(
    async () => {
      const { pace, nodes } = await lineageStatus(handle, plan);
      if (pace !== 'paused') return false;
      shared.length = 0;
      for (const { key, attempt, address, state } of nodes) {
        if (state !== 'running') continue;
        const node = handle.client.getHandle<NodeWorkflow>(nodeWorkflowId({ key, ...(attempt && { attempt }) }));
        if (!(await isRunningWorkflow(node))) continue;
        if ((await node.query(holdersQuery)).length === 0) return false;
        shared.push(address);
      }
      return true;
    },
    patienceMs,
    `${name} has not come to rest`,
  );
  return shared;
}

async function nodeRests({ handle, name }: Extract<Target, { kind: 'node' }>, patienceMs: number): Promise<string[]> {
  const rests = async () => !(await isRunningWorkflow(handle)) || (await progressOfNode(handle))?.phase === 'paused';
  await until(rests, patienceMs, `${name} has not saved its checkpoint`);
  return [];
}

async function until(holds: () => Promise<boolean>, patienceMs: number, late: string): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!(await holds())) {
    if (performance.now() > deadline) {
      throw new CommandError(`${late} after ${patienceMs / 1000} seconds`, 'descent status shows how it stands');
    }
    await sleep(lookEveryMs);
  }
}
