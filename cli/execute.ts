import type { Key, Plan, PlanNode } from '../planner/plan.ts';
import { lineageWord, type Verdict } from '../planner/verdict.ts';
import { sharePlan } from '../store/remote/plans.ts';
import { counted } from '../words/figures.ts';
import { lineageWorkflowId } from '../workflows/names.ts';
import { catchUp } from './catch-up.ts';
import { loadConfig } from './config.ts';
import type { Context } from './context.ts';
import { exchange } from './exchange.ts';
import { CommandError } from './failure.ts';
import { followLineage } from './follow.ts';
import { serverFailure } from './host.ts';
import { watchInterrupts } from './interrupt.ts';
import { cancelLineage, joiningNotices, type LineageEnd, lineageHandle, runLineage } from './lineages.ts';
import { judgeAgainstStore } from './plan.ts';
import { nodesToRun } from './render/plan.ts';
import type { RunEvent, RunOutcome } from './render/run-event.ts';
import { deviceNotices, openSession, type Session } from './session.ts';
import { withStorage } from './storage.ts';
import { openTracing } from './telemetry.ts';
import type { Tracing } from './tracing.ts';

/** A plan that is about to run. */
export interface Frozen {
  home: string;
  plan: Plan;
  planDigest: string;
  verdicts: ReadonlyMap<Key, Verdict>;
  /** What is not done yet. */
  pending: PlanNode[];
}

/** How a run ended; `reason` where there is more to say. */
export interface RunEnd {
  outcome: RunOutcome;
  reason: string | null;
}

/** What a person asked for beside the plan. */
export interface ExecuteOptions {
  failFast: boolean | undefined;
  metricsPort: number | undefined;
}

/** Whom to tell, and what time it is in seconds. */
export interface Telling {
  report: (event: RunEvent) => void;
  clock: () => number;
}

/**
 * Runs what is pending of a plan on Temporal, and follows it to its end. Ctrl-C cancels the lineage, which saves
 * checkpoints; the second one ends at once what was started here.
 */
export async function execute(
  frozen: Frozen,
  options: ExecuteOptions,
  context: Context,
  telling: Telling,
): Promise<RunEnd> {
  const { plan, planDigest } = frozen;
  const { config } = await loadConfig(context.cwd, context.env);
  const tell = (text: string) => telling.report({ event: 'notice', text });
  const tracing = await openTracing(config, context.env, tell);
  try {
    const attributes = {
      'descent.lineage': plan.lineage,
      'descent.plan': planDigest,
      'descent.nodes': plan.nodes.length,
    };
    return await tracing.during(`run ${plan.lineage}`, attributes, () =>
      executeTraced(frozen, options, context, telling, tracing),
    );
  } finally {
    await tracing.close();
  }
}

async function executeTraced(
  frozen: Frozen,
  options: ExecuteOptions,
  context: Context,
  telling: Telling,
  tracing: Tracing,
): Promise<RunEnd> {
  const { home, plan, planDigest, pending, verdicts } = frozen;
  const { failFast, metricsPort } = options;
  const { report } = telling;
  const workflowId = lineageWorkflowId(plan.lineage, planDigest);
  const notice = (text: string) => report({ event: 'notice', text });
  const session = await openSession(home, workflowId, pending, context, notice, { tracing, metricsPort });
  const interrupts = watchInterrupts();
  const following = new AbortController();
  try {
    const { address, client, settings } = session;
    report({ event: 'connected', address, uiAddress: pageOf(session, workflowId), workflowId });
    if (((await session.host?.othersOn(workflowId)) ?? 0) > 0) notice('follows a run that is already under way');
    const verdict = lineageWord(verdicts.values());
    await withStorage(context, (storage) => sharePlan(storage, plan));
    try {
      for (const text of await joiningNotices(client, plan, planDigest, settings)) notice(text);
      await runLineage(client, plan, planDigest, settings, { failFast, verdict });
    } catch (error) {
      throw session.host === null ? error : serverFailure(home, error);
    }
    for (const text of await deviceNotices(session, pending)) notice(text);
    const { DESCENT_DEVICE: chosen } = context.env;
    if (chosen && plan.nodes.every(({ placement }) => placement.device !== 'auto')) {
      notice(`the device ${chosen} was chosen for nothing: the placement says \`device: auto\` for no stage`);
    }

    const killed = interrupts.insisted.then(() => {
      following.abort();
      return kill(session);
    });
    const left = interrupts.asked
      .then(() => leave(session, frozen, report, following))
      .then((end) => (interrupts.pressed() > 1 ? killed : end));
    const followed = followLineage(session, {
      ...telling,
      ...frozen,
      pending: new Set(pending.map(({ key }) => key)),
      signal: following.signal,
    }).then((end) => (interrupts.pressed() > 0 ? left : endOf(end, frozen, context)));
    return await Promise.race([followed, left, killed]);
  } finally {
    following.abort();
    await session.close();
    interrupts.stop();
  }
}

