-- EvoLM's Figure 4, what CPT leaves of pretraining, with replay and without: the mean of the upstream tasks of each model after
-- CPT, in percent, and of the model that it comes from.
-- $lineage VARCHAR = published/evolm in latest_lineages.lineage: The lineage, published/evolm or one of your own.
WITH averages AS (
  SELECT * FROM sourced_figures
  WHERE lineage = $lineage AND coalesce(source, 'Figure 4') = 'Figure 4' AND suite = 'upstream' AND metric = 'acc_norm' AND overall
),
before AS (
  SELECT a.plan, a.place, f.value
  FROM chains AS a JOIN model_figures AS f ON f.plan = a.plan AND f.place = a.ancestor_place
  WHERE f.lineage = $lineage AND a.depth > 0 AND a.ancestor_type IN ('pretrain', 'checkpoint') AND f.suite = 'upstream' AND f.task = 'all' AND f.metric = 'acc_norm'
)
SELECT c.stage, c.marks, c.model, c.cpt_tokens, c.replay_tokens, c.domain_tokens, round(avg(c.shown), 4) AS average,
  round(avg(100 * b.value), 4) AS pretrained
FROM averages AS c
LEFT JOIN before AS b ON b.plan = c.plan AND b.place = c.place
WHERE c.type = 'cpt'
GROUP BY c.stage, c.marks, c.model, c.parameters, c.cpt_tokens, c.replay_tokens, c.domain_tokens
ORDER BY c.parameters, c.replay_tokens, c.cpt_tokens, c.stage;
