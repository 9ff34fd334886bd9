import { relative } from 'node:path';
import type { Plan } from '../planner/plan.ts';
import { restrict } from '../planner/select.ts';
import { findHome } from '../store/home.ts';
import { rememberRun, writePlan } from '../store/plans.ts';
import { type Context, type ExitCode, exitCodes } from './context.ts';
import type { Frozen, RunEnd } from './execute.ts';
import { findDownloads, planFile, refuse } from './lineage-file.ts';
import { catchUp, readOutcome } from './outcome.ts';
import { judgeAgainstStore } from './plan.ts';
import { priceNodes } from './pricing.ts';
import { counted, whole } from './render/figures.ts';
import { jsonReporter } from './render/json-lines.ts';
import { liveReporter } from './render/live.ts';
import { plainReporter } from './render/plain.ts';
import { nodesToRun, planTotal } from './render/plan.ts';
import type { Reporter, RunOutcome } from './render/run-event.ts';
import { selectNodes } from './selection.ts';
import { shellWord } from './shell.ts';

/** Options of `descent run`. */
export interface RunOptions {
  device?: string;
  plain?: true;
  json?: true;
  select?: string[];
}

/**
 * `descent run FILE`: plans it, runs what is not done yet, follows it, and shows what came out. Where nothing is to run,
 * Temporal is not even loaded.
 */
export async function run(file: string, options: RunOptions, given: Context): Promise<ExitCode> {
  const context = options.device ? { ...given, env: { ...given.env, DESCENT_DEVICE: options.device } } : given;
  const planned = await planFile(file, context);
  if (!planned.ok) return refuse(file, planned, options, context);
  const plan = options.select
    ? restrict(planned.plan, await selectNodes(planned.plan, options.select, context))
    : planned.plan;
  const home = findHome(context.cwd, context.env);
  const verdicts = judgeAgainstStore(plan, context);
  const pending = nodesToRun(plan, verdicts);
  const missing = await findDownloads(file, pending);
  if (missing) return refuse(file, missing, options, context);
  const planDigest = await writePlan(home, plan);
  await rememberRun(home, plan.lineage, planDigest);

  const clock = () => performance.now() / 1000;
  const begun = clock();
  const reporter = reporterFor(options, context, clock);
  try {
    const { lineage, title, nodes } = plan;
    const total = planTotal(plan, verdicts, await priceNodes(nodes, verdicts, context));
    reporter.report({ event: 'planned', lineage, title, nodes: nodes.length, pending: pending.length, total });
    if (nodes.length < planned.plan.nodes.length) {
      const text = `this runs ${whole(nodes.length)} of the ${counted(planned.plan.nodes.length, 'node')} in ${file}: what --select names, and what that needs`;
      reporter.report({ event: 'notice', text });
    }
    const frozen = { home, plan, planDigest, pending };
    const telling = { report: reporter.report, clock };
    const { outcome, reason } =
      pending.length === 0
        ? await reuseAll(frozen)
        : await (await import('./execute.ts')).execute(frozen, context, telling);
    if (outcome === 'done' || outcome === 'failed') reporter.report(await readOutcome(home, plan, planDigest));
    const next = nextSteps(outcome, plan, commandOf(file, options), home, context);
    reporter.report({ event: 'ended', outcome, reason, seconds: clock() - begun, next });
    return {
      done: exitCodes.fine,
      failed: exitCodes.error,
      interrupted: exitCodes.interrupted,
      left: exitCodes.interrupted,
    }[outcome];
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

/** The command that runs the same again. */
function commandOf(file: string, { select = [] }: RunOptions): string {
  const words = [file, ...select.flatMap((selector) => ['--select', selector])];
  return `descent run ${words.map(shellWord).join(' ')}`;
}

/** Where the results are and what to do with them, in commands that can be copied. */
function nextSteps(outcome: RunOutcome, plan: Plan, command: string, home: string, context: Context): string[] {
  if (outcome === 'interrupted') return [`go on with:   ${command}`];
  if (outcome === 'left') return [`follow again: ${command}`];
  const path = relative(context.cwd, home);
  return [
    ...(outcome === 'failed' ? [`what failed:  descent status ${plan.lineage}`, `try again:    ${command}`] : []),
    `results:      ${path.startsWith('..') ? home : path}`,
    'ask them:     descent query summary',
  ];
}
