-- Each figure over the replicate axes of a lineage (seeds): mean, standard deviation and count, for every setting of the
-- other axes. A group's mean is over its own models only, whatever else is shown.
-- $lineage VARCHAR = NULL in latest_lineages.lineage: The lineage's name; without it, the one that ran last.
-- $metric VARCHAR = NULL in evaluations.metric: Only this metric.
WITH chosen AS (
  SELECT plan FROM latest_lineages WHERE lineage = coalesce($lineage, lineage) ORDER BY last_recorded DESC LIMIT 1
),
replicates AS (
  SELECT DISTINCT plan, axis FROM axes WHERE replicate
),
varied AS (
  SELECT plan, address, string_agg(axis || '=' || value, ',' ORDER BY axis) AS setting
  FROM node_axes ANTI JOIN replicates USING (plan, axis)
  GROUP BY plan, address
)
SELECT f.stage, v.setting, f.marks, f.suite, f.task, f.metric, avg(f.value) AS mean, stddev_samp(f.value) AS deviation,
  count(*) AS models, min(f.value) AS lowest, max(f.value) AS highest
FROM model_figures AS f
SEMI JOIN chosen USING (plan)
LEFT JOIN varied AS v ON v.plan = f.plan AND v.address = f.address
WHERE f.metric = coalesce($metric, f.metric)
GROUP BY f.stage, v.setting, f.marks, f.suite, f.task, f.metric
ORDER BY min(f.place), v.setting, f.suite, (f.task != 'all'), f.task, f.metric;
