import { mean, sampleStandardDeviation } from 'simple-statistics';
import type { Json } from '../../planner/plan.ts';
import type { LineageView, Table } from '../protocol.ts';

/** What a column of `lineage_wide` is about; `beside` is the count of a figure, or an end of its interval. */
export type ColumnKind = 'identity' | 'axis' | 'figure' | 'beside' | 'setting';

/** A column of the table of models. */
export interface ModelColumn {
  name: string;
  kind: ColumnKind;
  /** Of an axis and a figure, as people say it: `replay`, `id all pass@1`. */
  label: string;
  isNumeric: boolean;
  /** Where the ends of a figure's interval are in a row; -1 where they are not. */
  low: number;
  high: number;
}

/** A model, or the seeds of one setting. */
export interface ModelRow {
  /** An address; of seeds without the axes that they differ in. */
  name: string;
  keys: string[];
  /** By column: what all have in common, else null; of figures the mean. */
  cells: Json[];
  /** By column: the standard deviation over seeds; null where there is one alone. */
  deviations: (number | null)[];
  /** By column: figures that there are. */
  counts: number[];
  /** The rows of the table that it is of. */
  rows: Json[][];
}

const identity = new Set(['lineage', 'address', 'stage', 'type', 'seed', 'marks', 'key', 'plan', 'place']);

/**
 * What each column of `lineage_wide` is. Settings begin with the type of a stage, by its place in the chain from the second
 * on (`cpt2_tokens`), `model` or `fact`; what begins with none of these, and is a number, is a figure.
 */
export function columnsOf(table: Table): ModelColumn[] {
  const places = new Map(table.columns.map(({ name }, place) => [name, place]));
  return table.columns.map(({ name, type }) => {
    const isNumeric = /INT|DOUBLE|FLOAT|DECIMAL/.test(type);
    const kind = identity.has(name)
      ? 'identity'
      : name.startsWith('axis_')
        ? 'axis'
        : settings.test(name) || !isNumeric
          ? 'setting'
          : places.has(name.replace(/_(n|low|high)$/, '')) && /_(n|low|high)$/.test(name)
            ? 'beside'
            : 'figure';
    return {
      name,
      kind,
      label: kind === 'axis' ? name.slice('axis_'.length) : kind === 'figure' ? figureLabel(name) : name,
      isNumeric,
      low: places.get(`${name}_low`) ?? -1,
      high: places.get(`${name}_high`) ?? -1,
    };
  });
}

const settings = /^(model|fact|pretrain|checkpoint|cpt|sft|dpo|reward|rl|adopt|trunk)\d*_/;

/** `id_all_pass_at_1` is `id all pass@1`. */
function figureLabel(name: string): string {
  return name.replace(/_at_(\d+)/, '@$1').replaceAll('_', ' ');
}

/** The metric that a column of figures ends with, as evaluations name it: `pass@1`, `acc_norm`; of others the name. */
export function metricOf(name: string): string {
  const spelt = name
    .replace(/_at_(\d+)/, '@$1')
    .replace(/_sampled$/, '(sampled)')
    .replace('correct_ratio', 'correctRatio');
  return (
    /((?:pass|maj|rm)@\d+(?:\(sampled\))?|acc_norm|acc_bytes|acc|correctRatio|truncated|majority|chance|loss)$/.exec(
      spelt,
    )?.[1] ?? spelt
  );
}

/**
 * Figures that are asked for first, by index: losses, shares of right answers and scores, over all tasks of a suite where
 * there is such a mean; of those at k the largest k.
 */
export function mainFigures(columns: readonly ModelColumn[], isUsed: (at: number) => boolean): number[] {
  const used = [...columns.keys()].filter((at) => columns[at]?.kind === 'figure' && isUsed(at));
  const parts = used.map((at) => {
    const { name } = columns[at] as ModelColumn;
    const metric = metricOf(name);
    const [, stem = metric, k = '1'] = /^(pass|maj|rm)@(\d+)$/.exec(metric) ?? [];
    const of = name.replace(/_at_(\d+)/, '@$1').slice(0, -metric.length);
    return { at, metric, stem, k: Number(k), of, suite: of.split('_')[0] };
  });
  const overall = new Set(parts.filter(({ of }) => of.endsWith('_all_')).map(({ suite }) => suite));
  return parts
    .filter(({ stem, suite, of, k, metric }) => {
      if (!first.includes(stem) || (overall.has(suite) && !of.endsWith('_all_'))) return false;
      return metric === 'pass@1' || parts.every((other) => other.of !== of || other.stem !== stem || other.k <= k);
    })
    .map(({ at }) => at);
}

const first = ['loss', 'acc_norm', 'acc', 'pass', 'maj', 'rm', 'orm'];

/** The models one by one. */
export function oneByOne(table: Table, columns: readonly ModelColumn[]): ModelRow[] {
  const [address, key] = [place(columns, 'address'), place(columns, 'key')];
  return table.rows.map((row) => ({
    name: String(row[address] ?? ''),
    keys: [String(row[key] ?? '')],
    cells: row,
    deviations: row.map(() => null),
    counts: row.map((cell) => (cell === null ? 0 : 1)),
    rows: [row],
  }));
}

