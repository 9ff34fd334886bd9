import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { loadLineage } from '../planner/load.ts';
import { lineageOf, publications } from '../results/publications.ts';
import { runQuery } from '../results/query.ts';
import { databasePath, storeFolder } from '../store/home.ts';
import type { Context } from './context.ts';
import { CommandError } from './failure.ts';
import { unknownLineage } from './find-node.ts';
import { isLineageFile, refusalOf } from './lineage-file.ts';
import { shellWord } from './shell.ts';

/** A lineage that the results have, run here or imported, and the digest of the plan that is its current version. */
export interface RecordedLineage {
  lineage: string;
  plan: string;
}

/**
 * The lineage of that name in the results, or that of a lineage file; without either the one that ran last, and where none
 * ran what was imported. Throws a CommandError, which says what there is, where the results do not have it, and a Refusal
 * for a file that cannot be read.
 */
export async function recordedLineage(
  home: string,
  asked: string | undefined,
  context: Pick<Context, 'cwd'>,
): Promise<RecordedLineage> {
  const known = await recordedLineages(home);
  const name = asked !== undefined && isLineageFile(asked) ? await nameIn(asked, context) : asked;
  const found = name === undefined ? known[0] : known.find(({ lineage }) => lineage === name);
  if (found) return found;
  if (publications.some((one) => lineageOf(one) === name))
    throw new CommandError(`${name} is not imported into ${home} yet`, `descent import ${name}`);
  if (name !== asked)
    throw new CommandError(
      `the lineage ${name} was not run in ${home} yet`,
      `descent run ${shellWord(asked as string)}`,
    );
  if (name === undefined || known.length === 0)
    throw new CommandError(
      `nothing was run in ${home} yet`,
      '`descent run <file>` runs a lineage, `descent import published/evolm` brings what a paper reports',
    );
  throw unknownLineage(
    name,
    known.map(({ lineage }) => lineage),
  );
}

/** All of them, the one that ran last first; imported ones count as run when they came out. */
async function recordedLineages(home: string): Promise<RecordedLineage[]> {
  if (!existsSync(databasePath(home)) && !existsSync(storeFolder(home))) return [];
  const { rows } = await runQuery(
    home,
    'SELECT lineage, plan FROM latest_lineages ORDER BY last_recorded DESC, lineage',
  );
  return rows.map(([lineage, plan]) => ({ lineage: String(lineage), plan: String(plan) }));
}

async function nameIn(file: string, { cwd }: Pick<Context, 'cwd'>): Promise<string> {
  const loaded = await loadLineage(resolve(cwd, file));
  if (!loaded.ok) throw refusalOf(file, loaded.diagnostics);
  return loaded.lineage.file.lineage;
}
