import { existsSync } from 'node:fs';
import { claimsOf } from '../planner/claims.ts';
import { withDatabase } from '../results/database.ts';
import { answerOf, gatherDeclared, gatherPaper } from '../results/verdicts/ask.ts';
import { databasePath } from '../store/home.ts';
import { lineageNow } from './lineages.ts';
import type { LineageNow } from './live.ts';
import { Refusal } from './problem.ts';
import type { Takeaways } from './protocol.ts';
import { quickReading } from './reading.ts';
import type { Route } from './router.ts';
import type { Shown } from './shown.ts';

/** What the results make of claims: those of the file as it was run last, or the paper's twelve. Nothing is kept of it. */
export function takeawayRoutes(shown: Shown): Route[] {
  return [
    {
      method: 'GET',
      path: '/api/lineages/:lineage/takeaways',
      async answer({ parameters, query }): Promise<unknown> {
        const of = query.get('of') ?? 'file';
        if (of !== 'file' && of !== 'paper')
          throw new Refusal(400, `of is file or paper, and not ${JSON.stringify(of)}`);
        const now = await lineageNow(shown, parameters.lineage as string);
        return await shown.remembered(`takeaways ${of} ${now.digest}`, () => findNow(shown.home, now, of));
      },
    },
  ];
}

async function findNow(home: string, now: LineageNow, of: 'file' | 'paper'): Promise<Takeaways> {
  if (!existsSync(databasePath(home))) return { notices: ['there are no results yet'], takeaways: [] };
  const claims = of === 'file' ? claimsOf(await now.plan()) : [];
  if (of === 'file' && claims.length === 0) return { notices: [`${now.lineage} declares no takeaways`], takeaways: [] };
  const gathered = await withDatabase(
    home,
    'read',
    (connection) =>
      of === 'paper'
        ? gatherPaper(connection, now.lineage, now.digest)
        : gatherDeclared(connection, now.lineage, now.digest, claims),
    quickReading,
  );
  return { notices: [], takeaways: answerOf(gathered).verdicts };
}