/** The models of one setting together, whatever the seeds: mean and deviation of figures, and of settings what all share. */
export function overSeeds(table: Table, columns: readonly ModelColumn[], axes: LineageView['axes']): ModelRow[] {
  const [key, address] = [place(columns, 'key'), place(columns, 'address')];
  const settings = new Map<string, Json[][]>();
  for (const row of table.rows) {
    const name = settingOf(String(row[address] ?? ''), axes);
    settings.set(name, [...(settings.get(name) ?? []), row]);
  }
  return [...settings].map(([name, rows]) => {
    const values = columns.map((_, at) => rows.flatMap((row) => (typeof row[at] === 'number' ? [row[at]] : [])));
    return {
      name,
      keys: rows.map((row) => String(row[key] ?? '')),
      cells: columns.map(({ kind }, at) => {
        const own = values[at] as number[];
        if (kind === 'figure') return own.length === 0 ? null : mean(own);
        return rows.every((row) => row[at] === rows[0]?.[at]) ? (rows[0]?.[at] ?? null) : null;
      }),
      deviations: columns.map(({ kind }, at) => {
        const own = values[at] as number[];
        return kind === 'figure' && own.length > 1 ? sampleStandardDeviation(own) : null;
      }),
      counts: columns.map((_, at) => rows.filter((row) => row[at] !== null).length),
      rows,
    };
  });
}

/** An address without the axes that only repeat: of `mid@replay=20%,seed=1` it is `mid@replay=20%`. */
export function settingOf(address: string, axes: LineageView['axes']): string {
  const [stage = '', values] = address.split('@', 2);
  if (values === undefined) return address;
  const repeats = new Set(['seed', ...axes.filter(({ replicate }) => replicate).map(({ name }) => name)]);
  const kept = values.split(',').filter((pair) => !repeats.has(pair.slice(0, pair.indexOf('='))));
  return kept.length === 0 ? stage : `${stage}@${kept.join(',')}`;
}

/** Rows by what `cellOf` gives of each, those without a value last. */
export function sortRows(
  rows: readonly ModelRow[],
  cellOf: (row: ModelRow) => Json,
  direction: 'ascending' | 'descending',
): ModelRow[] {
  const sign = direction === 'ascending' ? 1 : -1;
  return rows.toSorted((a, b) => compareCells(cellOf(a), cellOf(b), sign));
}

/** Numbers by size, all else by its text; nothing comes last, whichever way. */
export function compareCells(a: Json, b: Json, sign: 1 | -1): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  if (typeof a === 'number' && typeof b === 'number') return sign * (a - b);
  return sign * collator.compare(String(a), String(b));
}

const collator = new Intl.Collator('en', { numeric: true });

/**
 * Rows that have all words, or whose columns are as asked: `rl replay=5% id_all_pass_at_1>0.3`. A comparison of a column
 * that there is not is a word like any other.
 */
export function filterRows(rows: readonly ModelRow[], columns: readonly ModelColumn[], text: string): ModelRow[] {
  const tests = text
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => testOf(word, columns));
  return rows.filter((row) => tests.every((test) => test(row)));
}

/** Names in a filter's comparisons that no column has, and that are taken for words of an address. */
export function unknownColumns(columns: readonly ModelColumn[], text: string): string[] {
  const names = text.split(/\s+/).map((word) => comparisonOf(word).name);
  return [...new Set(names)].filter((name) => name !== '' && placeNamed(columns, name) < 0);
}

function comparisonOf(word: string): { name: string; sign: string; wanted: string } {
  const [, name = '', sign = '', wanted = ''] = /^([\w@]+)(<=|>=|!=|=|<|>)(.+)$/.exec(word) ?? [];
  return { name, sign, wanted };
}

function placeNamed(columns: readonly ModelColumn[], name: string): number {
  return columns.findIndex((column) => column.name === name || (column.kind === 'axis' && column.label === name));
}

function testOf(word: string, columns: readonly ModelColumn[]): (row: ModelRow) => boolean {
  const { name, sign, wanted } = comparisonOf(word);
  const at = placeNamed(columns, name);
  if (at < 0) {
    const low = word.toLowerCase();
    return ({ name: address, keys, rows }) =>
      address.toLowerCase().includes(low) ||
      keys.some((key) => key.startsWith(low)) ||
      rows.some((row) =>
        columns.some(
          ({ kind }, place) =>
            kind !== 'figure' && typeof row[place] === 'string' && row[place].toLowerCase().includes(low),
        ),
      );
  }
  return ({ cells }) => {
    const cell = cells[at] ?? null;
    if (cell === null) return false;
    const order = compareCells(cell, typeof cell === 'number' ? Number(wanted) : wanted, 1);
    if (Number.isNaN(order)) return false;
    return (
      { '=': order === 0, '!=': order !== 0, '<': order < 0, '>': order > 0, '<=': order <= 0, '>=': order >= 0 }[
        sign
      ] === true
    );
  };
}

function place(columns: readonly ModelColumn[], name: string): number {
  return columns.findIndex((column) => column.name === name);
}
