import { type DuckDBConnection, LIST, listValue, VARCHAR } from '@duckdb/node-api';
import type { Key } from '../../planner/plan.ts';
import type { FigureRow } from '../figure.ts';
import { type Question, type Reading, readingsOf } from './question.ts';

/** What the results have of one figure of one model. */
export interface Figure {
  value: number;
  /** Items it is over, and its 95 % interval; null where they are not known. */
  n: number | null;
  low: number | null;
  high: number | null;
  /** By task, then by problem: each problem's own value, whose mean over a task is the task's figure; empty where none is kept. */
  problems: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

/** The attempt at an evaluation that figures are from. */
export interface Seen {
  attempt: number;
  /** Text of the time, as the database has it; null where there is none. */
  finished: string | null;
  /** Whether its model has been made again since. */
  superseded: boolean;
}

/** All that questions ask of the results. */
export interface Evidence {
  figure(reading: Reading): Figure | undefined;
  /** By evaluation, those that are done. */
  seen: ReadonlyMap<string, Seen>;
}

/** Reads what some questions ask. */
export async function readEvidence(connection: DuckDBConnection, questions: readonly Question[]): Promise<Evidence> {
  const readings = questions.flatMap(({ parts }) => parts.flatMap(({ points }) => points.flatMap(readingsOf)));
  const keys = [...new Set(readings.flatMap(({ evaluation }) => evaluation ?? []))];
  const seen = await readSeen(connection, keys);
  const rows = await readRows(connection, keys);
  const withProblems = new Set(
    readings.flatMap(({ evaluation, metric }) => (evaluation && problemValue(lastPart(metric)) ? [evaluation] : [])),
  );
  const answers = await readAnswers(connection, [...withProblems]);
  const known = new Map<string, Figure | undefined>();
  return {
    seen,
    figure({ evaluation, metric }) {
      if (evaluation === null || !seen.has(evaluation)) return undefined;
      const id = `${evaluation} ${metric}`;
      if (!known.has(id)) known.set(id, figureOf(rows.get(evaluation) ?? [], answers.get(evaluation) ?? [], metric));
      return known.get(id);
    },
  };
}

async function readSeen(connection: DuckDBConnection, keys: readonly Key[]): Promise<Map<string, Seen>> {
  const rows = await asked(
    connection,
    'SELECT key, attempt, finished_at, superseded FROM done_evaluations() SEMI JOIN asked USING (key)',
    keys,
  );
  return new Map(
    rows.map(([key, attempt, finished, superseded]) => [
      String(key),
      {
        attempt: Number(attempt),
        finished: finished === null ? null : String(finished),
        superseded: superseded === true,
      },
    ]),
  );
}

async function readRows(connection: DuckDBConnection, keys: readonly Key[]): Promise<Map<string, FigureRow[]>> {
  const rows = await asked(
    connection,
    'SELECT e.key, e.suite, e.task, e.metric, e.value, e.n::DOUBLE, e.low, e.high FROM latest_evaluations AS e SEMI JOIN asked USING (key)',
    keys,
  );
  return grouped(rows, ([, suite, task, metric, value, n, low, high]) => ({
    suite: String(suite),
    task: String(task),
    metric: String(metric),
    value: Number(value),
    n: numberOf(n),
    low: numberOf(low),
    high: numberOf(high),
  }));
}

/** What one model answered to one problem. */
interface Answers {
  task: string;
  problem: string;
  /** Of the greedy response, or a cloze task's choice. */
  right: boolean | null;
  truncated: boolean | null;
  /** Of the sampled responses. */
  sampled: number;
  sampledRight: number;
  reward: number | null;
}

async function readAnswers(connection: DuckDBConnection, keys: readonly Key[]): Promise<Map<string, Answers[]>> {
  const rows = await asked(
    connection,
    `SELECT s.key, s.task, s.problem, bool_or(s.correct) FILTER (s.sample = 0), bool_or(s.truncated) FILTER (s.sample = 0),
       count(*) FILTER (s.sample > 0)::DOUBLE, count(*) FILTER (s.sample > 0 AND s.correct)::DOUBLE,
       coalesce(avg(s.reward) FILTER (s.sample > 0), avg(s.reward))
     FROM latest_samples AS s SEMI JOIN asked USING (key)
     GROUP BY s.key, s.task, s.problem
     ORDER BY ALL`,
    keys,
  );
  return grouped(rows, ([, task, problem, right, truncated, sampled, sampledRight, reward]) => ({
    task: String(task),
    problem: String(problem),
    right: right as boolean | null,
    truncated: truncated as boolean | null,
    sampled: Number(sampled),
    sampledRight: Number(sampledRight),
    reward: numberOf(reward),
  }));
}

/** The figure with the problems' own values, where these have it as their mean. */
function figureOf(rows: readonly FigureRow[], answers: readonly Answers[], metric: string): Figure | undefined {
  const [, second, third] = metric.split('.');
  const name = lastPart(metric);
  const found = rows.filter((row) => row.metric === name);
  const task = third === undefined ? (found.some((row) => row.task === 'all') ? 'all' : found[0]?.task) : second;
  const row = found.find((one) => one.task === task);
  if (!row || (third === undefined && task !== 'all' && found.length > 1)) return undefined;
  const value = problemValue(name);
  const problems = new Map<string, Map<string, number>>();
  const tasks = found.filter((one) => (task === 'all' ? one.task !== 'all' : one === row));
  for (const one of value ? tasks : []) {
    const own = new Map<string, number>();
    for (const answer of answers) {
      const of = answer.task === one.task ? value?.(answer) : undefined;
      if (of !== undefined && of !== null) own.set(answer.problem, of);
    }
    const mean = [...own.values()].reduce((sum, each) => sum + each, 0) / own.size;
    // Responses that were not all kept are not what the figure is over.
    if (Math.abs(mean - one.value) < 1e-6) problems.set(one.task, own);
  }
  const { value: whole, n, low, high } = row;
  return { value: whole, n, low, high, problems: problems.size === tasks.length ? problems : new Map() };
}

/** The value of one problem in a figure that is a mean over problems; undefined for the others. */
function problemValue(figure: string): ((answers: Answers) => number | null) | undefined {
  const asNumber = (value: boolean | null) => (value === null ? null : Number(value));
  if (figure === 'pass@1' || figure === 'acc') return ({ right }) => asNumber(right);
  if (figure === 'truncated') return ({ truncated }) => asNumber(truncated);
  if (figure === 'orm') return ({ reward }) => reward;
  const k = figure === 'pass@1(sampled)' ? 1 : Number(/^pass@(\d+)$/.exec(figure)?.[1] ?? 0);
  if (k === 0) return undefined;
  // 1 - C(n - c, k)/C(n, k) (Chen et al. 2021).
  return ({ sampled, sampledRight }) => {
    if (sampled < k) return null;
    let none = 1;
    for (let i = 0; i < k; i += 1) none *= Math.max(0, sampled - sampledRight - i) / (sampled - i);
    return 1 - none;
  };
}

function lastPart(metric: string): string {
  return metric.slice(metric.lastIndexOf('.') + 1);
}

async function asked(connection: DuckDBConnection, sql: string, keys: readonly string[]): Promise<unknown[][]> {
  if (keys.length === 0) return [];
  const reader = await connection.runAndReadAll(
    `WITH asked AS (SELECT unnest($keys) AS key) ${sql}`,
    { keys: listValue([...keys]) },
    { keys: LIST(VARCHAR) },
  );
  return reader.getRows();
}

/** Rows by their first column. */
function grouped<T>(rows: readonly unknown[][], of: (row: unknown[]) => T): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const key = String(row[0]);
    const group = groups.get(key);
    if (group) group.push(of(row));
    else groups.set(key, [of(row)]);
  }
  return groups;
}

function numberOf(value: unknown): number | null {
  return value === null || value === undefined ? null : Number(value);
}
