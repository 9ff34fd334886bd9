/** Files with named columns as a data set, by DuckDB: texts, problems, pairs of responses. */
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { ColumnPreparation, DataRecipe } from '../planner/plan.ts';
import { isHeldOutDigest, problemIdLength, promptDigest } from '../schemas/problem.ts';
import { NodeError } from './failures.ts';

/** Which columns are what, and in what files. */
export type ColumnRecipe = ColumnPreparation & Pick<DataRecipe, 'format'>;

/** Writes what the files have into a folder, and gives the counts of it. Throws a `bad-data` NodeError where that is nothing. */
export async function prepareColumns(
  connection: DuckDBConnection,
  files: string[],
  recipe: ColumnRecipe,
  folder: string,
): Promise<Record<string, number>> {
  await connection.run(
    `CREATE TABLE source AS ${sourceQuery(recipe, await readColumns(connection, recipe, files), files)}`,
  );
  const documents = await documentsOf(connection, folder, recipe.heldout);
  const problems = await problemsOf(connection, folder, recipe.heldout);
  const preferences = await preferencesOf(connection, folder);
  if (documents === null && problems === null && preferences === null) {
    const { text, prompt, answer, chosen, rejected } = recipe.columns;
    const wanted =
      recipe.format === 'text'
        ? 'text'
        : `\`${text}\`, nor both \`${prompt}\` and \`${answer}\`, nor \`${prompt}\`, \`${chosen}\` and \`${rejected}\``;
    const columns = await readColumns(connection, recipe, files);
    if (recipe.format !== 'text' && columns.length === 0)
      throw new NodeError('bad-data', 'its files hold nothing: there is no line in them, or none with a column.');
    const found = recipe.format === 'text' ? '' : ` They have: ${columns.join(', ')}. Name yours in \`columns\`.`;
    throw new NodeError('bad-data', `no line of its files has ${wanted}.${found}`);
  }
  return { ...documents, ...problems, ...preferences };
}

/** The files' columns; of JSON lines, those of the first thousand. */
async function readColumns(
  connection: DuckDBConnection,
  { format }: Pick<DataRecipe, 'format'>,
  files: string[],
): Promise<string[]> {
  if (format === 'text') return [];
  const query =
    format === 'parquet'
      ? `SELECT column_name FROM (DESCRIBE FROM read_parquet(${list(files)}, union_by_name = true))`
      : `SELECT DISTINCT unnest(json_keys(json)) AS name FROM (FROM read_ndjson_objects(${list(files)}) LIMIT 1000) ORDER BY name`;
  return (await connection.runAndReadAll(query)).getRows().map(([name]) => String(name));
}

/** Every row as text, prompt, solution, answer, chosen and rejected, null where it has none. No types are guessed: an answer is text. */
function sourceQuery({ format, columns }: ColumnRecipe, found: string[], files: string[]): string {
  const [text, ...others] = ['text', 'prompt', 'solution', 'answer', 'chosen', 'rejected'] as const;
  const names = [text, ...others];
  switch (format) {
    case 'text': {
      const absent = others.map((name) => `NULL::VARCHAR AS ${name}`);
      return `SELECT content AS ${text}, ${absent.join(', ')} FROM read_text(${list(files)})`;
    }
    case 'jsonl': {
      const fields = names.map((name) => `json_extract_string(json, ${quoted(pointer(columns[name]))}) AS ${name}`);
      return `SELECT ${fields.join(', ')} FROM read_ndjson_objects(${list(files)})`;
    }
    case 'parquet': {
      const fields = names.map((name) =>
        found.includes(columns[name]) ? `${identifier(columns[name])}::VARCHAR AS ${name}` : `NULL::VARCHAR AS ${name}`,
      );
      return `SELECT ${fields.join(', ')} FROM read_parquet(${list(files)}, union_by_name = true)`;
    }
    default:
      return format satisfies never;
  }
}

async function documentsOf(
  connection: DuckDBConnection,
  folder: string,
  heldout: number,
): Promise<Record<string, number> | null> {
  await connection.run(`
    CREATE TABLE documents AS
    SELECT text, row_number() OVER (ORDER BY hash, text) AS place, count(*) OVER () AS total
    FROM (SELECT DISTINCT text, sha256(text) AS hash FROM source WHERE regexp_matches(text, '\\S'))`);
  const [given, total] = await row(
    connection,
    `SELECT count(*) FILTER (regexp_matches(text, '\\S')), (SELECT count(*) FROM documents) FROM source`,
  );
  if (total === 0) return null;
  const kept = heldoutCount(total, heldout);
  const write = (part: string, where: string) =>
    copy(
      connection,
      `SELECT text FROM documents WHERE ${where} ORDER BY place`,
      join(folder, `documents-${part}.jsonl`),
    );
  await write('heldout', `place <= ${kept}`);
  await write('train', `place > ${kept}`);
  const [characters] = await row(connection, 'SELECT sum(length(text)) FROM documents');
  return { documents: total, heldoutDocuments: kept, duplicateDocuments: given - total, characters };
}

