import type { DuckDBConnection } from '@duckdb/node-api';
import { sha256 } from '../planner/key.ts';
import { quoted } from './sql.ts';

/*
 * `lineage_wide` has a column for every setting and every figure that there is. A view cannot grow by itself, so it is
 * made anew, from the names in model_settings and model_figures, whenever there may be another one. The same contents
 * give the same columns in the same order.
 */

/** Makes `lineage_wide` anew where its columns are no longer those that the contents ask for. Needs the other views. */
export async function updateWideView(connection: DuckDBConnection): Promise<void> {
  const sql = wideView(named([...(await settingColumns(connection)), ...(await figureColumns(connection))]));
  const part = { part: 'lineage_wide', digest: sha256(sql) };
  const same = await connection.runAndReadAll('FROM schema_versions WHERE part = $part AND digest = $digest', part);
  if (same.currentRowCount > 0) return;
  await connection.run(sql);
  await connection.run('INSERT OR REPLACE INTO schema_versions VALUES ($part, $digest, now())', part);
}

/** A column of the view before it has a name that is nobody else's. */
interface Column {
  /** What it is named after, in the long form's columns; a figure's four columns share one list. */
  words: string[];
  from: 'settings' | 'figures';
  /** What is put after the name. */
  suffix: '' | '_n' | '_low' | '_high';
  /** Its value, where `at` is where its words stand in a model's lists. */
  sql: (at: string) => string;
  comment: string;
}

async function settingColumns(connection: DuckDBConnection): Promise<Column[]> {
  const found = await connection.runAndReadAll(`
    SELECT part, name, list_sort(list(DISTINCT kind) FILTER (kind != 'null')) AS kinds,
      coalesce(bool_and(number = trunc(number) AND abs(number) < 9e15), false) AS whole
    FROM model_settings GROUP BY part, name`);
  const rows = found.getRowObjectsJson() as { part: string; name: string; kinds: string[] | null; whole: boolean }[];
  return rows
    .sort((a, b) => compare([rank(a.part), a.part, a.name], [rank(b.part), b.part, b.name]))
    .map(
      ({ part, name, kinds, whole }): Column => ({
        words: [part, name],
        from: 'settings',
        suffix: '',
        sql: (at) => typed(part, kinds ?? [], whole, at),
        comment: describeSetting(part, name),
      }),
    );
}

async function figureColumns(connection: DuckDBConnection): Promise<Column[]> {
  const found = await connection.runAndReadAll(figureNames);
  const rows = found.getRowObjectsJson() as { suite: string; task: string; metric: string }[];
  return rows
    .filter(({ metric }) => isShown(metric))
    .sort((a, b) => compare([a.suite, rank(a.task), a.task, a.metric], [b.suite, rank(b.task), b.task, b.metric]))
    .flatMap(({ suite, task, metric }) => {
      const figure = `${metric} of ${task === 'all' ? `the suite ${suite}` : `${task} in the suite ${suite}`}`;
      const words = [suite, task, metric];
      const column = (suffix: Column['suffix'], source: string, comment: string): Column => ({
        words,
        from: 'figures',
        suffix,
        sql: (at) => `figures[${at}].${source}`,
        comment,
      });
      return [
        column('', 'value', figure),
        column('_n', 'n', `Items that ${figure} is over`),
        column('_low', 'low', `Lower end of the 95 % interval of ${figure}`),
        column('_high', 'high', `Upper end of the 95 % interval of ${figure}`),
      ];
    });
}

/** Figures of k responses have columns for powers of two; those of every k, rows in figures_at_k. */
function isShown(metric: string): boolean {
  const k = Number(/@(\d+)$/.exec(metric)?.[1] ?? 1);
  return Number.isInteger(Math.log2(k));
}

/*
 * The names in model_figures. Not asked of the view: of rows that the same transaction has brought DuckDB has no
 * statistics, and it may join a large plan's models with all of its nodes first. A semi-join cannot grow.
 */
const figureNames = `
  SELECT DISTINCT suite, task, metric
  FROM latest_evaluations AS e
  SEMI JOIN (SELECT n.key FROM lineage_nodes AS n SEMI JOIN latest_lineages USING (plan)) AS planned ON planned.key = e.key
  SEMI JOIN models AS m ON m.key = e.model`;

/** Columns that every row has, with what they are. */
const fixed = {
  lineage: "The lineage's name.",
  address: "The model's address.",
  stage: 'The declared stage.',
  type: 'pretrain, checkpoint, cpt, sft or rl.',
  seed: 'Seed of its training.',
  marks:
    'What has to be known before it is compared: undecayed, undecayed ancestor, overlap allowed, overlap allowed in ancestor; null where there is nothing.',
  key: "The model's key.",
} as const;

/*
 * Settings and figures of a model are first put into lists, beside a list of their numbers among all names, and then taken out
 * by them: an aggregate with a filter for each column looks at each row as often as there are columns.
 */
