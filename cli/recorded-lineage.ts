import { didYouMean } from '../planner/diagnostic.ts';
import { runQuery } from '../results/query.ts';
import { CommandError } from './failure.ts';

/** A lineage that the results have, run here or imported, and the digest of the plan that is its current version. */
export interface RecordedLineage {
  lineage: string;
  plan: string;
}

/**
 * The lineage of that name in the results; without a name the one that ran last. Throws a CommandError, which names the
 * nearest, where there is none.
 */
export async function recordedLineage(home: string, name: string | undefined): Promise<RecordedLineage> {
  const { rows } = await runQuery(
    home,
    'SELECT lineage, plan FROM latest_lineages ORDER BY last_recorded DESC, lineage',
  );
  const known = rows.map(([lineage, plan]) => ({ lineage: String(lineage), plan: String(plan) }));
  const found = name === undefined ? known[0] : known.find(({ lineage }) => lineage === name);
  if (found) return found;
  if (name === undefined)
    throw new CommandError('no lineage was run in this home yet', 'descent import published/evolm');
  const names = known.map(({ lineage }) => lineage);
  const near = didYouMean(name, names) ?? (names.join(', ') || 'descent import published/evolm');
  throw new CommandError(`the results have no lineage ${name}`, near);
}
