-- What each model of a plan is made of, in the quantities that models are compared by. Texts are joined by way of sorted lists,
-- which takes a quarter of what an ordered string_agg takes.
INSERT INTO recipes
WITH members AS (
  -- In every chain a model has the same name: that of its type, and which of them it is.
  SELECT n.place, n.address, n.stage, n.type, n.key, n.type || if(c.ordinal = 1, '', c.ordinal::VARCHAR) AS part
  FROM lineage_nodes AS n JOIN chains AS c ON c.plan = n.plan AND c.place = n.place AND c.depth = 0
  WHERE n.plan = $plan
),
settings_of AS (
  SELECT m.address,
    any_value(s.value) FILTER (s.name = 'model') AS model,
    any_value(s.number) FILTER (s.name = 'tokens') AS tokens,
    any_value(s.number) FILTER (s.name = 'replayTokens') AS replay_tokens,
    any_value(s.number) FILTER (s.name = 'examples') AS examples,
    any_value(s.number) FILTER (s.name = 'epochs') AS epochs,
    list_sort(list({name: s.name, text: m.part || '.' || s.name || '=' || coalesce(s.value, '')}) FILTER (
      s.name NOT IN ('tokens', 'steps', 'seed', 'replayShare', 'replayTokens', 'examples', 'epochs', 'model', 'parameters',
        'allowUndecayed', 'allowOverlap', 'of', 'runSteps', 'runTokens')
      AND NOT (m.type = 'cpt' AND s.name = 'data'))) AS others
  FROM members AS m JOIN settings AS s ON s.address = m.address
  WHERE s.plan = $plan
  GROUP BY m.address
),
told AS (
  SELECT m.place, m.part, s.* EXCLUDE (address, others),
    array_to_string(list_transform(s.others, lambda one: one.text), ',') AS text
  FROM members AS m LEFT JOIN settings_of AS s USING (address)
),
steps AS (
  SELECT c.place, c.depth, c.ancestor_type AS type, t.* EXCLUDE (place)
  FROM chains AS c JOIN told AS t ON t.place = c.ancestor_place
  WHERE c.plan = $plan
),
totals AS (
  SELECT place,
    any_value(model) FILTER (part = 'pretrain') AS model,
    coalesce(sum(tokens) FILTER (part IN ('pretrain', 'checkpoint')), 0) AS pretrain_tokens,
    sum(tokens) FILTER (type = 'cpt') AS cpt_tokens,
    coalesce(sum(replay_tokens) FILTER (type = 'cpt'), 0) AS replay_tokens,
    coalesce(any_value(examples) FILTER (part = 'sft'), 0) AS sft_examples,
    coalesce(any_value(epochs) FILTER (part = 'sft'), 0) AS sft_epochs,
    coalesce(any_value(examples) FILTER (part = 'rl'), 0) AS rl_examples,
    coalesce(any_value(epochs) FILTER (part = 'rl'), 0) AS rl_epochs,
    list_sort(list({name: -depth, text: upper(type)}) FILTER (type IN ('sft', 'dpo', 'rl'))) AS post_training,
    list_sort(list({name: part, text: text}) FILTER (type = 'pretrain')) AS pretrain,
    list_sort(list({name: part, text: text}) FILTER (type = 'cpt')) AS cpt,
    list_sort(list({name: part, text: text}) FILTER (type = 'sft')) AS sft,
    list_sort(list({name: part, text: text}) FILTER (type = 'rl')) AS rl
  FROM steps GROUP BY place
),
varied AS (
  SELECT m.address,
    list_sort(list({name: n.axis, text: n.axis || '=' || n.value}) FILTER (NOT a.replicate)) AS setting,
    list_sort(list({name: n.axis, text: n.axis || '=' || n.value}) FILTER (a.replicate OR n.axis = 'seed')) AS replicate
  FROM members AS m
  JOIN node_axes AS n ON n.address = m.address
  JOIN (SELECT DISTINCT axis, replicate FROM axes WHERE plan = $plan) AS a ON a.axis = n.axis
  WHERE n.plan = $plan
  GROUP BY m.address
),
marked AS (
  SELECT address, string_agg(mark, ', ' ORDER BY place) AS marks FROM marks WHERE plan = $plan GROUP BY address
)
SELECT $plan, m.place, m.address, m.stage, m.type, n.seed, k.marks, m.key,
  array_to_string(list_transform(v.setting, lambda one: one.text), ','),
  coalesce(array_to_string(list_transform(v.replicate, lambda one: one.text), ','), ''), t.model,
  -- The LLaMA shape: attention, feed-forward layer and norms of each layer; the last norm; embeddings and head.
  n.layers * (2 * n.hidden::BIGINT ** 2 + 2 * n.hidden * n.kv_heads * (n.hidden / n.heads) + 3 * n.hidden::BIGINT * n.ffn
    + 2 * n.hidden)::BIGINT + n.hidden + 2 * n.vocab::BIGINT * n.hidden,
  t.pretrain_tokens::BIGINT, coalesce(t.cpt_tokens, 0)::BIGINT, t.replay_tokens::BIGINT,
  coalesce(t.cpt_tokens - t.replay_tokens, 0)::BIGINT, t.sft_examples::BIGINT, t.sft_epochs::BIGINT, t.rl_examples::BIGINT,
  t.rl_epochs::BIGINT, coalesce(array_to_string(list_transform(t.post_training, lambda one: one.text), '+'), 'none'),
  md5(array_to_string(list_transform(t.pretrain, lambda one: one.text), ',')),
  md5(array_to_string(list_transform(t.cpt, lambda one: one.text), ',')),
  md5(array_to_string(list_transform(t.sft, lambda one: one.text), ',')),
  md5(array_to_string(list_transform(t.rl, lambda one: one.text), ','))
FROM members AS m
JOIN nodes AS n USING (key)
JOIN totals AS t USING (place)
LEFT JOIN varied AS v USING (address)
LEFT JOIN marked AS k USING (address)
ORDER BY m.place;
