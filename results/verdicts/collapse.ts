import { type DuckDBConnection, LIST, listValue, VARCHAR } from '@duckdb/node-api';
import type { Question } from './question.ts';

/** Adds to questions that models in them come of an RL that collapsed: their figures are of that, too. */
export async function withCollapses(connection: DuckDBConnection, questions: readonly Question[]): Promise<Question[]> {
  const keys = [
    ...new Set(
      questions.flatMap(({ parts }) => parts.flatMap(({ points }) => points.map(({ reading }) => reading.evaluation))),
    ),
  ].flatMap((key) => key ?? []);
  if (keys.length === 0) return [...questions];
  const reader = await connection.runAndReadAll(
    `WITH RECURSIVE chain AS (
       SELECT child AS evaluation, parent AS key FROM edges
       WHERE role = 'parent' AND child IN (SELECT unnest($keys))
       UNION
       SELECT evaluation, e.parent FROM chain JOIN edges AS e ON e.child = chain.key AND e.role = 'parent'
     )
     SELECT DISTINCT evaluation FROM chain SEMI JOIN latest_facts AS f ON f.key = chain.key AND f.name = 'collapse'`,
    { keys: listValue(keys) },
    { keys: LIST(VARCHAR) },
  );
  const collapsed = new Set(reader.getRows().map(([key]) => String(key)));
  return questions.map((question) => {
    const found = question.parts
      .flatMap(({ points }) => points)
      .find(({ reading }) => reading.evaluation !== null && collapsed.has(reading.evaluation));
    return found ? { ...question, warnings: [...question.warnings, `collapsed: ${found.address}`] } : question;
  });
}
