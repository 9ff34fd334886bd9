-- claim: Too much SFT, above all too many epochs, leaves RL less to gain.
-- source: Takeaway 8: Figures 6 and 7
-- part epochs, what RL adds, ID Maj = down: id Maj@k of SFT and of RL after it, of three numbers of SFT epochs
-- part examples, what RL adds, ID Maj = down: the same of three numbers of SFT examples
WITH figures AS (
  SELECT *, concat_ws(' ', parameters, pretrain_tokens, pretrain_recipe, replay_tokens, domain_tokens, cpt_recipe, sft_recipe)
      AS base
  FROM takeaway_figures
  WHERE lineage = $lineage AND overall AND collapse IS NULL AND suite = 'id' AND figure = 'maj'
),
gains AS (
  SELECT r.*, s.key AS before, concat_ws(' ', r.base, r.rl_examples, r.rl_epochs, r.rl_recipe) AS asked FROM figures AS r
  JOIN figures AS s ON s.base = r.base AND s.replicate = r.replicate AND s.sft_examples = r.sft_examples
    AND s.sft_epochs = r.sft_epochs AND s.post_training = 'SFT'
  WHERE r.post_training = 'SFT+RL'
)
SELECT 'epochs, what RL adds, ID Maj' AS part, sft_epochs AS x, concat_ws(' ', asked, sft_examples) AS setting, replicate, address,
  key, metric, before AS less, NULL AS beside
FROM gains QUALIFY count(DISTINCT sft_epochs) OVER (PARTITION BY asked, sft_examples) >= 3
UNION ALL
SELECT 'examples, what RL adds, ID Maj', sft_examples, concat_ws(' ', asked, sft_epochs), replicate, address, key, metric, before,
  NULL
FROM gains QUALIFY count(DISTINCT sft_examples) OVER (PARTITION BY asked, sft_epochs) >= 3
ORDER BY ALL;
