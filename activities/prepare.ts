import { mkdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance, version } from '@duckdb/node-api';
import { formatOf } from '../planner/files.ts';
import type { ColumnPreparation, DataRecipe, PlanNode, Preparation } from '../planner/plan.ts';
import { isHeldOutDigest, problemIdLength, promptDigest } from '../schemas/problem.ts';
import type { DoneEvent, StartedEvent } from '../schemas/types/event.ts';
import type { Attempt } from '../store/attempt.ts';
import { digestOfFile } from '../store/digest.ts';
import { prepareBenchmark } from './benchmarks/prepare.ts';
import type { Row } from './benchmarks/row.ts';
import { NodeError } from './failures.ts';
import { bringData } from './hub-data.ts';
import type { HubOptions } from './hub-files.ts';
import { findBrokenLine } from './json-lines.ts';
import { makeModel } from './own-folder.ts';

/** How it begins, as a trainer would say it. */
export const preparation: StartedEvent = {
  event: 'started',
  resumedFrom: null,
  steps: 0,
  device: 'cpu',
  engine: `DuckDB ${version()}`,
};

/**
 * Prepares files as a data set, local ones or a benchmark's on the Hub, in the attempt's `model/`:
 *
 * - with a text column (or of format `text`): `documents-train.jsonl` and `documents-heldout.jsonl`, lines of `{text}`;
 * - with prompts and answers: `problems-sft.jsonl`, `problems-rl.jsonl` and `problems-test.jsonl`, lines of
 *   `{id, prompt, solution, answer}`;
 * - with prompts and a chosen and a rejected response to each: `preferences-train.jsonl` and `preferences-heldout.jsonl`, lines
 *   of `{id, prompt, chosen, rejected}`;
 * - of a benchmark: what `prepareBenchmark` says.
 *
 * Everything follows from the content: duplicates are dropped, the rest is ordered by hash, the first share of it held
 * out, and what is left of the problems halved between SFT and RL. Of preferences those of every 20th problem are held out, as
 * those that a build makes. So the split depends on no order of files or lines.
 *
 * @throws what `bringData` and `makeModel` do; NodeError `bad-data` where the files are not those of the plan, cannot be read,
 * or hold none of these
 */
export async function prepareData(
  node: Extract<PlanNode, { type: 'data' }>,
  attempt: Attempt,
  options: HubOptions,
): Promise<{ started: StartedEvent; done: DoneEvent }> {
  const facts = await makeModel(attempt, options.signal, async (own, signal) => {
    const files = await filesOf(node, join(own, 'downloads'), { ...options, signal });
    return fill(files, join(own, 'model'), join(own, 'spill'));
  });
  return { started: preparation, done: { event: 'done', step: 0, tokens: 0, model: 'model', facts } };
}

/** Prepares files into a folder, anew; gives what they come to. What DuckDB has no memory for goes to `spill`. */
async function fill(files: Files, folder: string, spill: string): Promise<Record<string, number>> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: '1GB',
    threads: '2',
    temp_directory: spill,
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  try {
    const connection = await instance.connect();
    const facts = await prepare(connection, files, folder);
    connection.closeSync();
    return facts;
  } catch (error) {
    if (error instanceof NodeError || !isDataError(error)) throw error;
    const broken = files.recipe.format === 'jsonl' ? await findBrokenLine(files.files) : undefined;
    const what = broken === undefined ? (error as Error).message : `${broken}. Mend that line or take it out.`;
    throw new NodeError('bad-data', what);
  } finally {
    instance.closeSync();
  }
}

/** What is prepared, and how. */
interface Files {
  files: string[];
  recipe: Preparation & Pick<DataRecipe, 'format'>;
}

/** The files of a node: local ones, which must still be those of the plan, or those of the Hub, once they are here. */
async function filesOf(
  { recipe, files }: Extract<PlanNode, { type: 'data' }>,
  downloads: string,
  options: HubOptions,
): Promise<Files> {
  if ('digests' in recipe) {
    await checkDigests(files, recipe.digests);
    return { files, recipe };
  }
  if (!('benchmark' in recipe))
    throw new NodeError('bad-data', 'Descent downloads no data from the Hub but benchmarks');
  const brought = await bringData(recipe, downloads, options);
  const [format, ...others] = new Set(brought.map(formatOf));
  if (format === undefined || format === 'text' || others.length > 0) {
    const names = brought.map((path) => decodeURIComponent(basename(path))).join(', ');
    throw new NodeError(
      'bad-data',
      `${recipe.hub}: ${names} are not all jsonl, or all parquet: name others in \`files\``,
    );
  }
  return { files: brought, recipe: { ...recipe, format } };
}

async function checkDigests(files: readonly string[], digests: readonly string[]): Promise<void> {
  for (const [at, file] of files.entries()) {
    const found = await digestOfFile(file).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (found?.sha256 === digests[at]) continue;
    const what = found === undefined ? 'is gone' : 'has changed since the lineage was planned';
    throw new NodeError('bad-data', `${file} ${what}; run the lineage again, and its data gets another key`);
  }
}

async function prepare(
  connection: DuckDBConnection,
  { files, recipe }: Files,
  folder: string,
): Promise<Record<string, number>> {
  if ('benchmark' in recipe) return prepareBenchmark(recipe, rowsOf(connection, recipe, files), folder);
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
    const found =
      recipe.format === 'text' ? '' : ` They have: ${columns.join(', ') || 'no columns'}. Name yours in \`columns\`.`;
    throw new NodeError('bad-data', `no line of its files has ${wanted}.${found}`);
  }
  return { ...documents, ...problems, ...preferences };
}

/** Every row of the files, in their order, as JSON has it: with what is nested in it. */
async function* rowsOf(
  connection: DuckDBConnection,
  { format }: Files['recipe'],
  files: string[],
): AsyncGenerator<Row> {
  const query =
    format === 'parquet'
      ? `SELECT to_json(found)::VARCHAR FROM read_parquet(${list(files)}, union_by_name = true) AS found`
      : `SELECT json::VARCHAR FROM read_ndjson_objects(${list(files)})`;
  const result = await connection.stream(query);
  for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; chunk = await result.fetchChunk())
    for (const [json] of chunk.getRows()) yield JSON.parse(String(json)) as Row;
}

/** The files' columns; of JSON lines, those of the first thousand. */
async function readColumns(
  connection: DuckDBConnection,
  { format }: Files['recipe'],
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
function sourceQuery(
  { format, columns }: Files['recipe'] & ColumnPreparation,
  found: string[],
  files: string[],
): string {
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

/** A share, but at least one where there are two: a held-out part that is empty can measure nothing. */
function heldoutCount(total: number, share: number): number {
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

/** Whether DuckDB says that the files are at fault, and not the disk or the memory. */
function isDataError(error: unknown): boolean {
  return error instanceof Error && /^(Invalid Input|Conversion|Binder) Error/.test(error.message);
}

/** A JSON pointer to a field of an object. */
function pointer(field: string): string {
  return `/${field.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** Files for a reader of DuckDB, which takes paths for patterns: `[*]` stands for a star and nothing else. */
function list(files: string[]): string {
  return `[${files.map((path) => quoted(path.replace(/[*?[]/g, '[$&]'))).join(', ')}]`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
