-- EvoLM's Table 3, whether a checkpoint of a long run stands for a run of its length: the mean of the upstream tasks of each
-- pretrained model and checkpoint, and two tasks after SFT from it, in percent.
-- $lineage VARCHAR = published/evolm in latest_lineages.lineage: The lineage, published/evolm or one of your own.
-- $first VARCHAR = math_level_1 in evaluations.task: The first task.
-- $second VARCHAR = math_level_2 in evaluations.task: The second task.
WITH figures AS (
  SELECT *, if(metric = 'pass@1', NULL, try_cast(regexp_extract(metric, '^pass@(\d+)$', 1) AS INTEGER)) AS k
  FROM sourced_figures
  WHERE lineage = $lineage AND coalesce(source, 'Table 3') = 'Table 3'
  QUALIFY k IS NULL OR k = max(k) OVER (PARTITION BY plan, address, suite, task)
),
tuned AS (
  SELECT a.plan, a.ancestor_place AS base, f.task, f.shown, f.k, f.metric
  FROM figures AS f JOIN chains AS a ON a.plan = f.plan AND a.place = f.place AND a.depth > 0
  WHERE f.post_training = 'SFT' AND f.cpt_tokens = 0 AND f.suite = 'id' AND a.ancestor_type IN ('pretrain', 'checkpoint')
),
averages AS (
  SELECT plan, place, shown FROM figures WHERE suite = 'upstream' AND metric = 'acc_norm' AND overall
)
SELECT m.stage, if(m.type = 'checkpoint', 'int.', 'full') AS run, m.pretrain_tokens,
  round(avg(u.shown), 4) AS upstream,
  round(avg(t.shown) FILTER (t.task = $first AND t.metric = 'pass@1'), 4) AS first_greedy,
  round(avg(t.shown) FILTER (t.task = $first AND t.k IS NOT NULL), 4) AS first_pass,
  round(avg(t.shown) FILTER (t.task = $second AND t.metric = 'pass@1'), 4) AS second_greedy,
  round(avg(t.shown) FILTER (t.task = $second AND t.k IS NOT NULL), 4) AS second_pass
FROM model_recipes AS m
LEFT JOIN averages AS u ON u.plan = m.plan AND u.place = m.place
JOIN tuned AS t ON t.plan = m.plan AND t.base = m.place
WHERE m.lineage = $lineage
GROUP BY m.stage, m.type, m.parameters, m.pretrain_tokens
ORDER BY m.parameters, m.pretrain_tokens, m.type = 'checkpoint', m.stage;
