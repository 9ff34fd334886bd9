import type { DuckDBListValue } from '@duckdb/node-api';
import type { Key } from '../planner/plan.ts';
import { attemptNumbers } from '../store/home.ts';
import { lineageNow } from './lineages.ts';
import { askedNode } from './nodes.ts';
import type { Curve } from './protocol.ts';
import { readResults, rowsOf } from './reading.ts';
import { type Route, wholeOf } from './router.ts';
import type { Shown } from './shown.ts';
import type { Thinned } from './thinning.ts';

/** Points of a curve that are given where no number is asked for, and at most. */
const points = { usual: 200, most: 2000 };

/** Values in one answer, whatever number of curves it has. */
const mostValues = 60_000;

/** Nodes that are begun and not done whose curves are read from what their trainers said: the results may not have them yet. */
const mostBegun = 50;

/** Curves of a lineage, and of a node: from what their trainers have said, of a whole lineage's from the results. */
export function curveRoutes(shown: Shown): Route[] {
  const { recordings } = shown;
  return [
    {
      method: 'GET',
      path: '/api/lineages/:lineage/metrics',
      async answer({ parameters, query }): Promise<unknown> {
        const now = await lineageNow(shown, parameters.lineage as string);
        const asked = wholeOf(query, 'points', points.usual, 1, points.most);
        const metric = query.get('metric') ?? 'loss';
        const stage = query.get('stage');
        const { nodes } = await now.plan();
        const isBegun = (index: number) => ['running', 'interrupted'].includes(now.nodes[index]?.state ?? '');
        const begun = nodes.filter((node, index) => isBegun(index) && (stage === null || node.stage === stage));
        const finished = async () =>
          (
            await readResults(shown.home, [], (connection) =>
              rowsOf(connection, lineageCurves, { plan: now.digest, metric, stage, asked, mostValues }),
            )
          ).map((row) => curveOf(row, metric));
        if (begun.length === 0)
          return await shown.remembered(JSON.stringify(['curves', now.digest, metric, stage, asked]), finished);
        const live: Curve[] = [];
        for (const node of begun.slice(0, mostBegun))
          live.push(...curvesOf(node, await recordings.points(node.key, asked), metric));
        const told = new Set(live.map(({ key }) => key));
        return [...(await finished()).filter(({ key }) => !told.has(key)), ...live];
      },
    },
    {
      method: 'GET',
      path: '/api/nodes/:key/metrics',
      async answer(request): Promise<Curve[]> {
        const { node } = await askedNode(shown, request);
        const asked = wholeOf(request.query, 'points', points.usual, 1, points.most);
        const metric = request.query.get('metric');
        if (attemptNumbers(shown.home, node.key).length > 0)
          return curvesOf(node, await recordings.points(node.key, asked), metric);
        const rows = await readResults(
          shown.home,
          [],
          (connection) => rowsOf(connection, nodeCurves, { key: node.key, metric, asked }),
          request.signal,
        );
        return rows.map(([name, steps, values]) => curveOf([node.key, node.address, steps, values], String(name)));
      },
    },
  ];
}

function curvesOf(node: Pick<Curve, 'key' | 'address'>, { steps, values }: Thinned, metric: string | null): Curve[] {
  const { key, address } = node;
  return Object.entries(values).flatMap(([name, all]) => {
    if (metric !== null && name !== metric) return [];
    const there = all.flatMap((value, index) => (value === null ? [] : [index]));
    return [
      {
        key,
        address,
        metric: name,
        steps: there.map((index) => steps[index] as number),
        values: there.map((index) => rounded(all[index] as number)),
      },
    ];
  });
}

function curveOf([key, address, steps, values]: unknown[], metric: string): Curve {
  return {
    key: key as Key,
    address: String(address),
    metric,
    steps: (steps as DuckDBListValue).items.map(Number),
    values: (values as DuckDBListValue).items.map(Number),
  };
}

/** Six digits are what a drawing can show: half of what is sent would be digits that nobody sees. */
function rounded(value: number): number {
  return Number(value.toPrecision(6));
}

const sixDigits = 'if(mean = 0, 0, round(mean, 5 - floor(log10(abs(mean)))::INTEGER))';

// A point is the mean over the steps since the point before, and the last step is one, as `thinning` has it. Of a step's
// place its share of all steps is what counts: to number the rows would be to sort ten million of them.
const lineageCurves = `
  WITH chosen AS (
    SELECT key, min_by(address, place) AS address, min(place) AS place FROM lineage_nodes
    WHERE plan = $plan AND stage = coalesce($stage, stage) GROUP BY key
  ),
  trained AS (
    SELECT c.key, c.address, c.place, a.attempt, a.step AS last
    FROM chosen AS c JOIN latest_attempts AS a USING (key) WHERE a.step > 0
  ),
  width AS (SELECT greatest(2, least($asked, $mostValues // greatest(count(*), 1))) AS points FROM trained),
  thin AS (
    SELECT t.place, max(m.step)::DOUBLE AS step, avg(m.value) AS mean
    FROM metrics AS m JOIN trained AS t USING (key, attempt), width
    WHERE m.metric = $metric GROUP BY t.place, ceil(m.step * points / last)
  )
  SELECT key, address, list(step ORDER BY step), list(${sixDigits} ORDER BY step)
  FROM thin JOIN trained USING (place) GROUP BY key, address, place ORDER BY place`;

const nodeCurves = `
  WITH told AS (
    SELECT metric, step, value FROM metrics SEMI JOIN latest_attempts USING (key, attempt)
    WHERE key = $key AND metric = coalesce($metric, metric)
  ),
  thin AS (
    SELECT metric, max(step)::DOUBLE AS step, avg(value) AS mean
    FROM told, (SELECT greatest(max(step), 1) AS last FROM told) GROUP BY metric, ceil(step * $asked / last)
  )
  SELECT metric, list(step ORDER BY step), list(${sixDigits} ORDER BY step) FROM thin GROUP BY metric ORDER BY metric`;
