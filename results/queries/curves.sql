-- A metric over the steps of each node of a lineage, thinned to a number of points a node; the last step is always one.
-- $lineage VARCHAR = NULL in latest_lineages.lineage: The lineage's name; without it, the one that ran last.
-- $metric VARCHAR = loss in metrics.metric: The metric.
-- $stage VARCHAR = NULL in models.stage: Only this stage.
-- $points INTEGER = 20: Points a node, at most.
WITH points AS (
  SELECT place, address, step, tokens, value,
    row_number() OVER (PARTITION BY place ORDER BY step DESC) - 1 AS from_end,
    ceil(count(*) OVER (PARTITION BY place) / greatest($points, 1)) AS every
  FROM curves
  WHERE lineage = $lineage AND metric = $metric AND stage = coalesce($stage, stage)
)
SELECT address, step, tokens, value
FROM points
WHERE from_end % every = 0
ORDER BY place, address, step;
