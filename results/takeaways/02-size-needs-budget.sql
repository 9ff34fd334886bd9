-- claim: With little pretraining a smaller model can be better after post-training than a larger one; with enough of it the larger one is.
-- source: Takeaway 2: Table 1
-- part smaller at the least budget, ID Maj = higher: id Maj@k after RL of two sizes, pretrained on as many tokens
-- part larger at the largest budget, ID Maj = higher: the same at a larger budget
-- part larger at the largest budget, OOD Maj = higher: ood Maj@k after RL of two sizes, at that budget
WITH figures AS (
  SELECT *, concat_ws(' ', pretrain_tokens, replay_tokens, domain_tokens, sft_examples, sft_epochs, rl_examples, rl_epochs)
      AS setting
  FROM takeaway_figures
  WHERE lineage = $lineage AND overall AND collapse IS NULL AND figure = 'maj' AND post_training = 'SFT+RL'
),
-- Learning rates and batches differ with the size, as in the paper.
sizes AS (
  SELECT suite, setting, any_value(pretrain_tokens) AS budget, min(parameters) AS small, max(parameters) AS large
  FROM figures GROUP BY suite, setting HAVING min(parameters) < max(parameters)
),
budgets AS (
  SELECT *, min(budget) OVER () AS least, max(budget) OVER () AS most FROM sizes
),
compared AS (
  SELECT f.*, b.budget, b.least, b.most, f.parameters = b.large AS larger
  FROM figures AS f JOIN budgets AS b ON b.suite = f.suite AND b.setting = f.setting AND f.parameters IN (b.small, b.large)
)
SELECT 'smaller at the least budget, ID Maj' AS part, if(larger, 0, 1) AS x, setting, replicate, address, key, metric, NULL AS less,
  NULL AS beside
FROM compared WHERE budget = least AND suite = 'id' AND least < most
UNION ALL
SELECT if(suite = 'id', 'larger at the largest budget, ID Maj', 'larger at the largest budget, OOD Maj'), if(larger, 1, 0),
  setting, replicate, address, key, metric, NULL, NULL
FROM compared WHERE budget = most AND suite IN ('id', 'ood')
ORDER BY ALL;