async function problemsOf(
  connection: DuckDBConnection,
  folder: string,
  heldout: number,
): Promise<Record<string, number> | null> {
  await connection.run(`
    CREATE TABLE given AS
    SELECT row_number() OVER () AS id, prompt, answer, coalesce(solution, 'The answer is ' || answer || '.') AS solution
    FROM source WHERE regexp_matches(prompt, '\\S') AND regexp_matches(answer, '\\S')`);
  await hashPrompts(connection, 'given', 'hashes');
  await connection.run(`
    CREATE TABLE problems AS
    SELECT substr(hash, 1, ${problemIdLength}) AS id, prompt, solution, answer, row_number() OVER (ORDER BY hash) AS place
    FROM (FROM given JOIN hashes USING (id)
          QUALIFY row_number() OVER (PARTITION BY hash ORDER BY prompt, answer, solution) = 1)`);
  const [given, total] = await row(connection, 'SELECT (SELECT count(*) FROM given), count(*) FROM problems');
  if (total === 0) return null;
  const test = heldoutCount(total, heldout);
  const sft = Math.ceil((total - test) / 2);
  const write = (part: string, where: string) =>
    copy(
      connection,
      `SELECT id, prompt, solution, answer FROM problems WHERE ${where} ORDER BY place`,
      join(folder, `problems-${part}.jsonl`),
    );
  await write('test', `place <= ${test}`);
  await write('sft', `place > ${test} AND place <= ${test + sft}`);
  await write('rl', `place > ${test + sft}`);
  return {
    problems: total,
    testProblems: test,
    sftProblems: sft,
    rlProblems: total - test - sft,
    duplicateProblems: given - total,
  };
}

/**
 * Pairs of responses, each once whatever the prompt's spaces and capitals, in the order of its digest. Throws a `bad-data` NodeError where
 * they are no text but lists of messages, as some repositories have them.
 */
async function preferencesOf(connection: DuckDBConnection, folder: string): Promise<Record<string, number> | null> {
  await connection.run(`
    CREATE TABLE compared AS
    SELECT row_number() OVER () AS id, prompt, chosen, rejected
    FROM source WHERE regexp_matches(prompt, '\\S') AND regexp_matches(chosen, '\\S') AND regexp_matches(rejected, '\\S')`);
  const [messages] = await row(
    connection,
    `SELECT count(*), 0 FROM compared WHERE regexp_matches(chosen, '^\\[\\{.*\\brole\\b', 's')`,
  );
  if (messages > 0)
    throw new NodeError(
      'bad-data',
      `in ${messages} of its pairs the chosen response is a list of messages: write its text alone into a column, and name that in \`columns\`.`,
    );
  await hashPrompts(connection, 'compared', 'compared_hashes');
  await connection.run(`
    CREATE TABLE preferences AS
    SELECT substr(hash, 1, ${problemIdLength}) AS id, prompt, chosen, rejected, heldout,
      row_number() OVER (ORDER BY hash, chosen, rejected) AS place
    FROM (FROM compared JOIN compared_hashes USING (id) WHERE chosen != rejected
          QUALIFY row_number() OVER (PARTITION BY hash, chosen, rejected ORDER BY prompt) = 1)`);
  const [given, equal] = await row(connection, 'SELECT count(*), count(*) FILTER (chosen = rejected) FROM compared');
  const [total, heldout] = await row(connection, 'SELECT count(*), count(*) FILTER (heldout) FROM preferences');
  if (given > 0 && total === 0)
    throw new NodeError(
      'bad-data',
      `in all ${given} of its pairs the chosen response is the rejected one: there is nothing to prefer. Name the right columns in \`columns\`.`,
    );
  if (total === 0) return null;
  const write = (part: string, where: string) =>
    copy(
      connection,
      `SELECT id, prompt, chosen, rejected FROM preferences WHERE ${where} ORDER BY place`,
      join(folder, `preferences-${part}.jsonl`),
    );
  await write('heldout', 'heldout');
  await write('train', 'NOT heldout');
  return {
    pairs: total,
    heldoutPairs: heldout,
    duplicatePairs: given - equal - total,
    equalPairs: equal,
  };
}

/** All, none, or a share, but at least one where there are two: a held-out part that is empty can measure nothing. */
function heldoutCount(total: number, share: number): number {
  if (share === 1) return total;
  if (share === 0 || total < 2) return 0;
  return Math.min(total - 1, Math.max(1, Math.floor(total * share)));
}

/**
 * The digest of each prompt of a table, and whether its preferences are held out, into another. DuckDB has no NFKC, so the
 * prompts pass through here, some thousands at a time.
 */
async function hashPrompts(connection: DuckDBConnection, from: string, into: string): Promise<void> {
  await connection.run(`CREATE TABLE ${into} (id BIGINT, hash VARCHAR, heldout BOOLEAN)`);
  const appender = await connection.createAppender(into);
  const prompts = await connection.stream(`SELECT id, prompt FROM ${from}`);
  for (
    let chunk = await prompts.fetchChunk();
    chunk !== null && chunk.rowCount > 0;
    chunk = await prompts.fetchChunk()
  ) {
    for (const [id, prompt] of chunk.getRows()) {
      appender.appendBigInt(id as bigint);
      const digest = promptDigest(String(prompt));
      appender.appendVarchar(digest);
      appender.appendBoolean(isHeldOutDigest(digest));
      appender.endRow();
    }
  }
  appender.closeSync();
}

async function copy(connection: DuckDBConnection, query: string, path: string): Promise<void> {
  await connection.run(`COPY (${query}) TO ${quoted(path)} (FORMAT json)`);
}

/** The first row of a query that gives whole numbers. */
async function row(connection: DuckDBConnection, query: string): Promise<[number, number]> {
  const [first = []] = (await connection.runAndReadAll(query)).getRows();
  return [Number(first[0] ?? 0), Number(first[1] ?? 0)];
}

/** A JSON pointer to a field of an object. */
function pointer(field: string): string {
  return `/${field.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** Files for a reader of DuckDB, which takes paths for patterns: `[*]` stands for a star and nothing else. */
export function list(files: string[]): string {
  return `[${files.map((path) => quoted(path.replace(/[*?[]/g, '[$&]'))).join(', ')}]`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
