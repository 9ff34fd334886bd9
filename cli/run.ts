import { join, relative } from 'node:path';
import type { Planned } from '../planner/expand.ts';
import type { Plan } from '../planner/plan.ts';
import { restrict } from '../planner/select.ts';
import { smokePlan } from '../planner/smoke.ts';
import { withDatabase } from '../results/database.ts';
import { answerOf } from '../results/verdicts/ask.ts';
import { keepVerdicts } from '../results/verdicts/record.ts';
import { findHome } from '../store/home.ts';
import { rememberRun, writePlan } from '../store/plans.ts';
import { counted, whole } from '../words/figures.ts';
import { readOutcome } from '../words/outcome.ts';
import { catchUp } from './catch-up.ts';
import { loadConfig } from './config.ts';
import { type Context, type ExitCode, exitCodes } from './context.ts';
import type { Frozen, RunEnd, Telling } from './execute.ts';
import { CommandError } from './failure.ts';
import { forceSelected, forceStillToDo, refuseForcedOutside } from './forcing.ts';
import { priceWithin } from './hours.ts';
import { findDownloads, planFile, refuse } from './lineage-file.ts';
import { judgeAgainstStore } from './plan.ts';
import { openPricer, type Pricer } from './pricing.ts';
import { programNotes } from './programs.ts';
import { jsonReporter } from './render/json-lines.ts';
import { liveReporter } from './render/live.ts';
import { plainReporter } from './render/plain.ts';
import { nodesToRun, planTotal } from './render/plan.ts';
import type { Reporter, RunOutcome } from './render/run-event.ts';
import { selectNodes } from './selection.ts';
import { shellWord } from './shell.ts';
import { withStorage } from './storage.ts';
import type { Page } from './ui.ts';
import { type Admitted, admitPlan } from './written-plan.ts';

/** Options of `descent run`. */
export interface RunOptions {
  device?: string;
  plain?: true;
  json?: true;
  select?: string[];
  /** Selectors of nodes to run again, though they are done. */
  force?: string[];
  /** A plan that `descent plan -o` wrote. */
  plan?: string;
  /** Run everything at toy size, in a home of its own. */
  smoke?: true;
  /** End at the first failure. */
  failFast?: true;
  /** Port of 127.0.0.1 for Prometheus. */
  metricsPort?: number;
  /** Whether the page is served meanwhile; by default where a person watches. */
  ui?: boolean;
}

/**
 * `descent run FILE`: plans it, runs what is not done yet, follows it, and shows what came out. With `--plan` what runs is
 * a plan that was written before. Where nothing is to run, Temporal is not even loaded.
 */
