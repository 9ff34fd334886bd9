import { relative } from 'node:path';
import type { Plan, PlanNode } from '../planner/plan.ts';
import { findHome } from '../store/home.ts';
import { writePlan } from '../store/plans.ts';
import { lineageWorkflowId } from '../workflows/names.ts';
import { type Context, type ExitCode, exitCodes } from './context.ts';
import { onInterrupt } from './interrupt.ts';
import { planFile, printDiagnostics } from './lineage-file.ts';
import { catchUp, readOutcome } from './outcome.ts';
import { judgeAgainstStore } from './plan.ts';
import { jsonReporter } from './render/json-lines.ts';
import { liveReporter } from './render/live.ts';
import { plainReporter } from './render/plain.ts';
import { nodesToRun, planTotal } from './render/plan.ts';
import type { Reporter, RunEvent } from './render/run-event.ts';
import type { Session } from './session.ts';

/** Options of `descent run`. */
export interface RunOptions {
  device?: string;
  plain?: true;
  json?: true;
}

type Outcome = Extract<RunEvent, { event: 'ended' }>['outcome'];

/** A plan that is about to run. */
interface Frozen {
  home: string;
  plan: Plan;
  planDigest: string;
  /** What is not done yet. */
  pending: PlanNode[];
}

/**
 * `descent run FILE`: plans it, runs what is not done yet, follows it, and shows what came out. Without anything to run
 * no server is started. Ctrl-C cancels the lineage, which saves checkpoints; twice ends what was started at once.
 */
export async function run(file: string, options: RunOptions, given: Context): Promise<ExitCode> {
  const context = options.device ? { ...given, env: { ...given.env, DESCENT_DEVICE: options.device } } : given;
  const planned = await planFile(file);
  if (!planned.ok) {
    printDiagnostics(planned, context);
    return exitCodes.refused;
  }
  const { plan } = planned;
  const home = findHome(context.cwd, context.env);
  const planDigest = await writePlan(home, plan);
  const verdicts = judgeAgainstStore(plan, context);
  const pending = nodesToRun(plan, verdicts);

  const clock = () => performance.now() / 1000;
  const begun = clock();
  const reporter = reporterFor(options, context, clock);
  try {
    const { lineage, title, nodes } = plan;
    const total = planTotal(plan, verdicts);
    reporter.report({ event: 'planned', lineage, title, nodes: nodes.length, pending: pending.length, total });
    const frozen = { home, plan, planDigest, pending };
    const outcome = pending.length === 0 ? await reuseAll(frozen) : await execute(frozen, context, reporter, clock);
    if (outcome !== 'interrupted') reporter.report(await readOutcome(home, plan, planDigest));
    const next = nextSteps(outcome, file, home, context);
    reporter.report({ event: 'ended', outcome, seconds: clock() - begun, next });
    return { done: exitCodes.fine, failed: exitCodes.error, interrupted: exitCodes.interrupted }[outcome];
  } finally {
    reporter.close();
  }
}

function reporterFor(options: RunOptions, { terminal }: Context, clock: () => number): Reporter {
  if (options.json) return jsonReporter(terminal);
  return terminal.interactive && !options.plain ? liveReporter(terminal, clock) : plainReporter(terminal, clock);
}

async function reuseAll({ home, plan, planDigest }: Frozen): Promise<Outcome> {
  await catchUp(home, plan, planDigest);
  return 'done';
}

/** Runs what is pending on Temporal, which is loaded and started only here. */
async function execute(frozen: Frozen, context: Context, reporter: Reporter, clock: () => number): Promise<Outcome> {
  const { home, plan, planDigest, pending } = frozen;
  const [{ openSession, unservedQueues }, { runLineage }, { followLineage }] = await Promise.all([
    import('./session.ts'),
    import('./lineages.ts'),
    import('./follow.ts'),
  ]);
  const workflowId = lineageWorkflowId(plan.lineage, planDigest);
  const session = await openSession(home, workflowId, pending, context);
  const report = (event: RunEvent) => reporter.report(event);
  const following = new AbortController();
  let interrupted = false;
  const interrupt = onInterrupt(
    async () => {
      interrupted = true;
      report({ event: 'stopping' });
      await leave(session, frozen, report);
    },
    async () => {
      reporter.close();
      await session.host?.kill();
    },
  );
  try {
    const { address, uiAddress, client, settings } = session;
    report({ event: 'connected', address, uiAddress: uiOf(uiAddress, workflowId), workflowId });
    await runLineage(client, plan, planDigest, settings);
    for (const text of await unservedQueues(session, pending)) report({ event: 'notice', text });
    const followed = followLineage(session, {
      home,
      plan,
      planDigest,
      report,
      clock,
      pending: new Set(pending.map(({ key }) => key)),
      signal: following.signal,
    });
    const end = await Promise.race([followed, interrupt.left]);
    if (interrupted) {
      await interrupt.left;
      return 'interrupted';
    }
    if (end.state === 'failed') report({ event: 'notice', text: end.message });
    return end.state === 'done' || end.state === 'failed' ? end.state : 'interrupted';
  } finally {
    following.abort();
    await session.close();
    interrupt.stop();
  }
}

/** Cancels the lineage, unless another command follows it too: then this one only goes. */
async function leave(session: Session, frozen: Frozen, report: (event: RunEvent) => void): Promise<void> {
  const { cancelLineage, lineageHandle } = await import('./lineages.ts');
  const handle = lineageHandle(session.client, frozen.plan, frozen.planDigest);
  const others = (await session.host?.othersOn(handle.workflowId)) ?? 0;
  if (others > 0) report({ event: 'notice', text: 'another `descent run` follows this lineage, so it goes on' });
  else await cancelLineage(handle);
}

function uiOf(uiAddress: string | null, workflowId: string): string | null {
  return uiAddress === null ? null : `${uiAddress}/namespaces/default/workflows/${workflowId}`;
}

/** Where the results are and what to do with them, in commands that can be copied. */
function nextSteps(outcome: Outcome, file: string, home: string, context: Context): string[] {
  const path = relative(context.cwd, home);
  const shownHome = path.startsWith('..') ? home : path;
  if (outcome === 'interrupted') return [`go on with:  descent run ${file}`];
  return [
    ...(outcome === 'failed' ? [`try again:   descent run ${file}`] : []),
    `results:     ${shownHome}`,
    `ask them:    descent query summary`,
  ];
}
