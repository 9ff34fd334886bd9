-- What views are by their definition, from the tables that plans and events are recorded in, and nothing that is kept: slow, and
-- what the views are held against.

CREATE VIEW plain_latest_attempts AS
SELECT
  key, attempt, address, state, engine, device, executions, started_at, finished_at, step, steps, tokens, failure, message
FROM attempts
QUALIFY row_number() OVER (PARTITION BY key ORDER BY (state = 'done') DESC, attempt DESC) = 1;

CREATE VIEW plain_latest_facts AS
SELECT key, attempt, name, kind, value, number FROM facts SEMI JOIN plain_latest_attempts USING (key, attempt);

CREATE VIEW plain_latest_evaluations AS
SELECT e.key, e.attempt, edges.parent AS model, e.suite, e.task, e.metric, e.value, e.n, e.low, e.high
FROM evaluations AS e
SEMI JOIN plain_latest_attempts AS a ON a.key = e.key AND a.attempt = e.attempt
LEFT JOIN edges ON edges.child = e.key AND edges.role = 'parent';

CREATE VIEW plain_models AS
SELECT l.lineage, l.plan, n.place, n.address, n.stage, n.type, nodes.seed, k.marks, n.key
FROM lineage_nodes AS n
JOIN latest_lineages AS l USING (plan)
JOIN nodes USING (key)
LEFT JOIN (
  SELECT plan, address, string_agg(mark, ', ' ORDER BY place) AS marks FROM marks GROUP BY plan, address
) AS k ON k.plan = n.plan AND k.address = n.address
WHERE n.type IN ('adopt', 'pretrain', 'checkpoint', 'cpt', 'sft', 'dpo', 'rl', 'reward');

