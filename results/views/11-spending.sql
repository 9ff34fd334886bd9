-- What was spent, and what it saved that models share what their chains begin with.

CREATE OR REPLACE VIEW spending AS
WITH places AS (
  SELECT l.lineage, n.plan, n.place, n.address, n.stage, n.type, n.key
  FROM lineage_nodes AS n
  JOIN latest_lineages AS l USING (plan)
  QUALIFY row_number() OVER (PARTITION BY n.plan, n.key ORDER BY n.place) = 1
),
made AS (
  SELECT key, count(*) AS made FROM attempts WHERE state = 'done' AND engine IS DISTINCT FROM 'adopted' GROUP BY key
),
having_it AS (
  SELECT key, count(*) AS lineages FROM places GROUP BY key
)
SELECT p.lineage, p.plan, p.place, p.address, p.stage, p.type, c.tokens, c.flops, c.exact, coalesce(m.made, 0) AS made,
  c.tokens * coalesce(m.made, 0) AS spent_tokens, c.flops * coalesce(m.made, 0) AS spent_flops, c.runs,
  c.tokens * (c.runs - 1) AS saved_tokens, c.flops * (c.runs - 1) AS saved_flops, h.lineages, p.key
FROM places AS p
JOIN prices AS c ON c.plan = p.plan AND c.address = p.address
JOIN having_it AS h ON h.key = p.key
LEFT JOIN made AS m ON m.key = p.key;
COMMENT ON VIEW spending IS 'Tokens and floating-point operations of each node of each lineage''s current version, a node once, and what sharing it saves.';
COMMENT ON COLUMN spending.lineage IS 'The lineage''s name.';
COMMENT ON COLUMN spending.plan IS 'The plan.';
COMMENT ON COLUMN spending.place IS 'The node''s position in the plan, parents first.';
COMMENT ON COLUMN spending.address IS 'The node''s address, of several the first.';
COMMENT ON COLUMN spending.stage IS 'The declared stage; for an evaluation the stage that is evaluated.';
COMMENT ON COLUMN spending.type IS 'Its type.';
COMMENT ON COLUMN spending.tokens IS 'Tokens that it learns from, by its recipe.';
COMMENT ON COLUMN spending.flops IS 'Floating-point operations that it takes, by its recipe.';
COMMENT ON COLUMN spending.exact IS 'Whether tokens and flops are exact; else bounds that they cannot pass.';
COMMENT ON COLUMN spending.made IS 'How often it was made here from beginning to end: 0 of what is not done, was adopted or imported, more than 1 after run --force.';
COMMENT ON COLUMN spending.spent_tokens IS 'Tokens of all of these; what attempts took that did not end well is not in it.';
COMMENT ON COLUMN spending.spent_flops IS 'Floating-point operations of all of these.';
COMMENT ON COLUMN spending.runs IS 'Of training: how many runs would do it, were each final model trained alone from random weights to its end; null of what is no training.';
COMMENT ON COLUMN spending.saved_tokens IS 'Tokens that the plan saves because it is trained once, and not in each of these runs.';
COMMENT ON COLUMN spending.saved_flops IS 'Floating-point operations that are saved so.';
COMMENT ON COLUMN spending.lineages IS 'How many lineages have the node in their current version: what one has made the others find.';
COMMENT ON COLUMN spending.key IS 'The node''s key.';

CREATE OR REPLACE VIEW ledger AS
SELECT lineage, plan, count(*) AS nodes, count(*) FILTER (made > 0) AS made,
  coalesce(sum(tokens) FILTER (runs IS NOT NULL), 0)::BIGINT AS training_tokens,
  coalesce(sum(flops ORDER BY place) FILTER (runs IS NOT NULL), 0) AS training_flops,
  coalesce(sum(flops ORDER BY place) FILTER (runs IS NULL), 0) AS other_flops,
  sum(spent_tokens)::BIGINT AS spent_tokens, sum(spent_flops ORDER BY place) AS spent_flops,
  coalesce(sum(saved_tokens), 0)::BIGINT AS saved_tokens, coalesce(sum(saved_flops ORDER BY place), 0) AS saved_flops,
  coalesce(sum(flops ORDER BY place) FILTER (lineages > 1), 0) AS common_flops, bool_and(exact) AS exact
FROM spending
GROUP BY lineage, plan;
COMMENT ON VIEW ledger IS 'What each lineage''s current version takes and has taken, beside what it saves that its models share what their chains begin with.';
COMMENT ON COLUMN ledger.lineage IS 'The lineage''s name.';
COMMENT ON COLUMN ledger.plan IS 'The plan.';
COMMENT ON COLUMN ledger.nodes IS 'Nodes, each once.';
COMMENT ON COLUMN ledger.made IS 'How many of them were made here.';
COMMENT ON COLUMN ledger.training_tokens IS 'Tokens that all of its training learns from, by recipes, each node once.';
COMMENT ON COLUMN ledger.training_flops IS 'Floating-point operations of all of its training, by recipes, each node once.';
COMMENT ON COLUMN ledger.other_flops IS 'Those of evaluations and of all else that is no training.';
COMMENT ON COLUMN ledger.spent_tokens IS 'Tokens of what was made, as often as it was made.';
COMMENT ON COLUMN ledger.spent_flops IS 'Floating-point operations of what was made, as often as it was made; evaluations are in it.';
COMMENT ON COLUMN ledger.saved_tokens IS 'Tokens more that training each final model alone, from random weights to its end, would learn from.';
COMMENT ON COLUMN ledger.saved_flops IS 'Floating-point operations more that this would take.';
COMMENT ON COLUMN ledger.common_flops IS 'Floating-point operations of nodes that other lineages have too, and so are made once for all of them.';
COMMENT ON COLUMN ledger.exact IS 'Whether all of it is exact; else bounds that it cannot pass.';
