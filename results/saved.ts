import { didYouMean } from '../planner/diagnostic.ts';
import { QueryError } from './errors.ts';
import { sqlFiles } from './sql-files.ts';

/** Types that a saved query's parameter may have. */
const parameterTypes = ['VARCHAR', 'INTEGER', 'DOUBLE', 'BOOLEAN'] as const;
export type ParameterType = (typeof parameterTypes)[number];

/** One `$name` of a saved query. */
export interface SavedParameter {
  name: string;
  type: ParameterType;
  /** Taken where none is given; null for SQL's NULL; undefined where one must be given. */
  default: string | null | undefined;
  /** The value must be in this column, where one is named. */
  known: { table: string; column: string } | undefined;
  description: string;
}

/** A query in an SQL file of its own, whose comment at the top says what it is for. */
export interface SavedQuery {
  name: string;
  description: string;
  parameters: SavedParameter[];
  sql: string;
}

/** All queries that ship with Descent, by name. */
export function savedQueries(): SavedQuery[] {
  return sqlFiles('queries').map(({ name, sql }) => readSavedQuery(name, sql));
}

/** The saved query of that name. Throws a QueryError that names the nearest where there is none. */
export function findSavedQuery(name: string): SavedQuery {
  const queries = savedQueries();
  const names = queries.map((query) => query.name);
  const found = queries.find((query) => query.name === name);
  if (found) return found;
  const near = didYouMean(name, names) ?? `there are ${names.join(', ')};`;
  throw new QueryError(`there is no saved query ${name}: ${near} \`descent query --list\` describes them all`);
}

/** Whether a saved query has that name. */
export function isSavedQuery(name: string): boolean {
  return sqlFiles('queries').some((query) => query.name === name);
}

/**
 * The query in an SQL file, of which `name` is the name. It may begin with its description in comment lines, then one line a
 * parameter: `-- $name TYPE [= default] [in table.column]: description`. A lineage whose default is NULL is the one that ran last.
 * Throws a QueryError for a line that is none.
 */
export function readSavedQuery(name: string, sql: string): SavedQuery {
  const lines = sql.split('\n');
  const header = lines
    .slice(
      0,
      lines.findIndex((line) => !line.startsWith('--')),
    )
    .map((line) => line.slice(2).trim());
  return {
    name,
    sql,
    description: header.filter((line) => !line.startsWith('$')).join(' '),
    parameters: header.filter((line) => line.startsWith('$')).map((line) => parseParameter(name, line)),
  };
}

function parseParameter(query: string, line: string): SavedParameter {
  const found = /^\$(\w+) ([A-Z]+)(?: = (\S+))?(?: in (\w+)\.(\w+))?: (.+)$/.exec(line);
  const [, name = '', type = '', preset, table, column, description = ''] = found ?? [];
  if (!isParameterType(type))
    throw new QueryError(
      `${query}.sql: cannot read the parameter line "${line}"; it is written $name TYPE = default in table.column: description, ` +
        `and TYPE is one of ${parameterTypes.join(', ')}`,
    );
  return {
    name,
    type,
    default: preset === 'NULL' ? null : preset,
    known: table !== undefined && column !== undefined ? { table, column } : undefined,
    description,
  };
}

function isParameterType(text: string): text is ParameterType {
  return (parameterTypes as readonly string[]).includes(text);
}
