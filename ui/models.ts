import { existsSync } from 'node:fs';
import { runQuery } from '../results/query.ts';
import { databasePath } from '../store/home.ts';
import { lineageNow } from './lineages.ts';
import type { Table } from './protocol.ts';
import { quickReading } from './reading.ts';
import type { Route } from './router.ts';
import type { Shown } from './shown.ts';

/** Models in one table. */
const mostModels = 10_000;

/** The evaluated models of a lineage: a row each of the view lineage_wide, without columns that have nothing in them. */
export function modelRoutes(shown: Shown): Route[] {
  return [
    {
      method: 'GET',
      path: '/api/lineages/:lineage/models',
      async answer({ parameters }): Promise<unknown> {
        const { lineage } = await lineageNow(shown, parameters.lineage as string);
        return await shown.remembered(`models ${lineage}`, async () =>
          withoutEmpty(await readModels(shown.home, lineage)),
        );
      },
    },
  ];
}

async function readModels(home: string, lineage: string): Promise<Table> {
  if (!existsSync(databasePath(home))) return { columns: [], rows: [], cut: false };
  return await runQuery(
    home,
    'SELECT * EXCLUDE (lineage) FROM lineage_wide WHERE lineage = $lineage',
    { lineage },
    { ...quickReading, mostRows: mostModels },
  );
}

/** Other lineages have columns too. */
function withoutEmpty({ columns, rows, cut }: Table): Table {
  const kept = columns.flatMap((_, index) => (rows.some((row) => row[index] !== null) ? [index] : []));
  return {
    columns: kept.map((index) => columns[index] as Table['columns'][number]),
    rows: rows.map((row) => kept.map((index) => row[index] ?? null)),
    cut,
  };
}
