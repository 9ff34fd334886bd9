-- claim: Of a fixed number of examples, more for SFT is better in the domain, and more for RL outside of it.
-- source: Takeaway 11: Figure 9
-- part ID Pass@1 = up: id Pass@1 of three ways to part as many examples between SFT and RL
-- part OOD Pass@1 = down: the same of ood
-- part ID Pass = up: id Pass@k of these models
-- part OOD Pass = down: the same of ood
WITH figures AS (
  SELECT *, concat_ws(' ', parameters, pretrain_tokens, pretrain_recipe, replay_tokens, domain_tokens, cpt_recipe, sft_epochs,
      sft_recipe, rl_epochs, rl_recipe, sft_examples + rl_examples) AS setting
  FROM takeaway_figures
  WHERE lineage = $lineage AND overall AND collapse IS NULL AND post_training = 'SFT+RL' AND suite IN ('id', 'ood')
    AND figure IN ('greedy', 'pass')
)
SELECT upper(suite) || if(figure = 'greedy', ' Pass@1', ' Pass') AS part, sft_examples AS x, setting, replicate, address, key,
  metric, NULL AS less, NULL AS beside
FROM figures QUALIFY count(DISTINCT sft_examples) OVER (PARTITION BY suite, figure, setting) >= 3
ORDER BY ALL;
