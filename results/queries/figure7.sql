-- EvoLM's Figure 7, what more examples of SFT give after SFT and after RL: a row for each model, a column for each panel, in
-- percent (orm as it is).
-- $lineage VARCHAR = published/evolm in latest_lineages.lineage: The lineage, published/evolm or one of your own.
SELECT stage, setting, marks, sft_examples, sft_epochs, post_training,
  id_greedy, id_maj, id_rm, id_pass, id_orm, id_correct_ratio,
  ood_greedy, ood_maj, ood_rm, ood_pass, ood_orm, ood_correct_ratio
FROM model_panels
WHERE lineage = $lineage AND coalesce(source, 'Figure 7') = 'Figure 7' AND post_training IN ('SFT', 'SFT+RL')
ORDER BY parameters, sft_examples, post_training, place;
