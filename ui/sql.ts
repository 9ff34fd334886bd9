import { existsSync } from 'node:fs';
import { runQuery } from '../results/query.ts';
import { relationsOf } from '../results/relations.ts';
import { savedQueries } from '../results/saved.ts';
import { databasePath } from '../store/home.ts';
import { Refusal } from './problem.ts';
import type { QueryRequest, Table, Vocabulary } from './protocol.ts';
import { quickReading, readResults, rowsOf } from './reading.ts';
import type { Route } from './router.ts';
import type { Shown } from './shown.ts';

/** What a query of the page may take: the writer of results waits for it as long. */
const limits = { timeoutSeconds: 30, mostRows: 10_000 };

/** A query may take long: of those that begin beside each other none begins late, or the writer would never have its turn. */
const reading = { ...quickReading, besideForSeconds: 10 };

/** SQL over the results, read-only and without files, and what it can name. */
export function sqlRoutes({ home, remembered }: Shown): Route[] {
  return [
    {
      method: 'GET',
      path: '/api/sql',
      answer: () => remembered('vocabulary', () => readVocabulary(home)),
    },
    {
      method: 'POST',
      path: '/api/sql',
      async answer({ body, signal }): Promise<Table> {
        const { sql, parameters } = requestOf(await body());
        if (!existsSync(databasePath(home)))
          throw new Refusal(409, 'there are no results yet', 'run a lineage first: descent run <file>');
        return await runQuery(home, sql, parameters, { ...limits, ...reading, signal });
      },
    },
  ];
}

function requestOf(body: unknown): QueryRequest {
  const { sql, parameters = {} } = (body ?? {}) as Partial<QueryRequest>;
  const isValue = (value: unknown) => value === null || ['string', 'number', 'boolean'].includes(typeof value);
  if (typeof sql !== 'string' || typeof parameters !== 'object' || !Object.values(parameters ?? {}).every(isValue))
    throw new Refusal(400, 'a query is {"sql": text, "parameters": {name: value}}');
  return { sql, parameters: parameters ?? {} };
}

async function readVocabulary(home: string): Promise<Vocabulary> {
  const queries = savedQueries().map(({ name, description, parameters }) => ({
    name,
    description,
    parameters: parameters.map(({ name, type, default: preset, description }) => ({
      name,
      type,
      required: preset === undefined,
      default: preset ?? null,
      description,
    })),
  }));
  return await readResults(home, { tables: [], queries, functions: [] }, async (connection) => {
    const tables = await relationsOf(connection);
    const functions = await rowsOf(
      connection,
      `SELECT DISTINCT function_name FROM duckdb_functions() WHERE regexp_full_match(function_name, '[a-z]\\w*') ORDER BY 1`,
    );
    return { tables, queries, functions: functions.map(([name]) => String(name)) };
  });
}
