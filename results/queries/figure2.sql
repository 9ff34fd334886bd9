-- EvoLM's Figure 2, what pretraining gives before all else: the mean of the upstream tasks of each pretrained model, in percent,
-- by size and budget. The points that Table 4 prints are taken from there.
-- $lineage VARCHAR = published/evolm in latest_lineages.lineage: The lineage, published/evolm or one of your own.
SELECT stage, model, parameters, pretrain_tokens, pretrain_tokens / parameters AS tokens_per_parameter, marks,
  round(avg(shown), 4) AS average
FROM sourced_figures
WHERE lineage = $lineage AND coalesce(source, 'Figure 2') IN ('Figure 2', 'Table 4') AND type = 'pretrain'
  AND suite = 'upstream' AND metric = 'acc_norm' AND overall
GROUP BY ALL
ORDER BY parameters, pretrain_tokens, stage;
