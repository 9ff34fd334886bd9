-- EvoLM's Figure 9, how a number of examples is best shared between SFT and RL: a row for each model that had both, a column for
-- each panel, in percent.
-- $lineage VARCHAR = published/evolm in latest_lineages.lineage: The lineage, published/evolm or one of your own.
SELECT stage, setting, marks, model, sft_examples, rl_examples, sft_examples + rl_examples AS examples,
  id_greedy, id_pass, ood_greedy, ood_pass
FROM model_panels
WHERE lineage = $lineage AND coalesce(source, 'Figure 9') = 'Figure 9' AND post_training = 'SFT+RL'
ORDER BY parameters, examples, sft_examples, place;
