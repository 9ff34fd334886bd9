-- EvoLM's Figure 8b, what more examples of RL give, from none, and which runs collapsed: a row for each model, a column for
-- each panel, in percent (orm as it is).
-- $lineage VARCHAR = published/evolm in latest_lineages.lineage: The lineage, published/evolm or one of your own.
SELECT stage, setting, marks, rl_examples, rl_epochs, collapse,
  id_greedy, id_maj, id_rm, id_pass, id_orm, id_correct_ratio,
  ood_greedy, ood_maj, ood_rm, ood_pass, ood_orm, ood_correct_ratio
FROM model_panels
WHERE lineage = $lineage AND coalesce(source, 'Figure 8b') = 'Figure 8b' AND post_training IN ('SFT', 'SFT+RL')
ORDER BY parameters, rl_examples, place;
