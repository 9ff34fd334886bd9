-- What follows of a plan and many questions need, so that it is found once and not with each of them: results/kept/ fills
-- these tables.

CREATE TABLE chains (
  plan VARCHAR NOT NULL,
  place INTEGER NOT NULL,
  address VARCHAR NOT NULL,
  key VARCHAR NOT NULL,
  depth INTEGER NOT NULL,
  ancestor_place INTEGER NOT NULL,
  ancestor VARCHAR NOT NULL,
  ancestor_key VARCHAR NOT NULL,
  ancestor_type VARCHAR NOT NULL,
  ordinal BIGINT NOT NULL
);
COMMENT ON TABLE chains IS 'Each model of each plan beside itself and every model before it in its chain.';
COMMENT ON COLUMN chains.plan IS 'The plan.';
COMMENT ON COLUMN chains.place IS 'The model''s position in it, parents first.';
COMMENT ON COLUMN chains.address IS 'The model''s address in it.';
COMMENT ON COLUMN chains.key IS 'The model''s key.';
COMMENT ON COLUMN chains.depth IS 'How far back: 0 is the model itself, 1 its parent.';
COMMENT ON COLUMN chains.ancestor_place IS 'The ancestor''s position; of two stages with the same recipe the first.';
COMMENT ON COLUMN chains.ancestor IS 'The ancestor''s address.';
COMMENT ON COLUMN chains.ancestor_key IS 'The ancestor''s key.';
COMMENT ON COLUMN chains.ancestor_type IS 'adopt, pretrain, checkpoint, cpt, sft, dpo, rl or reward.';
COMMENT ON COLUMN chains.ordinal IS 'Which of that type in the chain, the oldest 1: a second cpt is 2.';

CREATE TABLE recipes (
  plan VARCHAR NOT NULL,
  place INTEGER NOT NULL,
  address VARCHAR NOT NULL,
  stage VARCHAR NOT NULL,
  type VARCHAR NOT NULL,
  seed BIGINT NOT NULL,
  marks VARCHAR,
  key VARCHAR NOT NULL,
  setting VARCHAR,
  replicate VARCHAR NOT NULL,
  model VARCHAR,
  parameters BIGINT,
  pretrain_tokens BIGINT NOT NULL,
  cpt_tokens BIGINT NOT NULL,
  replay_tokens BIGINT NOT NULL,
  domain_tokens BIGINT NOT NULL,
  sft_examples BIGINT NOT NULL,
  sft_epochs BIGINT NOT NULL,
  rl_examples BIGINT NOT NULL,
  rl_epochs BIGINT NOT NULL,
  post_training VARCHAR NOT NULL,
  pretrain_recipe VARCHAR,
  cpt_recipe VARCHAR,
  sft_recipe VARCHAR,
  rl_recipe VARCHAR
);
COMMENT ON TABLE recipes IS 'Each model of each plan with what its chain is made of, in the quantities that models are compared by.';
COMMENT ON COLUMN recipes.plan IS 'The plan.';
COMMENT ON COLUMN recipes.place IS 'Position in the plan, parents first.';
COMMENT ON COLUMN recipes.address IS 'The model''s address in it.';
COMMENT ON COLUMN recipes.stage IS 'The declared stage.';
COMMENT ON COLUMN recipes.type IS 'adopt, pretrain, checkpoint, cpt, sft, dpo, rl or reward.';
COMMENT ON COLUMN recipes.seed IS 'Seed of its training.';
COMMENT ON COLUMN recipes.marks IS 'All of its marks; null where it has none.';
COMMENT ON COLUMN recipes.key IS 'The model''s key.';
COMMENT ON COLUMN recipes.setting IS 'Values of the axes that are no replicates, for example replay=20%; null where there are none.';
COMMENT ON COLUMN recipes.replicate IS 'Values of its replicate axes, which are averaged over; empty where there are none.';
COMMENT ON COLUMN recipes.model IS 'What the lineage file calls its shape.';
COMMENT ON COLUMN recipes.parameters IS 'Parameters, by its shape.';
COMMENT ON COLUMN recipes.pretrain_tokens IS 'Tokens of pretraining.';
COMMENT ON COLUMN recipes.cpt_tokens IS 'Tokens of continued pretraining, replay among them.';
COMMENT ON COLUMN recipes.replay_tokens IS 'Those of them that are replayed.';
COMMENT ON COLUMN recipes.domain_tokens IS 'Those of them that are not.';
COMMENT ON COLUMN recipes.sft_examples IS 'Examples of the first SFT in its chain.';
COMMENT ON COLUMN recipes.sft_epochs IS 'How often that went through them.';
COMMENT ON COLUMN recipes.rl_examples IS 'Problems of the first RL in its chain.';
COMMENT ON COLUMN recipes.rl_epochs IS 'How often that went through them.';
COMMENT ON COLUMN recipes.post_training IS 'What came after pretraining and CPT, in order: SFT, SFT+RL; none where nothing did.';
COMMENT ON COLUMN recipes.pretrain_recipe IS 'Digest of all else that its pretraining was told: learning rate, batch, schedule, data.';
COMMENT ON COLUMN recipes.cpt_recipe IS 'The same of CPT; null where there is none, as in the columns after it.';
COMMENT ON COLUMN recipes.sft_recipe IS 'The same of SFT.';
COMMENT ON COLUMN recipes.rl_recipe IS 'The same of RL.';

CREATE TABLE asked (
  plan VARCHAR NOT NULL,
  place INTEGER NOT NULL,
  evaluation VARCHAR NOT NULL,
  asked_at INTEGER NOT NULL,
  contested BOOLEAN NOT NULL
);
COMMENT ON TABLE asked IS 'Which evaluations each model of each plan has.';
COMMENT ON COLUMN asked.plan IS 'The plan.';
COMMENT ON COLUMN asked.place IS 'The model''s position in it.';
COMMENT ON COLUMN asked.evaluation IS 'Key of the evaluation.';
COMMENT ON COLUMN asked.asked_at IS 'Position of the evaluation in the plan; of several addresses the last.';
COMMENT ON COLUMN asked.contested IS 'Whether the model has another evaluation of the same suite: of what both say the later one is shown.';
