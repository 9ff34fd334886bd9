import type { DuckDBConnection } from '@duckdb/node-api';

/** A table or a view, with what the database itself says of it. */
export interface Relation {
  name: string;
  kind: 'table' | 'view';
  comment: string;
  columns: { name: string; type: string; comment: string }[];
}

/** Every table and view that a query can name, by name. */
export async function relationsOf(connection: DuckDBConnection): Promise<Relation[]> {
  const rowsOf = async (sql: string) => (await connection.runAndReadAll(sql)).getRows();
  const relations = await rowsOf(
    `SELECT table_name, 'table', comment FROM duckdb_tables() WHERE NOT internal AND database_name = current_database()
       UNION ALL
     SELECT view_name, 'view', comment FROM duckdb_views() WHERE NOT internal AND database_name = current_database()
     ORDER BY 1`,
  );
  const columns = await rowsOf(
    `SELECT table_name, column_name, data_type, comment FROM duckdb_columns()
     WHERE NOT internal AND database_name = current_database() ORDER BY table_name, column_index`,
  );
  return relations.map(([name, kind, comment]) => ({
    name: String(name),
    kind: kind === 'view' ? 'view' : 'table',
    comment: String(comment ?? ''),
    columns: columns
      .filter(([relation]) => relation === name)
      .map(([, column, type, says]) => ({ name: String(column), type: String(type), comment: String(says ?? '') })),
  }));
}
