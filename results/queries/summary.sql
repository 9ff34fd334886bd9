-- Each evaluated model of a lineage: loss on held-out text and Pass@1, each with its 95 % interval and count, and the
-- difference to the nearest evaluated stage before it.
-- $lineage VARCHAR = NULL in latest_lineages.lineage: The lineage's name; without it, the one that ran last.
WITH chosen AS (
  SELECT plan FROM latest_lineages WHERE lineage = coalesce($lineage, lineage) ORDER BY last_recorded DESC LIMIT 1
),
figures AS (
  SELECT * FROM model_figures SEMI JOIN chosen USING (plan) WHERE metric IN ('loss', 'pass@1')
),
before AS (
  SELECT a.address, a.ancestor, f.suite, f.task, f.metric, f.value
  FROM ancestors AS a
  JOIN figures AS f ON f.plan = a.plan AND f.address = a.ancestor
  WHERE a.depth > 0
  QUALIFY row_number() OVER (PARTITION BY a.address, f.suite, f.task, f.metric ORDER BY a.depth) = 1
)
SELECT f.address AS model, f.marks, f.suite, f.task, f.metric, f.value, f.low, f.high, f.n,
  f.value - b.value AS difference, b.ancestor AS compared_to
FROM figures AS f
LEFT JOIN before AS b
  ON b.address = f.address AND b.suite = f.suite AND b.task = f.task AND b.metric = f.metric
ORDER BY f.place, f.suite, (f.task != 'all'), f.task, f.metric;
