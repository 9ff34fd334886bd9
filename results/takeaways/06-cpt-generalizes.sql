-- claim: With enough domain CPT, post-training in the domain makes a model better outside of it too.
-- source: Takeaway 6: Figure 5
-- part OOD Maj after SFT = up: ood Maj@k after SFT, of three amounts of CPT
-- part OOD Maj after RL = up: ood Maj@k after RL, of three amounts of CPT
-- part RL after the most CPT, OOD Maj = higher: ood Maj@k of SFT and of RL after it, of three amounts of CPT
WITH figures AS (
  SELECT *, concat_ws(' ', parameters, pretrain_tokens, pretrain_recipe, sft_examples, sft_epochs, sft_recipe) AS tuning,
    if(cpt_tokens = 0, NULL, round(replay_tokens / greatest(pretrain_tokens, 1), 3)) AS replay
  FROM takeaway_figures
  WHERE lineage = $lineage AND overall AND collapse IS NULL AND suite = 'ood' AND figure = 'maj'
),
curves AS (
  SELECT tuning, replay, count(DISTINCT domain_tokens) AS levels, max(domain_tokens) AS most FROM figures
  WHERE replay IS NOT NULL GROUP BY tuning, replay QUALIFY row_number() OVER (PARTITION BY tuning ORDER BY levels DESC, replay) = 1
),
chosen AS (
  SELECT f.*, c.most FROM figures AS f JOIN curves AS c ON c.tuning = f.tuning AND coalesce(f.replay, c.replay) = c.replay
  QUALIFY count(DISTINCT domain_tokens) OVER (PARTITION BY f.tuning, rl_examples, rl_epochs, rl_recipe) >= 3
),
gains AS (
  SELECT r.*, s.address AS tuned, s.key AS before FROM chosen AS r
  JOIN chosen AS s ON s.tuning = r.tuning AND s.replicate = r.replicate AND s.cpt_tokens = r.cpt_tokens
    AND s.replay_tokens = r.replay_tokens AND s.cpt_recipe IS NOT DISTINCT FROM r.cpt_recipe AND s.post_training = 'SFT'
  WHERE r.post_training = 'SFT+RL' AND r.domain_tokens = r.most
),
named AS (SELECT *, concat_ws(' ', tuning, rl_examples, rl_epochs, rl_recipe) AS setting FROM gains)
SELECT if(post_training = 'SFT', 'OOD Maj after SFT', 'OOD Maj after RL') AS part, domain_tokens AS x,
  concat_ws(' ', tuning, rl_examples, rl_epochs, rl_recipe) AS setting, replicate, address, key, metric, NULL AS less,
  NULL AS beside
FROM chosen WHERE post_training IN ('SFT', 'SFT+RL')
UNION ALL
SELECT 'RL after the most CPT, OOD Maj', 1, setting, replicate, address, key, metric, NULL, NULL FROM named
UNION ALL
SELECT 'RL after the most CPT, OOD Maj', 0, setting, replicate, tuned, before, metric, NULL, NULL FROM named
ORDER BY ALL;
