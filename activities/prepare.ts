import { mkdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance, version } from '@duckdb/node-api';
import { formatOf } from '../planner/files.ts';
import type { DataRecipe, PlanNode, Preparation } from '../planner/plan.ts';
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
import { list, prepareColumns } from './prepare-columns.ts';

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

function prepare(
  connection: DuckDBConnection,
  { files, recipe }: Files,
  folder: string,
): Promise<Record<string, number>> {
  return 'benchmark' in recipe
    ? prepareBenchmark(recipe, rowsOf(connection, recipe, files), folder)
    : prepareColumns(connection, files, recipe, folder);
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

/** Whether DuckDB says that the files are at fault, and not the disk or the memory. */
function isDataError(error: unknown): boolean {
  return error instanceof Error && /^(Invalid Input|Conversion|Binder) Error/.test(error.message);
}
