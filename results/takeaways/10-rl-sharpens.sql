-- claim: Beyond saturation RL makes answers likelier that a model could already reach, and no new ones: Pass@k falls while the share of right ones rises.
-- source: Takeaway 10: Figure 8a
-- part ID Pass = down: id Pass@k of three numbers of RL epochs, from the middle of those that there are
-- part OOD Pass = down: the same of ood
-- part ID Correct Ratio = up: id correctRatio of these models
WITH figures AS (
  SELECT *, concat_ws(' ', parameters, pretrain_tokens, pretrain_recipe, replay_tokens, domain_tokens, cpt_recipe, sft_examples,
      sft_epochs, sft_recipe, rl_examples, rl_recipe) AS setting
  FROM takeaway_figures
  WHERE lineage = $lineage AND overall AND collapse IS NULL AND post_training = 'SFT+RL'
),
middle AS (
  SELECT setting, quantile_disc(rl_epochs, 0.5) AS epochs, count(*) AS levels
  FROM (SELECT DISTINCT setting, rl_epochs FROM figures) GROUP BY setting
),
late AS (SELECT f.* FROM figures AS f JOIN middle AS m ON m.setting = f.setting AND m.levels >= 3 AND f.rl_epochs >= m.epochs)
SELECT if(suite = 'id', 'ID Pass', 'OOD Pass') AS part, rl_epochs AS x, setting, replicate, address, key, metric, NULL AS less,
  NULL AS beside
FROM late WHERE figure = 'pass' AND suite IN ('id', 'ood')
UNION ALL
SELECT 'ID Correct Ratio', rl_epochs, setting, replicate, address, key, metric, NULL, NULL
FROM late WHERE figure = 'correct_ratio' AND suite = 'id'
ORDER BY ALL;
