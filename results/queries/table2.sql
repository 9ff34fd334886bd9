-- EvoLM's Table 2, how much replay CPT needs for what is learned after it: Pass@1 of each model after SFT on one task, in
-- percent, by what CPT learned from.
-- $lineage VARCHAR = published/evolm in latest_lineages.lineage: The lineage, published/evolm or one of your own.
-- $task VARCHAR = gsm8k_platinum in evaluations.task: The task; all for the mean of id, or its only task.
SELECT stage, marks, model, parameters, pretrain_tokens, replay_tokens, domain_tokens, round(avg(shown), 4) AS pass_at_1
FROM sourced_figures
WHERE lineage = $lineage AND coalesce(source, 'Table 2') = 'Table 2' AND post_training = 'SFT'
  AND suite = 'id' AND (task = $task OR ($task = 'all' AND overall)) AND metric = 'pass@1'
GROUP BY stage, marks, model, parameters, pretrain_tokens, cpt_tokens, replay_tokens, domain_tokens
ORDER BY parameters, pretrain_tokens, cpt_tokens, replay_tokens, stage;
