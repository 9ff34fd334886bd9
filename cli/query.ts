import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Parameters, runQuery, writeParquet } from '../results/query.ts';
import { readSavedQuery, type SavedQuery, savedQueries } from '../results/saved.ts';
import { findHome } from '../store/home.ts';
import { counted } from '../words/figures.ts';
import { absolute, type Context, type ExitCode, exitCodes } from './context.ts';
import { CommandError } from './failure.ts';
import { outputFile, whileWriting, writeOutput } from './output.ts';
import { columns } from './render/columns.ts';
import { formatRows, type RowFormat } from './render/rows.ts';
import type { Colours } from './render/terminal.ts';

/** Options of `descent query`. */
export interface QueryOptions {
  format: RowFormat | 'parquet';
  output?: string;
  param?: string[];
  list?: true;
  allowFiles?: true;
}

/** `descent query SQL|NAME|FILE.sql`: rows from the results, printed or written to a file. */
export async function query(sqlOrName: string | undefined, options: QueryOptions, context: Context): Promise<ExitCode> {
  const { terminal } = context;
  if (options.list) {
    const saved = savedQueries();
    terminal.out(options.format === 'json' ? JSON.stringify(saved, null, 2) : renderList(saved, terminal.colours));
    return exitCodes.fine;
  }
  if (sqlOrName === undefined) {
    throw new CommandError('there is nothing to ask', 'give SQL or the name of a saved query; --list shows the names');
  }
  const home = findHome(context.cwd, context.env);
  const asked = await questionOf(sqlOrName, context);
  const parameters = readParameters(options.param ?? []);
  const files = options.allowFiles === true;
  const output =
    options.output === undefined ? undefined : await outputFile(options.output, '--output rows.csv', context);
  if (options.format === 'parquet') {
    if (output === undefined) {
      throw new CommandError('Parquet is not for a terminal', 'name a file for it: --output rows.parquet');
    }
    const rows = await whileWriting(output.name, (signal) =>
      writeParquet(home, asked, parameters, output.path, { files, signal }),
    );
    terminal.err(`wrote ${counted(rows, 'row')} to ${output.name}`);
    return exitCodes.fine;
  }
  const result = await runQuery(home, asked, parameters, { files });
  const text = formatRows(result, options.format);
  if (output === undefined) {
    terminal.out(text);
    return exitCodes.fine;
  }
  await writeOutput(output, text);
  terminal.err(`wrote ${counted(result.rows.length, 'row')} to ${output.name}`);
  return exitCodes.fine;
}

/** SQL and names as they are; a file of SQL, which its ending tells from both, as a saved query. */
async function questionOf(words: string, context: Context): Promise<string | SavedQuery> {
  if (!/^[^\n]*\.sql$/.test(words)) return words;
  const sql = await readFile(absolute(context, words), 'utf8').catch((error: unknown) => {
    throw new CommandError(`cannot read ${words}`, 'name a file of SQL; --list shows the saved queries', error);
  });
  return readSavedQuery(basename(words, '.sql'), sql);
}

/** `['lineage=quickstart']` as `{lineage: 'quickstart'}`. */
function readParameters(given: readonly string[]): Parameters {
  const parameters: Record<string, string> = {};
  for (const text of given) {
    const [, name, value] = /^\$?(\w+)=(.*)$/s.exec(text) ?? [];
    if (name === undefined || value === undefined) {
      throw new CommandError(`cannot read the parameter ${JSON.stringify(text)}`, 'write it as --param name=value');
    }
    if (name in parameters) throw new CommandError(`the parameter ${name} is given twice`);
    parameters[name] = value;
  }
  return parameters;
}

function renderList(saved: readonly SavedQuery[], colours: Colours): string {
  return saved
    .map(({ name, description, parameters }) => {
      const rows = parameters.map((parameter) => [
        `  --param ${parameter.name}=<${parameter.type.toLowerCase()}>`,
        parameter.description + (parameter.default ? ` Default: ${parameter.default}.` : ''),
      ]);
      return [`${colours.bold(name)}`, `  ${description}`, ...(rows.length > 0 ? [columns(rows)] : [])].join('\n');
    })
    .join('\n\n');
}
