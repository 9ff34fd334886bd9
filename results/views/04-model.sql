-- What lineage_wide shows as columns, one row each: everything a model was made with, and every figure of it.

CREATE OR REPLACE VIEW model_settings AS
WITH shapes AS (
  UNPIVOT (SELECT key, layers, hidden, heads, kv_heads, ffn, vocab, context FROM nodes)
  ON layers, hidden, heads, kv_heads, ffn, vocab, context
  INTO NAME name VALUE number
)
SELECT m.lineage, m.plan, m.address, 'axis' AS part, a.axis AS name,
  if(a.number IS NULL, 'text', 'number') AS kind, a.value, a.number
FROM models AS m
JOIN node_axes AS a ON a.plan = m.plan AND a.address = m.address
UNION ALL
SELECT m.lineage, m.plan, m.address, 'model', s.name, 'number', s.number::VARCHAR, s.number
FROM models AS m
JOIN shapes AS s USING (key)
UNION ALL
SELECT c.lineage, c.plan, c.address, c.ancestor_type || if(c.ordinal = 1, '', c.ordinal::VARCHAR), s.name, s.kind, s.value,
  s.number
FROM ancestors AS c
JOIN settings AS s ON s.plan = c.plan AND s.address = c.ancestor
UNION ALL
SELECT m.lineage, m.plan, m.address, 'fact', f.name, f.kind, f.value, f.number
FROM models AS m
JOIN latest_facts AS f USING (key);
COMMENT ON VIEW model_settings IS 'Everything a model was made with, one setting a row: its own and its ancestors''.';
COMMENT ON COLUMN model_settings.lineage IS 'The lineage''s name.';
COMMENT ON COLUMN model_settings.plan IS 'The plan.';
COMMENT ON COLUMN model_settings.address IS 'The model''s address.';
COMMENT ON COLUMN model_settings.part IS 'axis, model (its shape), fact (its own), or the stage: pretrain, checkpoint, cpt, sft, dpo, rl, reward, and cpt2 for the second in a chain.';
COMMENT ON COLUMN model_settings.name IS 'The setting''s name.';
COMMENT ON COLUMN model_settings.kind IS 'number, text, boolean or null.';
COMMENT ON COLUMN model_settings.value IS 'The value as text.';
COMMENT ON COLUMN model_settings.number IS 'The value, where it is a number.';

CREATE OR REPLACE MACRO reported_figures() AS TABLE
SELECT l.lineage, a.plan, a.place, a.evaluation, a.asked_at, a.contested, e.suite, e.task, e.metric, e.value, e.n, e.low, e.high,
  e.chance, e.majority, e.only_task
FROM latest_lineages AS l
JOIN asked AS a ON a.plan = l.plan
JOIN latest_attempts AS t ON t.key = a.evaluation
JOIN evaluations AS e ON e.key = t.key AND e.attempt = t.attempt;
COMMENT ON MACRO TABLE reported_figures IS 'What each evaluation of each lineage''s current version says of its model, by their places in the plan.';

CREATE OR REPLACE MACRO recipe_figures() AS TABLE
SELECT f.lineage, m.*, f.suite, f.task, f.metric, f.value, f.n, f.low, f.high, f.chance, f.majority, f.only_task
FROM reported_figures() AS f
JOIN recipes AS m ON m.plan = f.plan AND m.place = f.place
WHERE NOT f.contested
UNION ALL
-- Of what two evaluations of a model both say, that of the later one stands. Nearly no model has two of a suite.
SELECT f.lineage, m.*, f.suite, f.task, f.metric, f.value, f.n, f.low, f.high, f.chance, f.majority,
  min(f.task) OVER tasks = max(f.task) OVER tasks AS only_task
FROM reported_figures() AS f
JOIN recipes AS m ON m.plan = f.plan AND m.place = f.place
WHERE f.contested
WINDOW tasks AS (PARTITION BY f.plan, f.place, f.suite)
QUALIFY row_number() OVER (PARTITION BY f.plan, f.place, f.suite, f.task, f.metric ORDER BY f.asked_at DESC) = 1;
COMMENT ON MACRO TABLE recipe_figures IS 'Every figure of every evaluated model of each lineage''s current version, beside what the model is made of.';

