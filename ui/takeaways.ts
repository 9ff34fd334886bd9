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
