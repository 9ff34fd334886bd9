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
      async answer({ parameters, signal }): Promise<Table> {
        const { lineage } = await lineageNow(shown, parameters.lineage as string);
        if (!existsSync(databasePath(shown.home))) return { columns: [], rows: [], cut: false };
        const found = await runQuery(
          shown.home,
          'SELECT * EXCLUDE (lineage) FROM lineage_wide WHERE lineage = $lineage',
          { lineage },
          { ...quickReading, mostRows: mostModels, signal },
        );
        return withoutEmpty(found);
      },
    },
  ];
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
