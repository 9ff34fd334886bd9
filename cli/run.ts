import { relative } from 'node:path';
import type { Plan } from '../planner/plan.ts';
import { findHome } from '../store/home.ts';
import { writePlan } from '../store/plans.ts';
import { type Context, type ExitCode, exitCodes } from './context.ts';
import type { Frozen, RunEnd } from './execute.ts';
import { planFile, printDiagnostics } from './lineage-file.ts';
import { catchUp, readOutcome } from './outcome.ts';
import { judgeAgainstStore } from './plan.ts';
import { jsonReporter } from './render/json-lines.ts';
import { liveReporter } from './render/live.ts';
import { plainReporter } from './render/plain.ts';
import { nodesToRun, planTotal } from './render/plan.ts';
import type { Reporter, RunOutcome } from './render/run-event.ts';

/** Options of `descent run`. */
export interface RunOptions {
  device?: string;
  plain?: true;
  json?: true;
}

/**
 * `descent run FILE`: plans it, runs what is not done yet, follows it, and shows what came out. Where nothing is to run,
 * Temporal is not even loaded.
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
    const telling = { report: reporter.report, clock };
    const { outcome, reason } =
      pending.length === 0
        ? await reuseAll(frozen)
        : await (await import('./execute.ts')).execute(frozen, context, telling);
    if (outcome !== 'interrupted') reporter.report(await readOutcome(home, plan, planDigest));
    const next = nextSteps(outcome, plan, file, home, context);
    reporter.report({ event: 'ended', outcome, reason, seconds: clock() - begun, next });
    return { done: exitCodes.fine, failed: exitCodes.error, interrupted: exitCodes.interrupted }[outcome];
  } finally {
    reporter.close();
  }
}

function reporterFor(options: RunOptions, { terminal }: Context, clock: () => number): Reporter {
  if (options.json) return jsonReporter(terminal);
  return terminal.interactive && !options.plain ? liveReporter(terminal, clock) : plainReporter(terminal, clock);
}

async function reuseAll({ home, plan, planDigest }: Frozen): Promise<RunEnd> {
  await catchUp(home, plan, planDigest);
  return { outcome: 'done', reason: null };
}

/** Where the results are and what to do with them, in commands that can be copied. */
function nextSteps(outcome: RunOutcome, plan: Plan, file: string, home: string, context: Context): string[] {
  if (outcome === 'interrupted') return [`go on with:   descent run ${file}`];
  const path = relative(context.cwd, home);
  return [
    ...(outcome === 'failed'
      ? [`what failed:  descent status ${plan.lineage}`, `try again:    descent run ${file}`]
      : []),
    `results:      ${path.startsWith('..') ? home : path}`,
    'ask them:     descent query summary',
  ];
}