/**
 * Cancels the lineage, unless another command follows it too: then this one only goes. Returns when the trainers that
 * nobody else needs have saved their checkpoints.
 */
async function leave(
  session: Session,
  { plan, planDigest }: Frozen,
  report: Telling['report'],
  following: AbortController,
): Promise<RunEnd> {
  const others = (await session.host?.othersOn(lineageWorkflowId(plan.lineage, planDigest))) ?? 0;
  if (others === 0) {
    report({ event: 'stopping' });
    await cancelOn(session, plan, planDigest);
  }
  // Or it would be taken for a host that was killed, and started again.
  following.abort();
  await session.close();
  if (others === 0) return { outcome: 'interrupted', reason: null };
  return { outcome: 'left', reason: 'it goes on in the other `descent run`' };
}

/** Cancels the lineage, once more where who follows it connected anew meanwhile: the server was lost, and is there again. */
async function cancelOn(session: Session, plan: Plan, planDigest: string): Promise<void> {
  const { client, address } = session;
  const handle = lineageHandle(client, plan, planDigest);
  try {
    await cancelLineage(handle);
  } catch (error) {
    if (session.client !== client) return await cancelOn(session, plan, planDigest);
    if (error instanceof CommandError) throw error;
    const message = `could not cancel ${handle.workflowId}: Temporal at ${address} does not answer`;
    throw new CommandError(message, 'it goes on there, and `descent run` joins it again', error);
  }
}

async function kill(session: Session): Promise<RunEnd> {
  await session.host?.kill();
  return { outcome: 'interrupted', reason: 'stopped at once, so what was done since the newest checkpoints is lost' };
}

async function endOf(end: LineageEnd | { state: 'left' }, frozen: Frozen, context: Context): Promise<RunEnd> {
  switch (end.state) {
    case 'done':
      await takeResults(frozen, context);
      return { outcome: 'done', reason: null };
    case 'failed':
      await takeResults(frozen, context);
      return { outcome: 'failed', reason: end.message };
    case 'cancelled':
      return { outcome: 'interrupted', reason: 'somebody else cancelled it' };
    case 'gone':
      return await endInStore(frozen, context);
    case 'left':
      return { outcome: 'interrupted', reason: null };
    default:
      return end satisfies never;
  }
}

/** With a storage, results went into the home of who began the lineage, which may be another host's: they are had here too. */
async function takeResults({ home, plan, planDigest }: Frozen, context: Context): Promise<void> {
  await withStorage(context, async (storage) => {
    await exchange(home, storage, plan.nodes);
    await catchUp(home, plan, planDigest, await judgeAgainstStore(plan, context));
  });
}

/** How a lineage ended that Temporal no longer has: the store says what is done. */
async function endInStore({ home, plan, planDigest }: Frozen, context: Context): Promise<RunEnd> {
  const verdicts = await judgeAgainstStore(plan, context);
  const missing = nodesToRun(plan, verdicts).length;
  if (missing > 0) {
    const reason = `Temporal no longer has its workflow, and ${missing} of ${counted(plan.nodes.length, 'node')} are not done`;
    return { outcome: 'interrupted', reason };
  }
  await catchUp(home, plan, planDigest, verdicts);
  return { outcome: 'done', reason: null };
}

function pageOf({ uiAddress, client }: Session, workflowId: string): string | null {
  return uiAddress === null ? null : `${uiAddress}/namespaces/${client.options.namespace}/workflows/${workflowId}`;
}
