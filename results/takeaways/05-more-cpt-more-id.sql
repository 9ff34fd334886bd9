-- claim: The more domain CPT, the better a model is in its domain, and the more RL adds to SFT.
-- source: Takeaway 5: Figure 5
-- part ID Maj after SFT = up: id Maj@k after SFT, of three amounts of CPT
-- part ID Maj after RL = up: id Maj@k after RL, of three amounts of CPT
-- part what RL adds, ID Maj = up: id Maj@k of SFT and of RL after it, of three amounts of CPT
WITH figures AS (
  SELECT *, concat_ws(' ', parameters, pretrain_tokens, pretrain_recipe, sft_examples, sft_epochs, sft_recipe) AS tuning,
    -- Replay is the same share of pretraining in all of a curve, but for models without CPT. Steps are whole.
    if(cpt_tokens = 0, NULL, round(replay_tokens / greatest(pretrain_tokens, 1), 3)) AS replay
  FROM takeaway_figures
  WHERE lineage = $lineage AND overall AND collapse IS NULL AND suite = 'id' AND figure = 'maj'
),
curves AS (
  SELECT tuning, replay, count(DISTINCT domain_tokens) AS levels FROM figures
  WHERE replay IS NOT NULL GROUP BY tuning, replay QUALIFY row_number() OVER (PARTITION BY tuning ORDER BY levels DESC, replay) = 1
),
chosen AS (
  SELECT f.* FROM figures AS f JOIN curves AS c ON c.tuning = f.tuning AND coalesce(f.replay, c.replay) = c.replay
),
gains AS (
  SELECT r.*, s.key AS before FROM chosen AS r
  JOIN chosen AS s ON s.tuning = r.tuning AND s.replicate = r.replicate AND s.cpt_tokens = r.cpt_tokens
    AND s.replay_tokens = r.replay_tokens AND s.cpt_recipe IS NOT DISTINCT FROM r.cpt_recipe AND s.post_training = 'SFT'
  WHERE r.post_training = 'SFT+RL'
)
SELECT if(post_training = 'SFT', 'ID Maj after SFT', 'ID Maj after RL') AS part, domain_tokens AS x,
  concat_ws(' ', tuning, rl_examples, rl_epochs, rl_recipe) AS setting, replicate, address, key, metric, NULL AS less,
  NULL AS beside
FROM chosen WHERE post_training IN ('SFT', 'SFT+RL')
UNION ALL
SELECT 'what RL adds, ID Maj', domain_tokens, concat_ws(' ', tuning, rl_examples, rl_epochs, rl_recipe), replicate, address, key,
  metric, before, NULL
FROM gains
ORDER BY ALL;
