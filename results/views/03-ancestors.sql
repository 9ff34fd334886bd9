-- The chain of models that each model comes from.

CREATE OR REPLACE VIEW models AS
SELECT l.lineage, r.plan, r.place, r.address, r.stage, r.type, r.seed, r.marks, r.key
FROM recipes AS r
JOIN latest_lineages AS l USING (plan);
COMMENT ON VIEW models IS 'The training nodes of each lineage''s current version.';
COMMENT ON COLUMN models.lineage IS 'The lineage''s name.';
COMMENT ON COLUMN models.plan IS 'The plan.';
COMMENT ON COLUMN models.place IS 'Position in the plan, parents first.';
COMMENT ON COLUMN models.address IS 'The model''s address.';
COMMENT ON COLUMN models.stage IS 'The declared stage.';
COMMENT ON COLUMN models.type IS 'adopt, pretrain, checkpoint, cpt, sft, dpo, rl or reward.';
COMMENT ON COLUMN models.seed IS 'Seed of its training.';
COMMENT ON COLUMN models.marks IS 'What has to be known before it is compared, as in the table marks; null where there is nothing.';
COMMENT ON COLUMN models.key IS 'The model''s key.';

CREATE OR REPLACE VIEW ancestors AS
SELECT l.lineage, c.plan, c.address, c.key, c.depth, c.ancestor, c.ancestor_key, c.ancestor_type, c.ordinal
FROM chains AS c
JOIN latest_lineages AS l USING (plan);
COMMENT ON VIEW ancestors IS 'Each model beside itself and every model before it in its chain.';
COMMENT ON COLUMN ancestors.lineage IS 'The lineage''s name.';
COMMENT ON COLUMN ancestors.plan IS 'The plan.';
COMMENT ON COLUMN ancestors.address IS 'The model''s address.';
COMMENT ON COLUMN ancestors.key IS 'The model''s key.';
COMMENT ON COLUMN ancestors.depth IS 'How far back: 0 is the model itself, 1 its parent.';
COMMENT ON COLUMN ancestors.ancestor IS 'The ancestor''s address.';
COMMENT ON COLUMN ancestors.ancestor_key IS 'The ancestor''s key.';
COMMENT ON COLUMN ancestors.ancestor_type IS 'adopt, pretrain, checkpoint, cpt, sft, dpo, rl or reward.';
COMMENT ON COLUMN ancestors.ordinal IS 'Which of that type in the chain, the oldest 1: a second cpt is 2.';
