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
  return rows.map(([type, version, recipe, shape, judge, device, count, seconds, working]) => ({
    type: type as FinishedRuns['type'],
    version: version as number,
    recipe: JSON.parse(recipe as string) as { [name: string]: Json },
    architecture: shape as FinishedRuns['architecture'],
    judge: judge as FinishedRuns['judge'],
    device: device as string,
    count: count as number,
    seconds: seconds as number,
    working: working as number | null,
  }));
}

function shapeOf(nodes: string): string {
  const columns = ['layers', 'hidden', 'heads', 'kvHeads', 'ffn', 'vocab', 'context'];
  const fields = columns.map((name) => `${name}: ${nodes}.${name === 'kvHeads' ? 'kv_heads' : name}`);
  return `CASE WHEN ${nodes}.layers IS NOT NULL THEN {${fields.join(', ')}} END`;
}

const sql = `
  SELECT
    nodes.type,
    (nodes.preimage ->> 'version')::INTEGER AS version,
    (nodes.preimage -> 'recipe')::VARCHAR AS recipe,
    ${shapeOf('nodes')} AS shape,
    ${shapeOf('judges')} AS judge,
    device,
    count(*) AS count,
    sum(epoch(finished_at) - epoch(started_at)) AS seconds,
    CASE WHEN count(pace.number) = count(*) THEN sum(pace.number * steps) END AS working
  FROM attempts
  JOIN nodes USING (key)
  LEFT JOIN edges AS scored ON scored.child = nodes.key AND scored.role = 'rewardModel'
  LEFT JOIN nodes AS judges ON judges.key = scored.parent
  LEFT JOIN facts AS pace ON pace.key = attempts.key AND pace.attempt = attempts.attempt AND pace.name = 'secondsPerStep'
  WHERE state = 'done' AND executions = 1 AND finished_at > started_at AND engine != 'adopted' AND NOT EXISTS (
    FROM executions WHERE executions.key = attempts.key AND executions.attempt = attempts.attempt AND resumed_from IS NOT NULL)
  GROUP BY ALL
  ORDER BY type, version, recipe, shape, judge, device`;
