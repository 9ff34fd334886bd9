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
import { readPlan } from '../store/plans.ts';
import { type Context, type ExitCode, exitCodes } from './context.ts';
import { CommandError } from './failure.ts';
import { isLineageFile, planFile, refusalOf } from './lineage-file.ts';
import { type RecordedLineage, recordedLineage } from './recorded-lineage.ts';
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
  const recorded = await recordedLineage(home, lineage, context);
  // What was imported has no file that could declare claims.
  const isPaper = options.paper || publicationIn(recorded.lineage) !== undefined;
  const { notices, found } = isPaper
    ? await paperAsked(recorded, home)
    : await fileAsked(lineage, recorded, home, context);
  const shown = which === undefined ? found : [oneOf(found, which)];
  if (options.json) {
    terminal.out(JSON.stringify({ lineage: recorded.lineage, notices, takeaways: shown }, null, 2));
    return exitCodes.fine;
  }
  for (const notice of notices) terminal.err(notice);
  const [one] = shown;
  terminal.out(
    which !== undefined && one
      ? renderTakeaway(one, terminal.colours)
      : renderTakeaways(shown, terminal.colours, terminal.interactive ? terminal.columns : undefined),
  );
  return exitCodes.fine;
}

/** Verdicts, and what there is to say of the plan that they are of. */
interface Answered {
  notices: string[];
  found: TakeawayVerdict[];
}

async function fileAsked(
  asked: string | undefined,
  recorded: RecordedLineage,
  home: string,
  context: Context,
): Promise<Answered> {
  const { plan, digest, notices } = await planAsked(asked, recorded, home, context);
  const claims = claimsOf(plan);
  if (claims.length > 0) {
    const ask = (connection: DuckDBConnection) => gatherDeclared(connection, plan.lineage, digest, claims);
    return { notices, found: await answered(home, ask) };
  }
  throw new CommandError(
    `${plan.lineage} declares no takeaways`,
    `declare some in ${plan.file}, or ask the paper's: descent takeaways ${shellWord(plan.lineage)} --paper`,
  );
}

async function paperAsked({ lineage, plan }: RecordedLineage, home: string): Promise<Answered> {
  const ask = (connection: DuckDBConnection) => gatherPaper(connection, lineage, plan);
  return { notices: [], found: await answered(home, ask) };
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
  const near = didYouMean(
    which,
    found.flatMap(({ name }) => name ?? []),
  );
  const there = found.map(({ number, name }) => (name === null ? String(number) : `${number} ${name}`));
  throw new CommandError(
    `there is no takeaway ${which}`,
    near ?? (there.length === 1 ? `the only one is ${there[0]}` : `there are ${there.join(', ')}`),
  );
}

/**
 * The plan whose takeaways are asked: of the file as it is now, since what was edited after it was run is no longer what
 * the results are of; where a lineage is named and its file is gone, not valid, or another one's, as it was run last.
 */
async function planAsked(
  asked: string | undefined,
  recorded: RecordedLineage,
  home: string,
  context: Context,
): Promise<AskedPlan> {
  const run = await readPlan(home, recorded.plan);
  const isNamed = asked === undefined || !isLineageFile(asked);
  const file = isNamed ? run.file : asked;
  const asRun = (what: string): AskedPlan => ({
    plan: run,
    digest: recorded.plan,
    notices: [`${run.file} ${what}: this is ${run.lineage} as it was run last`],
  });
  if (isNamed && !existsSync(file)) return asRun('is gone');
  const planned = await planFile(resolve(context.cwd, file), context);
  if (!planned.ok) {
    if (isNamed) return asRun(`has errors, which \`descent validate ${shellWord(file)}\` shows`);
    throw refusalOf(file, planned.diagnostics);
  }
  return planned.plan.lineage === run.lineage
    ? since(run, planned.plan)
    : asRun(`is the file of the lineage ${planned.plan.lineage} now`);
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
  const notices = isSame
    ? []
    : [`${now.file} has changed since it was run: what is stale waits for \`descent run ${shellWord(now.file)}\``];
  return { plan: now, digest: digestOf(isSame ? run : now), notices };
}

function digestOf(plan: Plan): string {
  return sha256(canonicalJson(plan));
}
