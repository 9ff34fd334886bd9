import type { DuckDBConnection } from '@duckdb/node-api';
import type { Json, NodeType } from '../planner/plan.ts';
import type { FigureRow } from '../results/figure.ts';
import { toJson } from '../results/value.ts';

/** One figure of an evaluated model. */
export interface Figure extends FigureRow {
  address: string;
  key: string;
  stage: string;
  type: NodeType;
  /** `undecayed, overlap allowed`; null where there is nothing. */
  marks: string | null;
  /** What guessing scores, and naming the commonest answer; null where that is not known. */
  chance: number | null;
  majority: number | null;
}

/** One attempt at a node. */
export interface Attempt {
  key: string;
  attempt: number;
  /** done, failed, interrupted, running, imported. */
  state: string;
  engine: string | null;
  device: string | null;
  executions: number;
  /** ISO 8601. */
  finished: string | null;
  /** From the first start to the end, gaps included; null until it is done. */
  seconds: number | null;
  tokens: number | null;
  failure: string | null;
  message: string | null;
}

/** A point of a curve: the mean over the steps since the point before it. */
export interface CurvePoint {
  address: string;
  stage: string;
  metric: string;
  step: number;
  value: number;
}

/** An RL training that collapsed, at or before a model in its chain. */
export interface Collapse {
  address: string;
  ancestor: string;
  kind: string;
}

/** What an overlap certificate found of one set of problems. */
export interface Certificate {
  address: string;
  state: string;
  trained: string;
  against: string;
  problems: number;
  exact: number;
  grams: number;
  common: number;
  allowed: string | null;
}

/** Where published figures were read. */
export interface Source {
  source: string;
  reading: string;
  figures: number;
  error: number | null;
}

/** All that a report takes from the results, each list in an order that the results alone decide. */
export interface ReportRows {
  figures: Figure[];
  attempts: Attempt[];
  curves: CurvePoint[];
  collapses: Collapse[];
  certificates: Certificate[];
  sources: Source[];
}

/** Points of a curve, at most. */
const mostPoints = 100;

/** Reads the rows of one plan, which is the current version of its lineage. `connection` may be a reader's. */
export async function readReportRows(connection: DuckDBConnection, plan: string): Promise<ReportRows> {
  return {
    figures: await select<Figure>(connection, figures, { plan }),
    attempts: await select<Attempt>(connection, attempts, { plan }),
    curves: await select<CurvePoint>(connection, curves, { plan, points: mostPoints }),
    collapses: await select<Collapse>(connection, collapses, { plan }),
    certificates: await select<Certificate>(connection, certificates, { plan }),
    sources: await select<Source>(connection, sources, { plan }),
  };
}

/** Rows as objects, whose fields are the columns: each query below names them as its interface does. */
async function select<Row>(
  connection: DuckDBConnection,
  sql: string,
  parameters: Record<string, string | number>,
): Promise<Row[]> {
  const result = await connection.runAndReadAll(sql, parameters);
  const names = result.columnNames();
  return result.getRows().map((row) => {
    const fields: [string, Json][] = row.map((value, index) => [names[index] as string, toJson(value)]);
    return Object.fromEntries(fields) as Row;
  });
}

const figures = `
  SELECT address, key, stage, type, marks, suite, task, metric, value, n,
    if(isfinite(low), low, NULL) AS low, if(isfinite(high), high, NULL) AS high, chance, majority
  FROM model_figures
  WHERE plan = $plan AND metric NOT IN ('chance', 'majority') AND isfinite(value)
  ORDER BY place, address, suite, (task != 'all'), task, metric`;

const attempts = `
  SELECT a.key, a.attempt, a.state, a.engine, a.device, a.executions, a.finished_at AS finished,
    epoch(a.finished_at) - epoch(a.started_at) AS seconds, a.tokens, a.failure, a.message
  FROM (SELECT key, min(place) AS place FROM lineage_nodes WHERE plan = $plan GROUP BY key) AS n
  JOIN attempts AS a USING (key)
  ORDER BY n.place, a.attempt`;

// Means in the order of the steps: sums of floats in the order of threads would differ from run to run.
const curves = `
  WITH points AS (
    SELECT place, address, stage, metric, step, value,
      row_number() OVER (PARTITION BY address, metric ORDER BY step DESC) - 1 AS from_end,
      ceil(count(*) OVER (PARTITION BY address, metric) / $points) AS every
    FROM curves
    WHERE lineage = (SELECT lineage FROM latest_lineages WHERE plan = $plan)
      AND metric IN ('loss', 'reward') AND isfinite(value)
  )
  SELECT address, stage, metric, max(step) AS step, avg(value ORDER BY step) AS value
  FROM points
  GROUP BY place, address, stage, metric, floor(from_end / every)
  ORDER BY metric, place, address, max(step)`;

const collapses = `
  SELECT a.address, a.ancestor, f.value AS kind
  FROM ancestors AS a
  JOIN latest_facts AS f ON f.key = a.ancestor_key AND f.name = 'collapse'
  WHERE a.plan = $plan
  ORDER BY a.address, a.depth`;

const certificates = `
  SELECT c.address, c.state, c.trained, c.against, c.problems, c.exact, c.grams, c.common, c.allowed
  FROM certificates AS c JOIN latest_lineages AS l USING (lineage)
  WHERE l.plan = $plan
  ORDER BY c.place, c.trained, c.against`;

const sources = `
  SELECT source, reading, count(*) AS figures, max(error) AS error
  FROM published_figures
  WHERE plan = $plan
  GROUP BY source, reading
  ORDER BY min(place), reading`;
