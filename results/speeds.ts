import type { Json } from '../planner/plan.ts';
import type { FinishedRuns } from '../planner/speed.ts';
import { type QueryOptions, runQuery } from './query.ts';

/**
 * How long finished nodes took: a row for all with equal recipes, models and devices, in an order of its own that does
 * not change. Only attempts that ran in one go count, as the clock says nothing of the gaps between executions, and that
 * began at their beginning, as a recipe does not say which trunk they went on from; adopted models took no time here. The time
 * of nodes that shared a machine is as long as that made it. Throws a ResultsError where there are no results yet, and a
 * DatabaseBusyError where somebody writes to them for longer than there is patience for.
 */
export async function finishedRuns(home: string, options: QueryOptions = {}): Promise<FinishedRuns[]> {
  const { rows } = await runQuery(home, sql, {}, options);
  return rows.map(([type, version, recipe, shape, device, count, seconds, working]) => ({
    type: type as FinishedRuns['type'],
    version: version as number,
    recipe: JSON.parse(recipe as string) as { [name: string]: Json },
    architecture: shape as FinishedRuns['architecture'],
    device: device as string,
    count: count as number,
    seconds: seconds as number,
    working: working as number | null,
  }));
}

const sql = `
  SELECT
    type,
    (preimage ->> 'version')::INTEGER AS version,
    (preimage -> 'recipe')::VARCHAR AS recipe,
    CASE WHEN layers IS NOT NULL THEN {
      layers: layers, hidden: hidden, heads: heads, kvHeads: kv_heads, ffn: ffn, vocab: vocab, context: context
    } END AS shape,
    device,
    count(*) AS count,
    sum(epoch(finished_at) - epoch(started_at)) AS seconds,
    CASE WHEN count(pace.number) = count(*) THEN sum(pace.number * steps) END AS working
  FROM attempts
  JOIN nodes USING (key)
  LEFT JOIN facts AS pace ON pace.key = attempts.key AND pace.attempt = attempts.attempt AND pace.name = 'secondsPerStep'
  WHERE state = 'done' AND executions = 1 AND finished_at > started_at AND engine != 'adopted' AND NOT EXISTS (
    FROM executions WHERE executions.key = attempts.key AND executions.attempt = attempts.attempt AND resumed_from IS NOT NULL)
  GROUP BY ALL
  ORDER BY type, version, recipe, shape, device`;
