-- Training curves by the names that a person knows them under.

CREATE OR REPLACE VIEW curves AS
SELECT l.lineage, n.address, n.stage, n.type, nodes.seed, m.step, m.tokens, m.metric, m.value, n.place, m.key, m.attempt
FROM latest_metrics AS m
JOIN lineage_nodes AS n USING (key)
JOIN latest_lineages AS l USING (plan)
JOIN nodes USING (key);
COMMENT ON VIEW curves IS 'Every metric of every step of each lineage''s current nodes.';
COMMENT ON COLUMN curves.lineage IS 'The lineage''s name.';
COMMENT ON COLUMN curves.address IS 'The node''s address.';
COMMENT ON COLUMN curves.stage IS 'The declared stage.';
COMMENT ON COLUMN curves.type IS 'pretrain, cpt, sft, rl, trunk (the steps before the decay of runs under wsd), or checkpoint (those before a point of a run).';
COMMENT ON COLUMN curves.seed IS 'The node''s seed.';
COMMENT ON COLUMN curves.step IS 'Steps done.';
COMMENT ON COLUMN curves.tokens IS 'Tokens trained on so far.';
COMMENT ON COLUMN curves.metric IS 'loss, lr, gradientNorm, reward, kl, ...';
COMMENT ON COLUMN curves.value IS 'The figure.';
COMMENT ON COLUMN curves.place IS 'The node''s position in the plan, parents first.';
COMMENT ON COLUMN curves.key IS 'The node''s key.';
COMMENT ON COLUMN curves.attempt IS 'The attempt.';
