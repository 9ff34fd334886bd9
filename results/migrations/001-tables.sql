-- The tables. Later changes come as further files: one that was released is never edited.

CREATE TABLE lineages (
  plan VARCHAR PRIMARY KEY,
  lineage VARCHAR NOT NULL,
  title VARCHAR,
  file VARCHAR NOT NULL,
  nodes INTEGER NOT NULL,
  first_recorded TIMESTAMPTZ NOT NULL,
  last_recorded TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE lineages IS 'Every plan that was run: one row for each version of a lineage file.';
COMMENT ON COLUMN lineages.plan IS 'SHA-256 of the frozen plan; its file is plans/<plan>.json.';
COMMENT ON COLUMN lineages.lineage IS 'The lineage''s name.';
COMMENT ON COLUMN lineages.title IS 'The question it asks.';
COMMENT ON COLUMN lineages.file IS 'Path of the lineage file.';
COMMENT ON COLUMN lineages.nodes IS 'How many nodes the plan has.';
COMMENT ON COLUMN lineages.first_recorded IS 'When this version was first run.';
COMMENT ON COLUMN lineages.last_recorded IS 'When it was last run; the newest of a name is its current version.';

CREATE TABLE axes (
  plan VARCHAR NOT NULL,
  axis VARCHAR NOT NULL,
  place INTEGER NOT NULL,
  value VARCHAR NOT NULL,
  number DOUBLE,
  replicate BOOLEAN NOT NULL
);
COMMENT ON TABLE axes IS 'What varies in a lineage: one row for each value of each axis.';
COMMENT ON COLUMN axes.plan IS 'The plan.';
COMMENT ON COLUMN axes.axis IS 'The axis''s name.';
COMMENT ON COLUMN axes.place IS 'Position of the value in the file, from 0.';
COMMENT ON COLUMN axes.value IS 'The value as written.';
COMMENT ON COLUMN axes.number IS 'The value, where it was written as a number.';
COMMENT ON COLUMN axes.replicate IS 'Whether the axis is averaged over (seeds).';

CREATE TABLE nodes (
  key VARCHAR PRIMARY KEY,
  type VARCHAR NOT NULL,
  seed BIGINT NOT NULL,
  preimage JSON NOT NULL,
  layers INTEGER,
  hidden INTEGER,
  heads INTEGER,
  kv_heads INTEGER,
  ffn INTEGER,
  vocab INTEGER,
  context INTEGER
);
COMMENT ON TABLE nodes IS 'Every node that any plan has: what its key is the hash of, and the shape of its model.';
COMMENT ON COLUMN nodes.key IS 'SHA-256 of the pre-image: the node''s identity.';
COMMENT ON COLUMN nodes.type IS 'data, tokenizer, pretrain, cpt, sft, rl or evaluate.';
COMMENT ON COLUMN nodes.seed IS 'Seed of everything random in it.';
COMMENT ON COLUMN nodes.preimage IS 'The identity in JSON.';
COMMENT ON COLUMN nodes.layers IS 'Decoder layers; null for data and tokenizers, like the columns after it.';
COMMENT ON COLUMN nodes.hidden IS 'Width of the residual stream.';
COMMENT ON COLUMN nodes.heads IS 'Query heads.';
COMMENT ON COLUMN nodes.kv_heads IS 'Key and value heads.';
COMMENT ON COLUMN nodes.ffn IS 'Inner width of the feed-forward layer.';
COMMENT ON COLUMN nodes.vocab IS 'Size of the vocabulary.';
COMMENT ON COLUMN nodes.context IS 'Longest sequence, in tokens.';

CREATE TABLE edges (
  child VARCHAR NOT NULL,
  role VARCHAR NOT NULL,
  parent VARCHAR NOT NULL,
  PRIMARY KEY (child, role)
);
COMMENT ON TABLE edges IS 'What each node needs: one row for each parent.';
COMMENT ON COLUMN edges.child IS 'Key of the node that needs it.';
COMMENT ON COLUMN edges.role IS 'As what: parent (the model it starts from or evaluates), tokenizer, data:<name>.';
COMMENT ON COLUMN edges.parent IS 'Key of the node that is needed.';

CREATE TABLE lineage_nodes (
  plan VARCHAR NOT NULL,
  place INTEGER NOT NULL,
  key VARCHAR NOT NULL,
  address VARCHAR NOT NULL,
  stage VARCHAR NOT NULL,
  type VARCHAR NOT NULL
);
COMMENT ON TABLE lineage_nodes IS 'Which plan has which node, and under which address.';
COMMENT ON COLUMN lineage_nodes.plan IS 'The plan.';
COMMENT ON COLUMN lineage_nodes.place IS 'Position in the plan, parents first, from 0.';
COMMENT ON COLUMN lineage_nodes.key IS 'The node.';
COMMENT ON COLUMN lineage_nodes.address IS 'Its name in this plan, for example mid@replay=20%,seed=1.';
COMMENT ON COLUMN lineage_nodes.stage IS 'The declared stage; for an evaluation the stage that is evaluated.';
COMMENT ON COLUMN lineage_nodes.type IS 'Its type.';

CREATE TABLE node_axes (
  plan VARCHAR NOT NULL,
  address VARCHAR NOT NULL,
  axis VARCHAR NOT NULL,
  value VARCHAR NOT NULL,
  number DOUBLE
);
COMMENT ON TABLE node_axes IS 'The axes'' values that a node stands for.';
COMMENT ON COLUMN node_axes.plan IS 'The plan.';
COMMENT ON COLUMN node_axes.address IS 'The node''s address in it.';
COMMENT ON COLUMN node_axes.axis IS 'The axis''s name.';
COMMENT ON COLUMN node_axes.value IS 'Its value as written.';
COMMENT ON COLUMN node_axes.number IS 'The value, where it was written as a number.';

CREATE TABLE settings (
  plan VARCHAR NOT NULL,
  address VARCHAR NOT NULL,
  name VARCHAR NOT NULL,
  kind VARCHAR NOT NULL,
  value VARCHAR,
  number DOUBLE
);
COMMENT ON TABLE settings IS 'A node''s recipe, resolved and with defaults, one setting a row.';
COMMENT ON COLUMN settings.plan IS 'The plan.';
COMMENT ON COLUMN settings.address IS 'The node''s address in it.';
COMMENT ON COLUMN settings.name IS 'The setting''s name.';
COMMENT ON COLUMN settings.kind IS 'number, text, boolean or null.';
COMMENT ON COLUMN settings.value IS 'The value as text.';
COMMENT ON COLUMN settings.number IS 'The value, where it is a number.';

CREATE TABLE mixtures (
  key VARCHAR NOT NULL,
  place INTEGER NOT NULL,
  dataset VARCHAR NOT NULL,
  part VARCHAR NOT NULL,
  generator VARCHAR,
  source JSON NOT NULL,
  sequences BIGINT,
  share DOUBLE
);
COMMENT ON TABLE mixtures IS 'Which data each node reads, one data set a row.';
COMMENT ON COLUMN mixtures.key IS 'The node.';
COMMENT ON COLUMN mixtures.place IS 'Position in the recipe, from 0.';
COMMENT ON COLUMN mixtures.dataset IS 'The data set''s name in the lineage file.';
COMMENT ON COLUMN mixtures.part IS 'text or problems.';
COMMENT ON COLUMN mixtures.generator IS 'The generator; null for data from files.';
COMMENT ON COLUMN mixtures.source IS 'Where the content comes from, in full.';
COMMENT ON COLUMN mixtures.sequences IS 'Training sequences from it, exactly; null where the recipe has no mix.';
COMMENT ON COLUMN mixtures.share IS 'Its share of the node''s sequences, 0 to 1.';

CREATE TABLE attempts (
  key VARCHAR NOT NULL,
  attempt INTEGER NOT NULL,
  address VARCHAR NOT NULL,
  state VARCHAR NOT NULL,
  engine VARCHAR,
  device VARCHAR,
  executions INTEGER NOT NULL,
  started_at TIMESTAMPTZ,
  finished_at TIMESTAMPTZ,
  step BIGINT,
  steps BIGINT,
  tokens BIGINT,
  failure VARCHAR,
  message VARCHAR,
  PRIMARY KEY (key, attempt)
);
COMMENT ON TABLE attempts IS 'Every attempt at a node whose events have been read.';
COMMENT ON COLUMN attempts.key IS 'The node.';
COMMENT ON COLUMN attempts.attempt IS 'Number of the attempt, from 1.';
COMMENT ON COLUMN attempts.address IS 'The address it was made under.';
COMMENT ON COLUMN attempts.state IS 'done (it has a manifest), failed, interrupted, or running.';
COMMENT ON COLUMN attempts.engine IS 'Trainer and framework, with versions.';
COMMENT ON COLUMN attempts.device IS 'What it ran on.';
COMMENT ON COLUMN attempts.executions IS 'How many times a trainer was started for it.';
COMMENT ON COLUMN attempts.started_at IS 'When the first execution began.';
COMMENT ON COLUMN attempts.finished_at IS 'When the model was finished; null until it is done.';
COMMENT ON COLUMN attempts.step IS 'Steps done.';
COMMENT ON COLUMN attempts.steps IS 'Steps in all.';
COMMENT ON COLUMN attempts.tokens IS 'Tokens trained on.';
COMMENT ON COLUMN attempts.failure IS 'Kind of the failure; null unless state is failed.';
COMMENT ON COLUMN attempts.message IS 'What the trainer said of the failure.';

CREATE TABLE executions (
  key VARCHAR NOT NULL,
  attempt INTEGER NOT NULL,
  execution INTEGER NOT NULL,
  resumed_from BIGINT,
  steps BIGINT NOT NULL,
  device VARCHAR NOT NULL,
  engine VARCHAR NOT NULL
);
COMMENT ON TABLE executions IS 'Each start of a trainer that it reported: where an attempt was interrupted and went on.';
COMMENT ON COLUMN executions.key IS 'The node.';
COMMENT ON COLUMN executions.attempt IS 'The attempt.';
COMMENT ON COLUMN executions.execution IS 'Number of the start, from 1.';
COMMENT ON COLUMN executions.resumed_from IS 'Step of the checkpoint it went on from; null for a fresh start.';
COMMENT ON COLUMN executions.steps IS 'Steps in all.';
COMMENT ON COLUMN executions.device IS 'What it ran on.';
COMMENT ON COLUMN executions.engine IS 'Trainer and framework, with versions.';

CREATE TABLE facts (
  key VARCHAR NOT NULL,
  attempt INTEGER NOT NULL,
  name VARCHAR NOT NULL,
  kind VARCHAR NOT NULL,
  value VARCHAR NOT NULL,
  number DOUBLE
);
COMMENT ON TABLE facts IS 'What a finished attempt reported beside its curves: unigramEntropy, parameters, trainTokens, ...';
COMMENT ON COLUMN facts.key IS 'The node.';
COMMENT ON COLUMN facts.attempt IS 'The attempt.';
COMMENT ON COLUMN facts.name IS 'The fact''s name.';
COMMENT ON COLUMN facts.kind IS 'number or text.';
COMMENT ON COLUMN facts.value IS 'The value as text.';
COMMENT ON COLUMN facts.number IS 'The value, where it is a number.';

CREATE TABLE metrics (
  key VARCHAR NOT NULL,
  attempt INTEGER NOT NULL,
  step BIGINT NOT NULL,
  tokens BIGINT NOT NULL,
  metric VARCHAR NOT NULL,
  value DOUBLE NOT NULL
);
COMMENT ON TABLE metrics IS 'Training curves: every metric of every step, each step once.';
COMMENT ON COLUMN metrics.key IS 'The node.';
COMMENT ON COLUMN metrics.attempt IS 'The attempt.';
COMMENT ON COLUMN metrics.step IS 'Steps done.';
COMMENT ON COLUMN metrics.tokens IS 'Tokens trained on so far.';
COMMENT ON COLUMN metrics.metric IS 'loss, lr, gradientNorm, reward, kl, ...';
COMMENT ON COLUMN metrics.value IS 'The figure.';

CREATE TABLE evaluations (
  key VARCHAR NOT NULL,
  attempt INTEGER NOT NULL,
  suite VARCHAR NOT NULL,
  task VARCHAR NOT NULL,
  metric VARCHAR NOT NULL,
  value DOUBLE NOT NULL,
  n BIGINT NOT NULL,
  low DOUBLE NOT NULL,
  high DOUBLE NOT NULL
);
COMMENT ON TABLE evaluations IS 'Every figure of every evaluation, with its count and interval.';
COMMENT ON COLUMN evaluations.key IS 'The evaluation''s node; edges leads from it to the model.';
COMMENT ON COLUMN evaluations.attempt IS 'The attempt.';
COMMENT ON COLUMN evaluations.suite IS 'heldout, id, ood.';
COMMENT ON COLUMN evaluations.task IS 'The task or domain; all for the suite''s mean.';
COMMENT ON COLUMN evaluations.metric IS 'loss, perplexity, pass@1, ...';
COMMENT ON COLUMN evaluations.value IS 'The figure.';
COMMENT ON COLUMN evaluations.n IS 'Items it is over.';
COMMENT ON COLUMN evaluations.low IS 'Lower end of the 95 % interval.';
COMMENT ON COLUMN evaluations.high IS 'Upper end of the 95 % interval.';

CREATE TABLE samples (
  key VARCHAR NOT NULL,
  attempt INTEGER NOT NULL,
  step BIGINT NOT NULL,
  task VARCHAR NOT NULL,
  problem VARCHAR NOT NULL,
  sample INTEGER NOT NULL,
  prompt VARCHAR NOT NULL,
  response VARCHAR NOT NULL,
  answer VARCHAR,
  expected VARCHAR NOT NULL,
  correct BOOLEAN NOT NULL,
  reward DOUBLE
);
COMMENT ON TABLE samples IS 'Every response that a trainer kept, with its answer and verdict.';
COMMENT ON COLUMN samples.key IS 'The node: an evaluation, or an RL stage for its rollouts.';
COMMENT ON COLUMN samples.attempt IS 'The attempt.';
COMMENT ON COLUMN samples.step IS 'Step of the model.';
COMMENT ON COLUMN samples.task IS 'The task, or rollout in RL.';
COMMENT ON COLUMN samples.problem IS 'The problem''s id.';
COMMENT ON COLUMN samples.sample IS '0 is the greedy response; sampled ones count from 1.';
COMMENT ON COLUMN samples.prompt IS 'What the model was given.';
COMMENT ON COLUMN samples.response IS 'What it wrote.';
COMMENT ON COLUMN samples.answer IS 'The answer read from the response; null where none was found.';
COMMENT ON COLUMN samples.expected IS 'The right answer.';
COMMENT ON COLUMN samples.correct IS 'Whether the two agree.';
COMMENT ON COLUMN samples.reward IS 'Reward, where one was given.';
