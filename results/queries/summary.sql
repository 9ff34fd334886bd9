-- Each evaluated model of a lineage: loss on held-out text and Pass@1, each with its 95 % interval and count, and the
-- difference to the nearest evaluated stage before it.
-- $lineage VARCHAR = NULL in latest_lineages.lineage: The lineage's name; without it, the one that ran last.
WITH figures AS (
  SELECT * FROM model_figures WHERE lineage = $lineage AND metric IN ('loss', 'pass@1')
),
before AS (
  SELECT a.place, f.suite, f.task, f.metric, min_by(f.value, a.depth) AS value, min_by(a.ancestor, a.depth) AS ancestor
  FROM chains AS a
  JOIN figures AS f ON f.plan = a.plan AND f.place = a.ancestor_place
  WHERE a.depth > 0
  GROUP BY a.place, f.suite, f.task, f.metric
)
SELECT f.address AS model, f.marks, f.suite, f.task, f.metric, f.value, f.low, f.high, f.n,
  f.value - b.value AS difference, b.ancestor AS compared_to
FROM figures AS f
LEFT JOIN before AS b
  ON b.place = f.place AND b.suite = f.suite AND b.task = f.task AND b.metric = f.metric
ORDER BY f.place, f.suite, (f.task != 'all'), f.task, f.metric;
