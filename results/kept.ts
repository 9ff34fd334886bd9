import type { DuckDBConnection } from '@duckdb/node-api';
import { sqlFiles } from './sql-files.ts';

/*
 * What follows of a plan alone and nearly every question needs (the chain of each model, what that is made of, its
 * evaluations) is found once, when the plan is recorded, and kept in tables of their own. Each file of results/kept/ fills the
 * table that it is named after, for `$plan`, from those that are recorded and from the files before it. Like views they are made
 * anew for all plans when their text has changed.
 */

/** The text that the kept tables follow from. */
export function keptText(): string {
  return sqlFiles('kept')
    .map(({ sql }) => sql)
    .join('\n');
}

/** The kept tables, in the order in which they are filled. */
export function keptTables(): string[] {
  return sqlFiles('kept').map(({ name }) => name.replace(/^\d+-/, ''));
}

/** Fills the kept tables for a plan, in place of what they had of it. The plan and its nodes are recorded. */
export async function keepPlan(connection: DuckDBConnection, plan: string): Promise<void> {
  for (const table of keptTables()) await connection.run(`DELETE FROM ${table} WHERE plan = $plan`, { plan });
  for (const { sql } of sqlFiles('kept')) await connection.run(sql, { plan });
}

/** Fills the kept tables anew for every plan. */
export async function keepAllPlans(connection: DuckDBConnection): Promise<void> {
  for (const table of keptTables()) await connection.run(`DELETE FROM ${table}`);
  const plans = await connection.runAndReadAll('SELECT plan FROM lineages ORDER BY first_recorded, plan');
  for (const [plan] of plans.getRows())
    for (const { sql } of sqlFiles('kept')) await connection.run(sql, { plan: String(plan) });
}
