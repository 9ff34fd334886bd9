-- What a later stage made of what an earlier one could.

CREATE OR REPLACE VIEW forgetting AS
SELECT f.lineage, f.plan, f.place, f.address, f.stage, f.marks, a.ancestor, a.ancestor_type, a.depth, f.suite, f.task,
  f.metric, b.value AS ancestor_value, f.value, f.value - b.value AS change, b.low AS ancestor_low,
  b.high AS ancestor_high, f.low, f.high, b.n AS ancestor_n, f.n, f.key, a.ancestor_key
FROM model_figures AS f
JOIN chains AS a ON a.plan = f.plan AND a.place = f.place AND a.depth > 0
JOIN model_figures AS b ON b.lineage = f.lineage AND b.plan = a.plan AND b.place = a.ancestor_place AND b.suite = f.suite
  AND b.task = f.task AND b.metric = f.metric;
COMMENT ON VIEW forgetting IS 'Each figure of each model beside the same figure of every evaluated model before it in its chain.';
COMMENT ON COLUMN forgetting.lineage IS 'The lineage''s name.';
COMMENT ON COLUMN forgetting.plan IS 'The plan.';
COMMENT ON COLUMN forgetting.place IS 'The model''s position in the plan, parents first.';
COMMENT ON COLUMN forgetting.address IS 'The model''s address.';
COMMENT ON COLUMN forgetting.stage IS 'The declared stage.';
COMMENT ON COLUMN forgetting.marks IS 'What has to be known before it is compared, as in the table marks; null where there is nothing.';
COMMENT ON COLUMN forgetting.ancestor IS 'The ancestor''s address.';
COMMENT ON COLUMN forgetting.ancestor_type IS 'adopt, pretrain, checkpoint, cpt, sft, dpo, rl or reward.';
COMMENT ON COLUMN forgetting.depth IS 'How far back: 1 is the model''s parent.';
COMMENT ON COLUMN forgetting.suite IS 'heldout, upstream, id, ood.';
COMMENT ON COLUMN forgetting.task IS 'The task or domain; all for the suite''s mean.';
COMMENT ON COLUMN forgetting.metric IS 'loss, perplexity, acc_norm, pass@1, ...';
COMMENT ON COLUMN forgetting.ancestor_value IS 'The ancestor''s figure.';
COMMENT ON COLUMN forgetting.value IS 'The model''s figure.';
COMMENT ON COLUMN forgetting.change IS 'The model''s less the ancestor''s: forgotten is a loss that rose, and a score that fell.';
COMMENT ON COLUMN forgetting.ancestor_low IS 'Lower end of the 95 % interval of the ancestor''s figure.';
COMMENT ON COLUMN forgetting.ancestor_high IS 'Upper end of it.';
COMMENT ON COLUMN forgetting.low IS 'Lower end of the 95 % interval of the model''s figure.';
COMMENT ON COLUMN forgetting.high IS 'Upper end of it.';
COMMENT ON COLUMN forgetting.ancestor_n IS 'Items the ancestor''s figure is over.';
COMMENT ON COLUMN forgetting.n IS 'Items the model''s figure is over.';
COMMENT ON COLUMN forgetting.key IS 'The model''s key.';
COMMENT ON COLUMN forgetting.ancestor_key IS 'The ancestor''s key.';
