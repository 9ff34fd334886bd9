-- claim: Domain CPT makes a model forget, which harms it before and after post-training; a little replay, about 5 % of pretraining, mends it.
-- source: Takeaway 3: Figure 4, Table 2
-- part CPT without replay, upstream = lower: upstream accuracy of a pretrained model, and of its CPT without replay
-- part replay, upstream = higher: upstream accuracy of CPT with and without replay, of as many tokens
-- part replay, after SFT = higher: id Pass@1 after SFT, of CPT with and without replay
WITH figures AS (
  SELECT *, concat_ws(' ', parameters, pretrain_tokens, pretrain_recipe) AS base FROM takeaway_figures
  WHERE lineage = $lineage AND collapse IS NULL AND post_training IN ('none', 'SFT') AND suite IN ('upstream', 'id')
    AND figure IN ('acc_norm', 'greedy')
),
upstream AS (FROM figures WHERE suite = 'upstream' AND figure = 'acc_norm' AND overall AND post_training = 'none'),
tuned AS (FROM figures WHERE suite = 'id' AND figure = 'greedy' AND post_training = 'SFT'),
-- Of all models that have any figure, the replay that is nearest to 5 % of pretraining.
little AS (
  SELECT concat_ws(' ', parameters, pretrain_tokens, pretrain_recipe) AS base, cpt_tokens, cpt_recipe,
    arg_min(replay_tokens, abs(replay_tokens / pretrain_tokens - 0.05)) AS replay
  FROM takeaway_models SEMI JOIN (FROM asked SEMI JOIN evaluations ON key = evaluation) AS answered USING (plan, place)
  WHERE lineage = $lineage AND collapse IS NULL AND replay_tokens > 0
  GROUP BY base, cpt_tokens, cpt_recipe
),
replayed AS (
  SELECT 'replay, upstream' AS part, u.*, concat_ws(' ', u.base, u.cpt_tokens, u.cpt_recipe) AS setting
  FROM upstream AS u JOIN little AS l
    ON l.base = u.base AND l.cpt_tokens = u.cpt_tokens AND l.cpt_recipe = u.cpt_recipe AND u.replay_tokens IN (0, l.replay)
  UNION ALL
  SELECT 'replay, after SFT', t.*,
    concat_ws(' ', t.base, t.cpt_tokens, t.cpt_recipe, t.sft_examples, t.sft_epochs, t.sft_recipe, t.metric)
  FROM tuned AS t JOIN little AS l
    ON l.base = t.base AND l.cpt_tokens = t.cpt_tokens AND l.cpt_recipe = t.cpt_recipe AND t.replay_tokens IN (0, l.replay)
),
matched AS (
  FROM replayed QUALIFY count(DISTINCT replay_tokens) OVER (PARTITION BY part, setting, replicate) = 2
),
-- The suite's figure where both have it, else those of its tasks.
paired AS (
  FROM matched QUALIFY overall OR NOT bool_or(overall) OVER (PARTITION BY part)
),
forgotten AS (
  SELECT c.*, concat_ws(' ', c.base, c.cpt_tokens, c.cpt_recipe) AS setting, b.address AS before, b.key AS before_key
  FROM upstream AS c JOIN upstream AS b ON b.base = c.base AND b.replicate = c.replicate AND b.type = 'pretrain'
  WHERE c.cpt_tokens > 0 AND c.replay_tokens = 0
)
SELECT part, if(replay_tokens > 0, 1, 0) AS x, setting, replicate, address, key, metric, NULL AS less, NULL AS beside FROM paired
UNION ALL
SELECT 'CPT without replay, upstream', 1, setting, replicate, address, key, metric, NULL, NULL FROM forgotten
UNION ALL
SELECT 'CPT without replay, upstream', 0, setting, replicate, before, before_key, metric, NULL, NULL FROM forgotten
ORDER BY ALL;
