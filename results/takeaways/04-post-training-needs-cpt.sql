-- claim: Post-training in a domain needs enough CPT there: without it SFT falls short, and RL can make it worse.
-- source: Takeaway 4: Figure 5
-- part CPT before SFT, ID Maj = higher: id Maj@k after SFT, with and without CPT
-- part RL without CPT, ID Pass = lower: id Pass@k of SFT and of RL after it, without CPT
WITH figures AS (
  SELECT *, concat_ws(' ', parameters, pretrain_tokens, pretrain_recipe, sft_examples, sft_epochs, sft_recipe) AS setting
  FROM takeaway_figures WHERE lineage = $lineage AND overall AND suite = 'id'
),
-- The most CPT beside none.
tuned AS (
  SELECT *, max(domain_tokens) OVER (PARTITION BY setting) AS most, min(domain_tokens) OVER (PARTITION BY setting) AS least
  FROM figures WHERE figure = 'maj' AND post_training = 'SFT'
),
-- Of several with as much CPT the one with the most replay.
most AS (
  FROM tuned WHERE least = 0 AND most > 0 AND domain_tokens = most
  QUALIFY replay_tokens = max(replay_tokens) OVER (PARTITION BY setting)
),
bare AS (
  SELECT *, count(DISTINCT post_training) OVER (PARTITION BY setting, replicate) AS stages
  FROM figures WHERE figure = 'pass' AND cpt_tokens = 0 AND post_training IN ('SFT', 'SFT+RL')
)
SELECT 'CPT before SFT, ID Maj' AS part, 1 AS x, setting, replicate, address, key, metric, NULL AS less, NULL AS beside FROM most
UNION ALL
SELECT 'CPT before SFT, ID Maj', 0, setting, replicate, address, key, metric, NULL, NULL
FROM tuned WHERE least = 0 AND most > 0 AND domain_tokens = 0
UNION ALL
SELECT 'RL without CPT, ID Pass', if(post_training = 'SFT', 0, 1), setting, replicate, address, key, metric, NULL, NULL
FROM bare WHERE stages = 2
ORDER BY ALL;