export async function run(file: string | undefined, options: RunOptions, given: Context): Promise<ExitCode> {
  const placed = options.device ? { ...given, env: { ...given.env, DESCENT_DEVICE: options.device } } : given;
  const context = options.smoke ? atToySize(placed) : placed;
  const asked = await requestOf(file, options, placed, context);
  if (!('plan' in asked)) return refuse(asked.file, asked.refused, options, placed);
  const { plan, verdicts, price, notices, command } = asked;
  const home = findHome(context.cwd, context.env);
  const pending = nodesToRun(plan, verdicts);
  const { config } = await loadConfig(context.cwd, context.env);
  const planDigest = await writePlan(home, plan);
  await rememberRun(home, plan.lineage, planDigest);

  const clock = () => performance.now() / 1000;
  const begun = clock();
  const reporter = reporterFor(options, context, clock);
  try {
    const { lineage, title, nodes } = plan;
    const total = planTotal(plan, verdicts, price(nodes, verdicts));
    reporter.report({ event: 'planned', lineage, title, nodes: nodes.length, pending: pending.length, total });
    for (const text of [...notices, ...programNotes(pending, config)]) reporter.report({ event: 'notice', text });
    const frozen = { home, plan, planDigest, verdicts, pending };
    const telling = { report: reporter.report, clock };
    const { outcome, reason } =
      pending.length === 0 ? await reuseAll(frozen, context) : await executeShown(frozen, options, context, telling);
    // What toys have learned is nothing to be told.
    if (!options.smoke && (outcome === 'done' || outcome === 'failed')) {
      const { gathered, ...told } = await withDatabase(home, 'read', (connection) =>
        readOutcome(connection, plan, planDigest),
      );
      const answer = answerOf(gathered);
      reporter.report({ event: 'summary', ...told, takeaways: answer.verdicts });
      await keepVerdicts(home, answer);
    }
    if (outcome === 'failed' && forceStillToDo(plan, home).length > 0) reporter.report({ event: 'notice', text: kept });
    const next = nextSteps(outcome, plan, command(home), home, context, options);
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

const kept = 'of what was forced and is not done, the attempt before is kept, and results take it';

/** What is to run, what a person should know of it beforehand, and the command that runs the same again. */
type Request = Admitted & { price: Pricer; command: (home: string) => string };

/** What the command line asks for, or the lineage file that cannot be planned: it is read in one home, and run in another where it is run at toy size. */
async function requestOf(
  file: string | undefined,
  options: RunOptions,
  placed: Context,
  context: Context,
): Promise<Request | { file: string; refused: Extract<Planned, { ok: false }> }> {
  const { plan: path, select, force, smoke } = options;
  if (path !== undefined) {
    if (file !== undefined || select !== undefined || force !== undefined || smoke)
      throw new CommandError(
        '--plan runs a plan as it was written: name no lineage file, no --select, no --force and no --smoke beside it',
      );
    const admitted = await admitPlan(path, placed);
    return { ...admitted, price: (await openPricer(placed)).price, command: () => commandOf(['--plan', path]) };
  }
  if (file === undefined) throw new CommandError('what should run?', 'name a lineage file, or a plan with --plan');
  const declared = await planFile(file, placed);
  const planned = smoke ? smaller(declared) : declared;
  if (!planned.ok) return { file, refused: planned };
  const all = await forceSelected(planned.plan, force, context);
  const plan = select ? restrict(all, await selectNodes(all, select, context)) : all;
  refuseForcedOutside(all, plan.nodes);
  const verdicts = await judgeAgainstStore(all, context, plan.nodes);
  const missing = findDownloads(planned, nodesToRun(plan, verdicts));
  if (missing) return { file, refused: missing };
  const priced = await priceWithin(planned, verdicts, context);
  if (priced.refused) return { file, refused: priced.refused };
  const part = `this runs ${whole(plan.nodes.length)} of the ${counted(all.nodes.length, 'node')} in ${file}: what --select names, and what that needs`;
  return {
    plan,
    verdicts,
    price: priced.price,
    notices: [
      ...(smoke ? ['at toy size, in a home of its own: nothing of the lineage itself is run or changed'] : []),
      ...(plan.nodes.length < all.nodes.length ? [part] : []),
      ...priced.notes,
    ],
    command: (home) =>
      commandOf([
        file,
        ...(smoke ? ['--smoke'] : []),
        ...(select ?? []).flatMap((selector) => ['--select', selector]),
        ...forceStillToDo(plan, home),
      ]),
  };
}

/** The planned file at toy size: what it costs is no reason to refuse it. Throws a CommandError where there is no such size. */
function smaller(planned: Planned): Planned {
  const valid = planned.ok ? planned : planned.overBudget;
  if (!valid) return planned;
  const smoke = smokePlan(valid.plan);
  if (!smoke.ok) throw new CommandError(smoke.message, smoke.hint);
  return { ...valid, plan: smoke.plan };
}

/** The home within the home where toys are: its results are nobody's, and it can be removed. */
function atToySize(context: Context): Context {
  return { ...context, env: { ...context.env, DESCENT_HOME: join(findHome(context.cwd, context.env), 'smoke') } };
}

function reporterFor(options: RunOptions, { terminal }: Context, clock: () => number): Reporter {
  if (options.json) return jsonReporter(terminal);
  return terminal.interactive && !options.plain ? liveReporter(terminal, clock) : plainReporter(terminal, clock);
}

/** Executes what is pending, and serves the page meanwhile where that is wanted. */
async function executeShown(
  frozen: Frozen,
  { failFast, metricsPort, ui, plain, json }: RunOptions,
  context: Context,
  telling: Telling,
): Promise<RunEnd> {
  const { execute } = await import('./execute.ts');
  const isShown = ui ?? (context.terminal.interactive && !plain && !json);
  const page = isShown ? await servePage(frozen, context, telling) : undefined;
  try {
    return await execute(frozen, { failFast, metricsPort }, context, telling);
  } finally {
    await page?.close();
  }
}

async function servePage({ home, plan }: Frozen, context: Context, { report }: Telling): Promise<Page> {
  const { openPage } = await import('./ui.ts');
  const notice = (text: string) => report({ event: 'notice', text });
  const failed = (error: unknown) => notice(`the page: ${error instanceof Error ? error.message : String(error)}`);
  const page = await openPage(home, { port: 0, lineage: plan.lineage, report: failed }, context);
  notice(`in a browser: ${page.address}`);
  return page;
}

async function reuseAll({ home, plan, planDigest, verdicts }: Frozen, context: Context): Promise<RunEnd> {
  await withStorage(context, async (storage) => {
    const { exchange } = await import('./exchange.ts');
    await exchange(home, storage, plan.nodes);
  });
  await catchUp(home, plan, planDigest, verdicts);
  return { outcome: 'done', reason: null };
}

function commandOf(words: readonly string[]): string {
  return `descent run ${words.map(shellWord).join(' ')}`;
}

/** Where the results are and what to do with them, in commands that can be copied. */
function nextSteps(
  outcome: RunOutcome,
  plan: Plan,
  command: string,
  home: string,
  context: Context,
  { smoke }: RunOptions,
): string[] {
  if (outcome === 'interrupted') return [`go on with:   ${command}`];
  if (outcome === 'left') return [`follow again: ${command}`];
  const path = relative(context.cwd, home);
  const shown = path.startsWith('..') ? home : path;
  const descent = smoke ? `descent --home ${shellWord(shown)}` : 'descent';
  return [
    ...(outcome === 'failed' ? [`what failed:  ${descent} status ${plan.lineage}`, `try again:    ${command}`] : []),
    `results:      ${shown}`,
    `ask them:     ${descent} query summary`,
  ];
}
