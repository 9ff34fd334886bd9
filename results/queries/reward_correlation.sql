-- How well a reward model's mean score (orm), and perplexity on held-out text, say over the evaluated models of a lineage
-- how many problems each solves: Pearson's r and Spearman's rho a task and figure, with 95 % intervals (Fisher's z; for rho
-- by Bonett and Wright 2000, on Fisher's scale too). Fewer than four models have no interval.
-- $lineage VARCHAR = NULL in latest_lineages.lineage: The lineage's name; without it, the one that ran last.
-- $metric VARCHAR = NULL in evaluations.metric: Only this figure; without it, Pass@1 and Maj@k of the most responses.
WITH
-- Two addresses with one key are one model.
figures AS (
  SELECT key, suite, task, metric, min_by(value, place) AS value FROM model_figures
  WHERE lineage = $lineage
    AND (metric IN ('loss', 'orm') OR metric = coalesce($metric, if(starts_with(metric, 'maj@'), metric, 'pass@1')))
  GROUP BY key, suite, task, metric
),
solved AS (
  SELECT *, regexp_extract(metric, '^maj@(\d+)$', 1) AS k
  FROM figures
  WHERE suite != 'heldout' AND metric = coalesce($metric, if(starts_with(metric, 'maj@'), metric, 'pass@1'))
  QUALIFY $metric IS NOT NULL OR k = '' OR k::INTEGER = max(nullif(k, '')::INTEGER) OVER (PARTITION BY suite, task)
),
predictors AS (
  SELECT key, suite, task, 'orm' AS predictor, value FROM figures WHERE metric = 'orm'
  UNION ALL
  SELECT s.key, s.suite, s.task, 'perplexity', exp(f.value)
  FROM (SELECT DISTINCT key, suite, task FROM solved) AS s
  -- The mean of all domains, or the only one there is.
  JOIN (
    SELECT key, value FROM figures WHERE suite = 'heldout' AND metric = 'loss'
    QUALIFY row_number() OVER (PARTITION BY key ORDER BY task != 'all') = 1
  ) AS f USING (key)
),
pairs AS (
  SELECT key, suite, task, predictor, metric, p.value AS x, s.value AS y,
    -- Equal values share the mean of their ranks.
    rank() OVER xs + (count(*) OVER equal_xs - 1) / 2 AS rank_x,
    rank() OVER ys + (count(*) OVER equal_ys - 1) / 2 AS rank_y
  FROM predictors AS p JOIN solved AS s USING (key, suite, task)
  WHERE metric != predictor
  WINDOW
    xs AS (PARTITION BY suite, task, predictor, metric ORDER BY p.value),
    equal_xs AS (xs RANGE BETWEEN CURRENT ROW AND CURRENT ROW),
    ys AS (PARTITION BY suite, task, predictor, metric ORDER BY s.value),
    equal_ys AS (ys RANGE BETWEEN CURRENT ROW AND CURRENT ROW)
),
-- Of values that are all the same there is no correlation; rounding must not leave one beyond 1. In order, as sums of fractions
-- have other last digits in another.
correlations AS (
  SELECT suite, task, predictor, metric, count(*) AS n,
    if(min(x) = max(x) OR min(y) = max(y), NULL, greatest(-1, least(1, corr(x, y ORDER BY key)))) AS r,
    if(min(x) = max(x) OR min(y) = max(y), NULL, greatest(-1, least(1, corr(rank_x, rank_y ORDER BY key)))) AS rho
  FROM pairs
  GROUP BY suite, task, predictor, metric
),
-- On Fisher's scale, where a correlation of 1 is infinite, and so has no width. (DuckDB's atanh of -1 is that of 1.)
fisher AS (
  SELECT *, sign(r) * atanh(abs(r)) AS z, sign(rho) * atanh(abs(rho)) AS z_rho,
    1.959963984540054 / sqrt(if(n > 3, n - 3, NULL)) AS half
  FROM correlations
)
SELECT suite, task, predictor, metric, n,
  r AS pearson, tanh(z - half) AS pearson_low, tanh(z + half) AS pearson_high, r * r AS r_squared,
  rho AS spearman, tanh(z_rho - half * sqrt(1 + rho * rho / 2)) AS spearman_low,
  tanh(z_rho + half * sqrt(1 + rho * rho / 2)) AS spearman_high
FROM fisher
ORDER BY suite, (task != 'all'), task, metric, predictor;
