-- claim: More general pretraining helps less and less, and beyond about 80 to 160 tokens a parameter may hurt what comes after it.
-- source: Takeaway 1: Figures 2 and 3, Table 4
-- part upstream = saturates: upstream accuracy of pretrained models of four budgets
-- part ID Maj after SFT = saturates: id Maj@k after SFT, from four pretraining budgets
-- part ID Maj after RL = saturates: id Maj@k after RL, from four pretraining budgets
-- part OOD Maj of the longest = lower: ood Maj@k after RL, from two pretraining budgets of 80 tokens a parameter or more
-- part OOD ORM of the longest = lower: ood orm after RL (a rewardModel), from two pretraining budgets of 80 tokens a parameter or more
WITH figures AS (
  SELECT *, pretrain_tokens / parameters AS budget,
    concat_ws(' ', parameters, pretrain_recipe, replay_tokens, domain_tokens, cpt_recipe, sft_examples, sft_epochs, sft_recipe,
      rl_examples, rl_epochs, rl_recipe) AS setting
  FROM takeaway_figures WHERE lineage = $lineage AND overall AND collapse IS NULL
),
trends AS (
  SELECT 'upstream' AS part, * FROM figures WHERE figure = 'acc_norm' AND type = 'pretrain'
  UNION ALL
  SELECT if(post_training = 'SFT', 'ID Maj after SFT', 'ID Maj after RL'), *
  FROM figures WHERE suite = 'id' AND figure = 'maj' AND post_training IN ('SFT', 'SFT+RL')
),
-- Beyond saturation: the longest beside the one before it.
ends AS (
  SELECT if(figure = 'maj', 'OOD Maj of the longest', 'OOD ORM of the longest') AS part,
    dense_rank() OVER (PARTITION BY figure, setting ORDER BY budget DESC) AS back, *
  FROM figures WHERE suite = 'ood' AND figure IN ('maj', 'orm') AND post_training = 'SFT+RL' AND round(budget) >= 80
)
SELECT part, budget AS x, setting, replicate, address, key, metric, NULL AS less, NULL AS beside FROM trends
UNION ALL
SELECT part, 2 - back, setting, replicate, address, key, metric, NULL, NULL FROM ends
WHERE back <= 2 AND setting IN (SELECT setting FROM ends WHERE back = 2)
ORDER BY ALL;