CREATE OR REPLACE VIEW model_figures AS
SELECT lineage, plan, place, address, stage, type, seed, marks, key, suite, task, metric, value, n, low, high, chance, majority
FROM recipe_figures();
COMMENT ON VIEW model_figures IS 'Every figure of every evaluated model of each lineage''s current version.';
COMMENT ON COLUMN model_figures.lineage IS 'The lineage''s name.';
COMMENT ON COLUMN model_figures.plan IS 'The plan.';
COMMENT ON COLUMN model_figures.place IS 'The model''s position in the plan, parents first.';
COMMENT ON COLUMN model_figures.address IS 'The model''s address.';
COMMENT ON COLUMN model_figures.stage IS 'The declared stage.';
COMMENT ON COLUMN model_figures.type IS 'pretrain, checkpoint, cpt, sft, dpo or rl.';
COMMENT ON COLUMN model_figures.seed IS 'Seed of its training.';
COMMENT ON COLUMN model_figures.marks IS 'What has to be known before it is compared, as in the table marks; null where there is nothing.';
COMMENT ON COLUMN model_figures.key IS 'The model''s key.';
COMMENT ON COLUMN model_figures.suite IS 'heldout, upstream, id, ood.';
COMMENT ON COLUMN model_figures.task IS 'The task or domain; all for the suite''s mean.';
COMMENT ON COLUMN model_figures.metric IS 'loss, perplexity, acc_norm, pass@1, ...';
COMMENT ON COLUMN model_figures.value IS 'The figure.';
COMMENT ON COLUMN model_figures.n IS 'Items it is over.';
COMMENT ON COLUMN model_figures.low IS 'Lower end of the 95 % interval.';
COMMENT ON COLUMN model_figures.high IS 'Upper end of the 95 % interval.';
COMMENT ON COLUMN model_figures.chance IS 'What guessing would score in one answer to each item; null where nothing is there to guess among.';
COMMENT ON COLUMN model_figures.majority IS 'What always giving the commonest answer would score; null of losses.';

CREATE OR REPLACE VIEW figures_at_k AS
SELECT lineage, plan, place, address, stage, type, seed, marks, key, suite, task,
  regexp_extract(metric, '^[a-z]+') AS measure, regexp_extract(metric, '@(\d+)', 1)::INTEGER AS k, value, n, low, high
FROM model_figures
WHERE regexp_full_match(metric, '(pass|maj|rm)@\d+|pass@1\(sampled\)') AND metric != 'pass@1';
COMMENT ON VIEW figures_at_k IS 'What k sampled responses give, for each k: one row for each measure and k of each evaluated model''s tasks.';
COMMENT ON COLUMN figures_at_k.lineage IS 'The lineage''s name.';
COMMENT ON COLUMN figures_at_k.plan IS 'The plan.';
COMMENT ON COLUMN figures_at_k.place IS 'The model''s position in the plan, parents first.';
COMMENT ON COLUMN figures_at_k.address IS 'The model''s address.';
COMMENT ON COLUMN figures_at_k.stage IS 'The declared stage.';
COMMENT ON COLUMN figures_at_k.type IS 'pretrain, checkpoint, cpt, sft, dpo or rl.';
COMMENT ON COLUMN figures_at_k.seed IS 'Seed of its training.';
COMMENT ON COLUMN figures_at_k.marks IS 'What has to be known before it is compared, as in the table marks; null where there is nothing.';
COMMENT ON COLUMN figures_at_k.key IS 'The model''s key.';
COMMENT ON COLUMN figures_at_k.suite IS 'id, ood.';
COMMENT ON COLUMN figures_at_k.task IS 'The task; all for the suite''s mean.';
COMMENT ON COLUMN figures_at_k.measure IS 'pass, maj or rm; of one response they are the same, which is under pass.';
COMMENT ON COLUMN figures_at_k.k IS 'Responses.';
COMMENT ON COLUMN figures_at_k.value IS 'The figure, unbiased.';
COMMENT ON COLUMN figures_at_k.n IS 'Problems it is over.';
COMMENT ON COLUMN figures_at_k.low IS 'Lower end of the 95 % interval.';
COMMENT ON COLUMN figures_at_k.high IS 'Upper end of the 95 % interval.';
