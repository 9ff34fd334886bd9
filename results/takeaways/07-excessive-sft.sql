-- claim: More SFT makes a model better in its domain, less and less so, and no better outside of it, where too much makes it worse.
-- source: Takeaway 7: Figures 6 and 7
-- part epochs, ID Maj = saturates: id Maj@k of four numbers of SFT epochs
-- part examples, ID Maj = up: id Maj@k of three numbers of SFT examples
-- part most epochs, OOD Maj = lower: ood Maj@k of three numbers of SFT epochs
WITH figures AS (
  SELECT *, concat_ws(' ', parameters, pretrain_tokens, pretrain_recipe, replay_tokens, domain_tokens, cpt_recipe, sft_recipe)
      AS base
  FROM takeaway_figures WHERE lineage = $lineage AND overall AND figure = 'maj' AND post_training = 'SFT'
),
-- The curve with the most points of each kind.
by_epochs AS (
  SELECT *, concat_ws(' ', base, sft_examples) AS setting FROM figures
  QUALIFY count(DISTINCT sft_epochs) OVER (PARTITION BY suite, base, sft_examples) >= 3
),
by_examples AS (
  SELECT *, concat_ws(' ', base, sft_epochs) AS setting FROM figures
  QUALIFY count(DISTINCT sft_examples) OVER (PARTITION BY suite, base, sft_epochs) >= 3
    AND sft_epochs = min(sft_epochs) OVER (PARTITION BY suite, base)
),
-- The most epochs beside those in the middle of the curve.
middle AS (
  SELECT setting, quantile_disc(sft_epochs, 0.5) AS epochs, max(sft_epochs) AS most
  FROM (SELECT DISTINCT setting, sft_epochs FROM by_epochs WHERE suite = 'ood') GROUP BY setting
)
SELECT 'epochs, ID Maj' AS part, sft_epochs AS x, setting, replicate, address, key, metric, NULL AS less, NULL AS beside
FROM by_epochs WHERE suite = 'id'
UNION ALL
SELECT 'examples, ID Maj', sft_examples, setting, replicate, address, key, metric, NULL, NULL FROM by_examples WHERE suite = 'id'
UNION ALL
SELECT 'most epochs, OOD Maj', if(sft_epochs = m.most, 1, 0), f.setting, replicate, address, key, metric, NULL, NULL
FROM by_epochs AS f JOIN middle AS m ON m.setting = f.setting AND f.sft_epochs IN (m.epochs, m.most)
WHERE suite = 'ood' AND m.epochs < m.most
ORDER BY ALL;
