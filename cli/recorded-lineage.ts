import { didYouMean } from '../planner/diagnostic.ts';
import { runQuery } from '../results/query.ts';
import { CommandError } from './failure.ts';

/**
 * The lineage of that name in the results, run here or imported; without a name, the one that ran last. Throws a
 * CommandError, with the nearest name, where there is none.
 */
export async function recordedLineage(name: string | undefined, home: string): Promise<string> {
  const { rows } = await runQuery(home, 'SELECT lineage FROM latest_lineages ORDER BY last_recorded DESC, lineage');
  const known = rows.map(([one]) => String(one));
  const found = name ?? known[0];
  if (found === undefined)
    throw new CommandError('no lineage was run in this home yet', 'descent import published/evolm');
  if (known.includes(found)) return found;
  const near = didYouMean(found, known) ?? (known.join(', ') || 'descent import published/evolm');
  throw new CommandError(`the results have no lineage ${found}`, near);
}