CREATE VIEW plain_ancestors AS
WITH RECURSIVE places AS (
  -- Two stages with the same recipe are one node: the first address stands for it.
  SELECT plan, key, min_by(address, place) AS address, any_value(type) AS type FROM plain_models GROUP BY plan, key
),
chain AS (
  SELECT lineage, plan, address, key, 0 AS depth, address AS ancestor, key AS ancestor_key, type AS ancestor_type
  FROM plain_models
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

CREATE VIEW plain_model_settings AS
WITH shapes AS (
  UNPIVOT (SELECT key, layers, hidden, heads, kv_heads, ffn, vocab, context FROM nodes)
  ON layers, hidden, heads, kv_heads, ffn, vocab, context
  INTO NAME name VALUE number
)
SELECT m.lineage, m.plan, m.address, 'axis' AS part, a.axis AS name,
  if(a.number IS NULL, 'text', 'number') AS kind, a.value, a.number
FROM plain_models AS m
JOIN node_axes AS a ON a.plan = m.plan AND a.address = m.address
UNION ALL
SELECT m.lineage, m.plan, m.address, 'model', s.name, 'number', s.number::VARCHAR, s.number
FROM plain_models AS m
JOIN shapes AS s USING (key)
UNION ALL
SELECT c.lineage, c.plan, c.address, c.ancestor_type || if(c.ordinal = 1, '', c.ordinal::VARCHAR), s.name, s.kind, s.value,
  s.number
FROM plain_ancestors AS c
JOIN settings AS s ON s.plan = c.plan AND s.address = c.ancestor
UNION ALL
SELECT m.lineage, m.plan, m.address, 'fact', f.name, f.kind, f.value, f.number
FROM plain_models AS m
JOIN plain_latest_facts AS f USING (key);

CREATE VIEW plain_model_figures AS
SELECT m.lineage, m.plan, m.place, m.address, m.stage, m.type, m.seed, m.marks, m.key, e.suite, e.task, e.metric, e.value, e.n,
  e.low, e.high,
  any_value(e.value) FILTER (e.metric = 'chance') OVER task AS chance,
  any_value(e.value) FILTER (e.metric = 'majority') OVER task AS majority
FROM plain_models AS m
JOIN plain_latest_evaluations AS e ON e.model = m.key
JOIN lineage_nodes AS n ON n.plan = m.plan AND n.key = e.key
WINDOW task AS (PARTITION BY m.plan, m.address, e.suite, e.task, n.place)
QUALIFY row_number() OVER (PARTITION BY m.plan, m.address, e.suite, e.task, e.metric ORDER BY n.place DESC) = 1;

CREATE VIEW plain_model_recipes AS
WITH totals AS (
  SELECT plan, address,
    any_value(value) FILTER (part = 'pretrain' AND name = 'model') AS model,
    sum(number) FILTER (part IN ('pretrain', 'checkpoint') AND name = 'tokens') AS pretrain_tokens,
    sum(number) FILTER (regexp_full_match(part, 'cpt\d*') AND name = 'tokens') AS cpt_tokens,
    sum(number) FILTER (regexp_full_match(part, 'cpt\d*') AND name = 'replayTokens') AS replay_tokens,
    any_value(number) FILTER (part = 'sft' AND name = 'examples') AS sft_examples,
    any_value(number) FILTER (part = 'sft' AND name = 'epochs') AS sft_epochs,
    any_value(number) FILTER (part = 'rl' AND name = 'examples') AS rl_examples,
    any_value(number) FILTER (part = 'rl' AND name = 'epochs') AS rl_epochs,
    any_value(value) FILTER (part = 'fact' AND name = 'collapse') AS collapse
  FROM plain_model_settings GROUP BY plan, address
),
trained AS (
  SELECT plan, address,
    string_agg(upper(ancestor_type), '+' ORDER BY depth DESC) FILTER (ancestor_type IN ('sft', 'dpo', 'rl')) AS post_training
  FROM plain_ancestors GROUP BY plan, address
)
SELECT m.lineage, m.plan, m.place, m.address, m.stage, m.type, m.seed, m.marks, m.key, t.model,
  -- The LLaMA shape: attention, feed-forward layer and norms of each layer; the last norm; embeddings and head.
  n.layers * (2 * n.hidden::BIGINT ** 2 + 2 * n.hidden * n.kv_heads * (n.hidden / n.heads) + 3 * n.hidden::BIGINT * n.ffn
    + 2 * n.hidden)::BIGINT + n.hidden + 2 * n.vocab::BIGINT * n.hidden AS parameters,
  coalesce(t.pretrain_tokens, 0)::BIGINT AS pretrain_tokens,
  coalesce(t.cpt_tokens, 0)::BIGINT AS cpt_tokens,
  coalesce(t.replay_tokens, 0)::BIGINT AS replay_tokens,
  coalesce(t.cpt_tokens - coalesce(t.replay_tokens, 0), 0)::BIGINT AS domain_tokens,
  coalesce(t.sft_examples, 0)::BIGINT AS sft_examples, coalesce(t.sft_epochs, 0)::BIGINT AS sft_epochs,
  coalesce(t.rl_examples, 0)::BIGINT AS rl_examples, coalesce(t.rl_epochs, 0)::BIGINT AS rl_epochs,
  coalesce(r.post_training, 'none') AS post_training, t.collapse
FROM plain_models AS m
JOIN nodes AS n USING (key)
LEFT JOIN totals AS t ON t.plan = m.plan AND t.address = m.address
LEFT JOIN trained AS r ON r.plan = m.plan AND r.address = m.address;

CREATE VIEW plain_sourced_figures AS
SELECT m.*, f.suite, f.task, f.metric, p.source, coalesce(p.value, f.value) AS value,
  if(f.metric = 'orm', 1, 100) * coalesce(p.value, f.value) AS shown, f.n, f.low, f.high,
  p.reading, p.error, coalesce(p.approximate, false) AS approximate, p.note,
  f.task = 'all' OR p.source IS NULL AND min(f.task) OVER tasks = max(f.task) OVER tasks AS overall
FROM plain_model_figures AS f
JOIN plain_model_recipes AS m ON m.plan = f.plan AND m.address = f.address
LEFT JOIN published_figures AS p
  ON p.plan = f.plan AND p.address = f.address AND p.suite = f.suite AND p.task = f.task AND p.metric = f.metric
WINDOW tasks AS (PARTITION BY f.plan, f.address, f.suite);

CREATE VIEW plain_model_panels AS
WITH varied AS (
  SELECT plan, address, string_agg(axis || '=' || value, ',' ORDER BY axis) AS setting
  FROM node_axes ANTI JOIN (FROM axes WHERE replicate) AS replicates USING (plan, axis)
  GROUP BY plan, address
),
figures AS (
  SELECT *, if(metric = 'pass@1', NULL, try_cast(regexp_extract(metric, '^(pass|maj|rm)@(\d+)$', 2) AS INTEGER)) AS k
  FROM plain_sourced_figures
  WHERE overall AND suite IN ('id', 'ood')
  QUALIFY k IS NULL OR k = max(k) OVER (PARTITION BY plan, address, suite, source)
)
SELECT f.lineage, f.plan, min(f.place) AS place, f.source, f.stage, v.setting, f.marks, f.model, f.parameters, f.pretrain_tokens,
  f.replay_tokens, f.domain_tokens, f.sft_examples, f.sft_epochs, f.rl_examples, f.rl_epochs, f.post_training, f.collapse,
  count(DISTINCT f.address) AS models, max(f.k) AS k,
  round(avg(f.shown) FILTER (f.suite = 'id' AND f.metric = 'pass@1'), 4) AS id_greedy,
  round(avg(f.shown) FILTER (f.suite = 'id' AND f.metric = 'maj@' || f.k), 4) AS id_maj,
  round(avg(f.shown) FILTER (f.suite = 'id' AND f.metric = 'rm@' || f.k), 4) AS id_rm,
  round(avg(f.shown) FILTER (f.suite = 'id' AND f.metric = 'pass@' || f.k), 4) AS id_pass,
  round(avg(f.shown) FILTER (f.suite = 'id' AND f.metric = 'orm'), 4) AS id_orm,
  round(avg(f.shown) FILTER (f.suite = 'id' AND f.metric = 'correctRatio'), 4) AS id_correct_ratio,
  round(avg(f.shown) FILTER (f.suite = 'ood' AND f.metric = 'pass@1'), 4) AS ood_greedy,
  round(avg(f.shown) FILTER (f.suite = 'ood' AND f.metric = 'maj@' || f.k), 4) AS ood_maj,
  round(avg(f.shown) FILTER (f.suite = 'ood' AND f.metric = 'rm@' || f.k), 4) AS ood_rm,
  round(avg(f.shown) FILTER (f.suite = 'ood' AND f.metric = 'pass@' || f.k), 4) AS ood_pass,
  round(avg(f.shown) FILTER (f.suite = 'ood' AND f.metric = 'orm'), 4) AS ood_orm,
  round(avg(f.shown) FILTER (f.suite = 'ood' AND f.metric = 'correctRatio'), 4) AS ood_correct_ratio
FROM figures AS f
LEFT JOIN varied AS v ON v.plan = f.plan AND v.address = f.address
GROUP BY f.lineage, f.plan, f.source, f.stage, v.setting, f.marks, f.model, f.parameters, f.pretrain_tokens, f.replay_tokens,
  f.domain_tokens, f.sft_examples, f.sft_epochs, f.rl_examples, f.rl_epochs, f.post_training, f.collapse;

CREATE VIEW plain_takeaway_models AS
WITH recipes AS (
  SELECT plan, address, regexp_replace(part, '\d+$', '') AS stage_type,
    string_agg(part || '.' || name || '=' || coalesce(value, ''), ',' ORDER BY part, name) AS recipe
  FROM plain_model_settings
  WHERE part NOT IN ('axis', 'model', 'fact') AND name NOT IN ('tokens', 'steps', 'seed', 'replayShare', 'replayTokens',
    'examples', 'epochs', 'model', 'parameters', 'allowUndecayed', 'allowOverlap', 'of', 'runSteps', 'runTokens')
    AND NOT (starts_with(part, 'cpt') AND name = 'data')
  GROUP BY plan, address, stage_type
),
hashed AS (
  SELECT plan, address,
    any_value(md5(recipe)) FILTER (stage_type = 'pretrain') AS pretrain_recipe,
    any_value(md5(recipe)) FILTER (stage_type = 'cpt') AS cpt_recipe,
    any_value(md5(recipe)) FILTER (stage_type = 'sft') AS sft_recipe,
    any_value(md5(recipe)) FILTER (stage_type = 'rl') AS rl_recipe
  FROM recipes GROUP BY plan, address
),
replicates AS (
  SELECT plan, address, string_agg(axis || '=' || value, ',' ORDER BY axis) AS replicate
  FROM node_axes SEMI JOIN (FROM axes WHERE replicate OR axis = 'seed') AS r USING (plan, axis)
  GROUP BY plan, address
)
SELECT m.*, coalesce(r.replicate, '') AS replicate, h.pretrain_recipe, h.cpt_recipe, h.sft_recipe, h.rl_recipe
FROM plain_model_recipes AS m
LEFT JOIN hashed AS h ON h.plan = m.plan AND h.address = m.address
LEFT JOIN replicates AS r ON r.plan = m.plan AND r.address = m.address
WHERE m.type != 'checkpoint' AND coalesce(m.marks, '') NOT LIKE '%undecayed%';

CREATE VIEW plain_takeaway_figures AS
WITH figures AS (
  SELECT *, try_cast(regexp_extract(metric, '^(pass|maj|rm)@(\d+)$', 2) AS INTEGER) AS k,
    task = 'all' OR min(task) OVER tasks = max(task) OVER tasks AS overall
  FROM plain_model_figures
  WINDOW tasks AS (PARTITION BY plan, suite)
),
most AS (
  SELECT plan, suite, max(k) AS k FROM figures WHERE overall GROUP BY plan, suite
)
SELECT m.*, f.suite, f.task, f.overall,
  CASE WHEN f.metric = 'pass@1' THEN 'greedy' WHEN f.metric = 'correctRatio' THEN 'correct_ratio'
    WHEN f.k IS NOT NULL THEN regexp_extract(f.metric, '^[a-z]+') ELSE f.metric END AS figure,
  f.suite || if(f.overall, '', '.' || f.task) || '.' || f.metric AS metric
FROM plain_takeaway_models AS m
JOIN figures AS f ON f.plan = m.plan AND f.address = m.address
JOIN most AS k ON k.plan = f.plan AND k.suite = f.suite
WHERE f.metric IN ('pass@1', 'correctRatio', 'orm', 'acc_norm', 'loss', 'perplexity') OR f.k = k.k;

CREATE VIEW plain_seeds AS
WITH varied AS (
  SELECT plan, address, string_agg(axis || '=' || value, ',' ORDER BY axis) AS setting
  FROM node_axes ANTI JOIN (SELECT plan, axis FROM axes WHERE replicate) USING (plan, axis)
  GROUP BY plan, address
),
groups AS (
  -- In order, as a sum of fractions has other last digits in another.
  SELECT f.lineage, f.plan, min(f.place) AS place, f.stage, v.setting, f.marks, f.suite, f.task, f.metric,
    count(*) AS models, avg(f.value ORDER BY f.place) AS mean, stddev_samp(f.value ORDER BY f.place) AS deviation,
    min(f.value) AS lowest, max(f.value) AS highest
  FROM plain_model_figures AS f
  LEFT JOIN varied AS v ON v.plan = f.plan AND v.address = f.address
  GROUP BY f.lineage, f.plan, f.stage, v.setting, f.marks, f.suite, f.task, f.metric
),
halves AS (
  -- The t of which both tails have 5 % together: DuckDB has no Student's t. Up to 30 degrees of freedom as
  -- results/statistics/student.ts finds it, beyond them by the expansion at the normal quantile z (Abramowitz and
  -- Stegun 26.7.5), which is right to seven digits there.
  SELECT *, models - 1 AS v, 1.959963984540054::DOUBLE AS z,
    if(models <= 31, list_extract([
      12.7062047362, 4.30265272975, 3.18244630528, 2.77644510520, 2.57058183564, 2.44691185115, 2.36462425159,
      2.30600413520, 2.26215716280, 2.22813885199, 2.20098516009, 2.17881282967, 2.16036865646, 2.14478668792,
      2.13144954556, 2.11990529922, 2.10981557783, 2.10092204024, 2.09302405441, 2.08596344727, 2.07961384473,
      2.07387306790, 2.06865761042, 2.06389856163, 2.05953855275, 2.05552943864, 2.05183051648, 2.04840714179,
      2.04522964213, 2.04227245630
    ]::DOUBLE[], models - 1), z + (z ** 3 + z) / (4 * v) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * v ** 2)
      + (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * v ** 3)
      + (79 * z ** 9 + 776 * z ** 7 + 1482 * z ** 5 - 1920 * z ** 3 - 945 * z) / (92160 * v ** 4)
    ) * deviation / sqrt(models) AS half
  FROM groups
)
SELECT lineage, plan, place, stage, setting, marks, suite, task, metric, models AS n, mean, mean - half AS low,
  mean + half AS high, deviation, lowest, highest
FROM halves;

CREATE VIEW plain_forgetting AS
SELECT f.lineage, f.plan, f.place, f.address, f.stage, f.marks, a.ancestor, a.ancestor_type, a.depth, f.suite, f.task,
  f.metric, b.value AS ancestor_value, f.value, f.value - b.value AS change, b.low AS ancestor_low,
  b.high AS ancestor_high, f.low, f.high, b.n AS ancestor_n, f.n, f.key, a.ancestor_key
FROM plain_model_figures AS f
JOIN plain_ancestors AS a ON a.plan = f.plan AND a.address = f.address AND a.depth > 0
-- As one comparison, or figures would be joined before plain_ancestors: every model's with every other's.
JOIN plain_model_figures AS b
  ON [b.plan, b.address, b.suite, b.task, b.metric] = [a.plan, a.ancestor, f.suite, f.task, f.metric];
