-- Each figure over the replicate axes of a lineage (seeds): mean with its 95 % interval by Student's t, standard
-- deviation and count, for every setting of the other axes. A group's mean is over its own models only, whatever else is
-- shown.
-- $lineage VARCHAR = NULL in latest_lineages.lineage: The lineage's name; without it, the one that ran last.
-- $metric VARCHAR = NULL in evaluations.metric: Only this metric.
SELECT stage, setting, marks, suite, task, metric, mean, low, high, deviation, n AS models, lowest, highest
FROM seeds
WHERE lineage = $lineage AND metric = coalesce($metric, metric)
ORDER BY place, setting, suite, (task != 'all'), task, metric;
