-- The chain of models that each model comes from.

CREATE OR REPLACE VIEW models AS
SELECT l.lineage, l.plan, n.place, n.address, n.stage, n.type, nodes.seed, k.marks, n.key
FROM lineage_nodes AS n
JOIN latest_lineages AS l USING (plan)
JOIN nodes USING (key)
LEFT JOIN (
  SELECT plan, address, string_agg(mark, ', ' ORDER BY place) AS marks FROM marks GROUP BY plan, address
) AS k ON k.plan = n.plan AND k.address = n.address
WHERE n.type IN ('adopt', 'pretrain', 'checkpoint', 'cpt', 'sft', 'dpo', 'rl', 'reward');
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
WITH RECURSIVE places AS (
  -- Two stages with the same recipe are one node: the first address stands for it.
  SELECT plan, key, min_by(address, place) AS address, any_value(type) AS type FROM models GROUP BY plan, key
),
chain AS (
  SELECT lineage, plan, address, key, 0 AS depth, address AS ancestor, key AS ancestor_key, type AS ancestor_type
  FROM models
  UNION ALL
  SELECT c.lineage, c.plan, c.address, c.key, c.depth + 1, p.address, p.key, p.type
  FROM chain AS c
  JOIN edges AS e ON e.child = c.ancestor_key AND e.role = 'parent'
  JOIN places AS p ON p.plan = c.plan AND p.key = e.parent
)
SELECT
  lineage, plan, address, key, depth, ancestor, ancestor_key, ancestor_type,
  row_number() OVER (PARTITION BY plan, address, ancestor_type ORDER BY depth DESC) AS ordinal
FROM chain;
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