function wideView(columns: NamedColumn[]): string {
  const settings = listed(columns, 'settings');
  const figures = listed(columns, 'figures');
  const comments = [...Object.entries(fixed), ...columns.map(({ name, comment }) => [name, `${comment}.`] as const)];
  return `
CREATE OR REPLACE VIEW lineage_wide AS
WITH setting_names AS (
  SELECT ${settings.names(['part', 'name'])}
),
wide_settings AS (
  SELECT lineage, plan, address, list(number_of_name) AS numbers_of_names, list(value) AS texts, list(number) AS numbers
  FROM model_settings JOIN setting_names USING (part, name)
  GROUP BY lineage, plan, address
),
figure_names AS (
  SELECT ${figures.names(['suite', 'task', 'metric'])}
),
wide_figures AS (
  SELECT lineage, plan, place, list(number_of_name) AS numbers_of_names,
    list({value: value, n: n, low: low, high: high}) AS figures
  FROM model_figures LEFT JOIN figure_names USING (suite, task, metric)
  GROUP BY lineage, plan, place
)
SELECT ${[...Object.keys(fixed).map((name) => `m.${name}`), ...settings.columns('s'), ...figures.columns('f')].join(',\n  ')}
FROM models AS m
JOIN wide_figures AS f ON f.lineage = m.lineage AND f.plan = m.plan AND f.place = m.place
LEFT JOIN wide_settings AS s ON s.lineage = m.lineage AND s.plan = m.plan AND s.address = m.address
ORDER BY m.lineage, m.place;
COMMENT ON VIEW lineage_wide IS 'One row for each evaluated model of each lineage''s current version: all settings of its ancestors and itself, and all its figures, as columns.';
${comments.map(([name, comment]) => `COMMENT ON COLUMN lineage_wide.${name} IS ${quoted(comment)};`).join('\n')}
`;
}

/** What becomes of settings, or of figures: the list of their names, each with its number, and their columns. */
function listed(all: readonly NamedColumn[], from: Column['from']) {
  const own = all.filter((column) => column.from === from);
  const names = [...new Set(own.map(({ words }) => words))];
  return {
    names: (words: readonly string[]) =>
      [
        ...words.map(
          (word, place) =>
            `unnest([${names.map((name) => quoted(name[place] as string)).join(', ')}]::VARCHAR[]) AS ${word}`,
        ),
        `unnest(range(${names.length})) AS number_of_name`,
      ].join(', '),
    columns: (table: string) =>
      own.map(({ words, sql, name }) => {
        const at = `list_position(${table}.numbers_of_names, ${names.indexOf(words)})`;
        return `${sql(at)} AS ${name}`;
      }),
  };
}

/** A column with a name that is nobody else's, in quotes. */
type NamedColumn = Column & { name: string };

/** Names in lower case with underscores; where one would be taken twice, the later figure or setting gets a number. */
function named(columns: Column[]): NamedColumn[] {
  const taken = new Set<string>(Object.keys(fixed));
  const stems = new Map<string[], string>();
  for (const { words } of columns) {
    if (stems.has(words)) continue;
    const suffixes = columns.filter((column) => column.words === words).map(({ suffix }) => suffix);
    const plain = words.map(snakeCase).join('_');
    let stem = plain;
    for (let count = 2; suffixes.some((suffix) => taken.has(stem + suffix)); count += 1) stem = `${plain}_${count}`;
    for (const suffix of suffixes) taken.add(stem + suffix);
    stems.set(words, stem);
  }
  return columns.map((column) => ({ ...column, name: `"${stems.get(column.words)}${column.suffix}"` }));
}

/** `minLr` → `min_lr`, `pass@1` → `pass_at_1`: what SQL mostly takes without quotes. */
function snakeCase(word: string): string {
  return word
    .replaceAll('@', '_at_')
    .replaceAll(/(\p{Ll}|\p{N})(\p{Lu})/gu, '$1_$2')
    .replaceAll(/[^\p{L}\p{N}]+/gu, '_')
    .replaceAll(/^_+|_+$/g, '')
    .toLowerCase();
}

/** One setting, in the most telling type that all its values have. Facts stay DOUBLE: a later one cannot change that. */
function typed(part: string, kinds: string[], whole: boolean, at: string): string {
  if (kinds.length === 1 && kinds[0] === 'boolean') return `texts[${at}]::BOOLEAN`;
  if (kinds.length !== 1 || kinds[0] !== 'number') return `texts[${at}]`;
  return whole && part !== 'fact' ? `numbers[${at}]::BIGINT` : `numbers[${at}]`;
}

function describeSetting(part: string, name: string): string {
  if (part === 'axis') return `Value of the axis ${name}`;
  if (part === 'model') return `The model's ${name}`;
  if (part === 'fact') return `What the trainer reported of the model as ${name}`;
  return `${name} of the ${part} stage in the model's chain`;
}

const order = ['all', 'axis', 'model', 'adopt', 'pretrain', 'checkpoint', 'cpt', 'sft', 'dpo', 'rl', 'reward', 'fact'];

/** Where a part or a task stands among the others: `cpt2` with `cpt`, unknown ones last. */
function rank(word: string): number {
  const place = order.indexOf(word.replace(/\d+$/, ''));
  return place === -1 ? order.length : place;
}

function compare(a: (string | number)[], b: (string | number)[]): number {
  const differing = a.findIndex((value, index) => value !== b[index]);
  if (differing === -1) return 0;
  return (a[differing] as string | number) < (b[differing] as string | number) ? -1 : 1;
}
