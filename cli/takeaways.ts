import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { claimsOf } from '../planner/claims.ts';
import { didYouMean } from '../planner/diagnostic.ts';
import { canonicalJson, sha256 } from '../planner/key.ts';
import type { Plan } from '../planner/plan.ts';
import { withDatabase } from '../results/database.ts';
import { publicationIn } from '../results/publications.ts';
import { answerOf, type Gathered, gatherDeclared, gatherPaper } from '../results/verdicts/ask.ts';
import { keepVerdicts } from '../results/verdicts/record.ts';
import type { TakeawayVerdict } from '../results/verdicts/verdict.ts';
import { findHome } from '../store/home.ts';
import { lineagesRun, plansRun } from '../store/plans.ts';
import { type Context, type ExitCode, exitCodes } from './context.ts';
import { CommandError, Refusal } from './failure.ts';
import { planFile } from './lineage-file.ts';
import { knownLineages } from './open-lineages.ts';
import { recordedLineage } from './recorded-lineage.ts';
import { renderTakeaway, renderTakeaways } from './render/takeaways.ts';
import { shellWord } from './shell.ts';

/** Options of `descent takeaways`. */
export interface TakeawaysOptions {
  paper?: true;
  json?: true;
}

/** `descent takeaways [LINEAGE] [WHICH]`: what the results make of a lineage's claims, found anew each time. */
export async function takeaways(
  lineage: string | undefined,
  which: string | undefined,
  options: TakeawaysOptions,
  context: Context,
): Promise<ExitCode> {
  const { terminal } = context;
  const home = findHome(context.cwd, context.env);
  // What was imported has no file that could declare claims.
  const isPaper = options.paper || (lineage !== undefined && publicationIn(lineage) !== undefined);
  const {
    lineage: name,
    notices,
    found,
  } = isPaper ? await paperAsked(lineage, home) : await fileAsked(lineage, home, context);
  const shown = which === undefined ? found : [oneOf(found, which)];
  if (options.json) {
    terminal.out(JSON.stringify({ lineage: name, notices, takeaways: shown }, null, 2));
    return exitCodes.fine;
  }
  for (const notice of notices) terminal.err(notice);
  const [one] = shown;
  terminal.out(
    which !== undefined && one ? renderTakeaway(one, terminal.colours) : renderTakeaways(shown, terminal.colours),
  );
  return exitCodes.fine;
}

/** Verdicts, the lineage that they are of, and what there is to say of it. */
interface Answered {
  lineage: string;
  notices: string[];
  found: TakeawayVerdict[];
}

async function fileAsked(lineage: string | undefined, home: string, context: Context): Promise<Answered> {
  const { plan, digest, notices } = await planAsked(lineage, home, context);
  const claims = claimsOf(plan);
  if (claims.length > 0) {
    const ask = (connection: DuckDBConnection) => gatherDeclared(connection, plan.lineage, digest, claims);
    return { lineage: plan.lineage, notices, found: await answered(home, ask) };
  }
  throw new CommandError(
    `${plan.lineage} declares no takeaways`,
    `declare some in ${plan.file}, or ask the paper's: descent takeaways ${shellWord(plan.lineage)} --paper`,
  );
}

async function paperAsked(lineage: string | undefined, home: string): Promise<Answered> {
  const { lineage: name } = await recordedLineage(home, lineage);
  const ask = (connection: DuckDBConnection) => gatherPaper(connection, name);
  return { lineage: name, notices: [], found: await answered(home, ask) };
}

/** Verdicts from a look at the results, kept where nobody else has these open: who asks does not wait for a run. */
async function answered(
  home: string,
  ask: (connection: DuckDBConnection) => Promise<Gathered>,
): Promise<TakeawayVerdict[]> {
  const answer = answerOf(await withDatabase(home, 'read', ask));
  await keepVerdicts(home, answer, { patienceSeconds: 0 });
  return answer.verdicts;
}

function oneOf(found: readonly TakeawayVerdict[], which: string): TakeawayVerdict {
  const one = found.find(({ number, name }) => String(number) === which || name === which);
  if (one) return one;
  const names = found.map(({ number, name }) => name ?? String(number));
  const near = /^\d+$/.test(which) ? undefined : didYouMean(which, names);
  throw new CommandError(`there is no takeaway ${which}`, near ?? `there are ${names.join(', ')}`);
}

/**
 * The plan whose takeaways are asked: of a file, or of a lineage that was run its file as it is now, since what was edited
 * since then is no longer what the results are of; where the file is gone or not valid, as it was run last.
 */
async function planAsked(lineage: string | undefined, home: string, context: Context): Promise<AskedPlan> {
  if (lineage !== undefined && /\.ya?ml$/.test(lineage)) {
    const planned = await planFile(resolve(context.cwd, lineage), context);
    if (!planned.ok) throw new Refusal(`${lineage} has errors`, `descent validate ${shellWord(lineage)}`);
    const [run] = plansRun(home, planned.plan.lineage);
    return run ? since(run, planned.plan) : { plan: planned.plan, digest: digestOf(planned.plan), notices: [] };
  }
  const name = lineage ?? (await knownLineages(home))[0]?.lineage;
  if (name === undefined) throw new CommandError('no lineage was run in this home yet', 'descent run <file>');
  const [run] = plansRun(home, name);
  if (!run) {
    const names = await lineagesRun(home);
    throw new CommandError(`no lineage ${name} was run in this home`, didYouMean(name, names) ?? names.join(', '));
  }
  const asRun = (notice: string) => ({ plan: run, digest: digestOf(run), notices: [notice] });
  if (!existsSync(run.file)) return asRun(`${run.file} is gone: this is the lineage as it was run last`);
  const planned = await planFile(run.file, context);
  return planned.ok && planned.plan.lineage === run.lineage
    ? since(run, planned.plan)
    : asRun(`${run.file} cannot be planned now: this is the lineage as it was run last`);
}

/** A plan, what its verdicts are kept under, and what there is to say of it. */
interface AskedPlan {
  plan: Plan;
  digest: string;
  notices: string[];
}

/** A plan beside the one that was run: where all that was run is in it, what it says is said of that. */
function since(run: Plan, now: Plan): AskedPlan {
  const keys = new Map(now.nodes.map(({ address, key }) => [address, key]));
  const isSame = run.nodes.every(({ address, key }) => keys.get(address) === key);
  const notices = isSame ? [] : [`${now.file} has changed since it was run`];
  return { plan: now, digest: digestOf(isSame ? run : now), notices };
}

function digestOf(plan: Plan): string {
  return sha256(canonicalJson(plan));
}
