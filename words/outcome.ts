import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { claimsOf } from '../planner/claims.ts';
import type { Plan } from '../planner/plan.ts';
import { type Gathered, gatherDeclared } from '../results/verdicts/ask.ts';
import type { TakeawayVerdict } from '../results/verdicts/verdict.ts';
import {
  type CollapsedTraining,
  findings,
  mostEpochs,
  type Preference,
  type Pretraining,
  type Repetition,
  type Truncation,
} from './findings.ts';
import { type EvaluatedFigure, type StageSummary, summarize } from './summary.ts';

/** What came out of a plan that was run: figures, sentences, and what they say of the file's takeaways. */
export interface Outcome {
  stages: StageSummary[];
  findings: string[];
  takeaways: TakeawayVerdict[];
}

/**
 * What came out of a plan, as far as the results have it, and what decides its takeaways, which `answerOf` does. `connection`
 * may be a reader's: nothing is written.
 */
export async function readOutcome(
  connection: DuckDBConnection,
  plan: Plan,
  planDigest: string,
): Promise<Omit<Outcome, 'takeaways'> & { gathered: Gathered }> {
  const stages = summarize(plan, await readFigures(connection, planDigest));
  const told = findings(plan, stages, {
    pretrainings: await readPretrainings(connection, planDigest),
    repetitions: await readRepetitions(connection, planDigest),
    truncations: await readTruncations(connection, planDigest),
    preferences: await readPreferences(connection, planDigest),
    collapses: await readCollapses(connection, planDigest),
  });
  const gathered = await gatherDeclared(connection, plan.lineage, planDigest, claimsOf(plan));
  return { stages, findings: told, gathered };
}

async function rowsOf(
  connection: DuckDBConnection,
  sql: string,
  parameters: Record<string, string | number>,
): Promise<DuckDBValue[][]> {
  const reader = await connection.runAndReadAll(sql, parameters);
  return reader.getRows();
}

/** The models of a plan, each once: of two addresses of one model the first stands for it. */
const firstModels = '(FROM models WHERE plan = $plan QUALIFY row_number() OVER (PARTITION BY key ORDER BY place) = 1)';

async function readFigures(connection: DuckDBConnection, plan: string): Promise<EvaluatedFigure[]> {
  const rows = await rowsOf(
    connection,
    `SELECT key, suite, task, metric, value, low, high, n FROM model_figures WHERE plan = $plan
     QUALIFY row_number() OVER (PARTITION BY key, suite, task, metric ORDER BY place) = 1
     ORDER BY place, suite, task, metric`,
    { plan },
  );
  return rows.map(([key, suite, task, metric, value, low, high, n]) => ({
    key: String(key),
    suite: String(suite),
    task: String(task),
    metric: String(metric),
    value: Number(value),
    low: Number(low),
    high: Number(high),
    n: Number(n),
  }));
}

async function readPretrainings(connection: DuckDBConnection, plan: string): Promise<Pretraining[]> {
  const rows = await rowsOf(
    connection,
    `WITH losses AS (
       SELECT key, step, value, max(step) OVER (PARTITION BY key) AS last FROM latest_metrics WHERE metric = 'loss'
     )
     SELECT m.key, avg(l.value), any_value(l.last) - floor(0.9 * any_value(l.last)), any_value(f.number)
     FROM ${firstModels} AS m
     JOIN losses AS l USING (key)
     JOIN latest_facts AS f ON f.key = m.key AND f.name = 'unigramEntropy'
     WHERE m.type = 'pretrain' AND l.step > 0.9 * l.last
     GROUP BY m.key, m.place
     ORDER BY m.place`,
    { plan },
  );
  return rows.map(([key, loss, steps, entropy]) => ({
    key: String(key),
    loss: Number(loss),
    steps: Number(steps),
    unigramEntropy: Number(entropy),
  }));
}

async function readRepetitions(connection: DuckDBConnection, plan: string): Promise<Repetition[]> {
  const rows = await rowsOf(
    connection,
    `SELECT m.address, substr(f.name, length('epochs.') + 1), f.number
     FROM models AS m JOIN latest_facts AS f USING (key)
     WHERE m.plan = $plan AND m.type IN ('pretrain', 'cpt') AND starts_with(f.name, 'epochs.') AND f.number > $most
     ORDER BY m.place, f.name`,
    { plan, most: mostEpochs },
  );
  return rows.map(([address, data, epochs]) => ({
    address: String(address),
    data: String(data),
    epochs: Number(epochs),
  }));
}

async function readTruncations(connection: DuckDBConnection, plan: string): Promise<Truncation[]> {
  const rows = await rowsOf(
    connection,
    `SELECT m.key, if(examples.name = 'pairs', 'response', 'example'),
       examples.number * if(examples.name = 'pairs', 2, 1), truncated.number
     FROM ${firstModels} AS m
     JOIN latest_facts AS truncated ON truncated.key = m.key AND truncated.name IN ('truncatedExamples', 'truncatedResponses')
     JOIN latest_facts AS examples
       ON examples.key = m.key AND examples.name = if(truncated.name = 'truncatedExamples', 'examples', 'pairs')
     WHERE truncated.number > 0
     ORDER BY m.place`,
    { plan },
  );
  return rows.map(([key, unit, examples, truncated]) => ({
    key: String(key),
    unit: unit === 'response' ? unit : 'example',
    examples: Number(examples),
    truncated: Number(truncated),
  }));
}

async function readPreferences(connection: DuckDBConnection, plan: string): Promise<Preference[]> {
  const rows = await rowsOf(
    connection,
    `SELECT m.key, any_value(f.number) FILTER (f.name = 'heldoutPairs'),
       any_value(f.number) FILTER (f.name = 'heldoutAccuracy'),
       any_value(f.number) FILTER (f.name = 'heldoutAccuracyLow'),
       any_value(f.number) FILTER (f.name = 'heldoutAccuracyHigh')
     FROM ${firstModels} AS m JOIN latest_facts AS f USING (key)
     GROUP BY m.key
     HAVING any_value(f.number) FILTER (f.name = 'heldoutPairs') > 0
     ORDER BY min(m.place)`,
    { plan },
  );
  return rows.map(([key, pairs, accuracy, low, high]) => ({
    key: String(key),
    pairs: Number(pairs),
    accuracy: Number(accuracy),
    low: Number(low),
    high: Number(high),
  }));
}

async function readCollapses(connection: DuckDBConnection, plan: string): Promise<CollapsedTraining[]> {
  const rows = await rowsOf(
    connection,
    `SELECT m.address, step.number, kind.value
     FROM models AS m
     JOIN latest_facts AS step ON step.key = m.key AND step.name = 'collapsedAt'
     JOIN latest_facts AS kind ON kind.key = m.key AND kind.name = 'collapse'
     WHERE m.plan = $plan
     ORDER BY m.place`,
    { plan },
  );
  return rows.map(([address, at, kind]) => ({ address: String(address), at: Number(at), kind: String(kind) }));
}
