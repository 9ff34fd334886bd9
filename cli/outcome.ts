import { claimsOf } from '../planner/claims.ts';
import type { Key, Plan } from '../planner/plan.ts';
import { type Verdict, verdictOf } from '../planner/verdict.ts';
import { withDatabase } from '../results/database.ts';
import { ingestAttempts, notIngested } from '../results/ingest.ts';
import { runQuery } from '../results/query.ts';
import { recordLineage } from '../results/record.ts';
import type { IngestInput } from '../results/staging.ts';
import { askTakeaways } from '../results/verdicts/ask.ts';
import { findArtifact } from '../store/artifact.ts';
import {
  type CollapsedTraining,
  findings,
  mostEpochs,
  type Preference,
  type Pretraining,
  type Repetition,
  type Truncation,
} from './findings.ts';
import type { RunEvent } from './render/run-event.ts';
import { type EvaluatedFigure, summarize } from './summary.ts';

/** What came out of a plan that was run, as far as the results have it. */
export async function readOutcome(
  home: string,
  plan: Plan,
  planDigest: string,
): Promise<Extract<RunEvent, { event: 'summary' }>> {
  const stages = summarize(plan, await readFigures(home, planDigest));
  const told = findings(plan, stages, {
    pretrainings: await readPretrainings(home, planDigest),
    repetitions: await readRepetitions(home, planDigest),
    truncations: await readTruncations(home, planDigest),
    preferences: await readPreferences(home, planDigest),
    collapses: await readCollapses(home, planDigest),
  });
  const takeaways = await askTakeaways(home, plan.lineage, planDigest, claimsOf(plan));
  return { event: 'summary', stages, findings: told, takeaways };
}

/**
 * Makes the plan the current version of its lineage, and reads what the store has of its nodes into the results where
 * they lack it. A lineage with something to run does this on its way; this is for one that has nothing to run, as its
 * verdicts say: of what the results have, not even the manifests are read again.
 */
export async function catchUp(
  home: string,
  plan: Plan,
  planDigest: string,
  verdicts: ReadonlyMap<Key, Verdict>,
): Promise<void> {
  const done = plan.nodes.flatMap((node) => {
    const { reason } = verdictOf(node, verdicts);
    return reason.kind === 'done'
      ? [{ node, key: node.key, attempt: reason.attempt, finishedAt: reason.finishedAt }]
      : [];
  });
  await withDatabase(home, 'write', async (connection) => {
    await recordLineage(connection, plan, planDigest);
    const missing: IngestInput[] = [];
    for (const { node } of await notIngested(connection, done, (finish) => finish)) {
      const artifact = await findArtifact(home, node.key, node.attempt);
      if (artifact === undefined) continue;
      const { folder, ...manifest } = artifact;
      missing.push({ node, manifest, folder });
    }
    if (missing.length > 0) await ingestAttempts(connection, missing);
  });
}

async function readFigures(home: string, plan: string): Promise<EvaluatedFigure[]> {
  const { rows } = await runQuery(
    home,
    `SELECT key, suite, task, metric, value, low, high, n FROM model_figures WHERE plan = $plan
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

async function readPretrainings(home: string, plan: string): Promise<Pretraining[]> {
  const { rows } = await runQuery(
    home,
    `WITH losses AS (
       SELECT key, step, value, max(step) OVER (PARTITION BY key) AS last FROM latest_metrics WHERE metric = 'loss'
     )
     SELECT m.key, avg(l.value), any_value(l.last) - floor(0.9 * any_value(l.last)), any_value(f.number)
     FROM models AS m
     JOIN losses AS l USING (key)
     JOIN latest_facts AS f ON f.key = m.key AND f.name = 'unigramEntropy'
     WHERE m.plan = $plan AND m.type = 'pretrain' AND l.step > 0.9 * l.last
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

async function readRepetitions(home: string, plan: string): Promise<Repetition[]> {
  const { rows } = await runQuery(
    home,
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

async function readTruncations(home: string, plan: string): Promise<Truncation[]> {
  const { rows } = await runQuery(
    home,
    `SELECT m.key, if(examples.name = 'pairs', 'response', 'example'),
       examples.number * if(examples.name = 'pairs', 2, 1), truncated.number
     FROM models AS m
     JOIN latest_facts AS truncated ON truncated.key = m.key AND truncated.name IN ('truncatedExamples', 'truncatedResponses')
     JOIN latest_facts AS examples
       ON examples.key = m.key AND examples.name = if(truncated.name = 'truncatedExamples', 'examples', 'pairs')
     WHERE m.plan = $plan AND truncated.number > 0
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

async function readPreferences(home: string, plan: string): Promise<Preference[]> {
  const { rows } = await runQuery(
    home,
    `SELECT m.key, any_value(f.number) FILTER (f.name = 'heldoutPairs'),
       any_value(f.number) FILTER (f.name = 'heldoutAccuracy'),
       any_value(f.number) FILTER (f.name = 'heldoutAccuracyLow'),
       any_value(f.number) FILTER (f.name = 'heldoutAccuracyHigh')
     FROM models AS m JOIN latest_facts AS f USING (key)
     WHERE m.plan = $plan
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

async function readCollapses(home: string, plan: string): Promise<CollapsedTraining[]> {
  const { rows } = await runQuery(
    home,
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
