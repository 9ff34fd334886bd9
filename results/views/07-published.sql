-- What each model is made of in the quantities that its figures are compared by, and its figures source by source.

CREATE OR REPLACE VIEW model_recipes AS
SELECT l.lineage, r.plan, r.place, r.address, r.stage, r.type, r.seed, r.marks, r.key, r.model, r.parameters, r.pretrain_tokens,
  r.cpt_tokens, r.replay_tokens, r.domain_tokens, r.sft_examples, r.sft_epochs, r.rl_examples, r.rl_epochs, r.post_training,
  c.value AS collapse
FROM recipes AS r
JOIN latest_lineages AS l USING (plan)
LEFT JOIN (SELECT key, value FROM latest_facts WHERE name = 'collapse') AS c USING (key);
COMMENT ON VIEW model_recipes IS 'What each model of each lineage''s current version is made of, in the quantities that models are compared by; an amount is 0 where its chain has no such stage.';
COMMENT ON COLUMN model_recipes.lineage IS 'The lineage''s name.';
COMMENT ON COLUMN model_recipes.plan IS 'The plan.';
COMMENT ON COLUMN model_recipes.place IS 'The model''s position in the plan, parents first.';
COMMENT ON COLUMN model_recipes.address IS 'The model''s address.';
COMMENT ON COLUMN model_recipes.stage IS 'The declared stage.';
COMMENT ON COLUMN model_recipes.type IS 'adopt, pretrain, checkpoint, cpt, sft, dpo, rl or reward.';
COMMENT ON COLUMN model_recipes.seed IS 'Seed of its training.';
COMMENT ON COLUMN model_recipes.marks IS 'What has to be known before it is compared, as in the table marks; null where there is nothing.';
COMMENT ON COLUMN model_recipes.key IS 'The model''s key.';
COMMENT ON COLUMN model_recipes.model IS 'What the lineage file calls its shape; null where it does not begin with a pretraining.';
COMMENT ON COLUMN model_recipes.parameters IS 'Parameters, by its shape.';
COMMENT ON COLUMN model_recipes.pretrain_tokens IS 'Tokens of pretraining; of a checkpoint those until there.';
COMMENT ON COLUMN model_recipes.cpt_tokens IS 'Tokens of continued pretraining, replay among them.';
COMMENT ON COLUMN model_recipes.replay_tokens IS 'Those of them that are replayed.';
COMMENT ON COLUMN model_recipes.domain_tokens IS 'Those of them that are not.';
COMMENT ON COLUMN model_recipes.sft_examples IS 'Examples of the first SFT in its chain.';
COMMENT ON COLUMN model_recipes.sft_epochs IS 'How often that went through them.';
COMMENT ON COLUMN model_recipes.rl_examples IS 'Problems of the first RL in its chain.';
COMMENT ON COLUMN model_recipes.rl_epochs IS 'How often that went through them.';
COMMENT ON COLUMN model_recipes.post_training IS 'What came after pretraining and CPT, in order: none, SFT, SFT+RL, SFT+DPO, RL.';
COMMENT ON COLUMN model_recipes.collapse IS 'How its RL collapsed; null where it did not, as far as is known.';

CREATE OR REPLACE VIEW sourced_figures AS
SELECT f.lineage, f.plan, f.place, f.address, f.stage, f.type, f.seed, f.marks, f.key, f.model, f.parameters, f.pretrain_tokens,
  f.cpt_tokens, f.replay_tokens, f.domain_tokens, f.sft_examples, f.sft_epochs, f.rl_examples, f.rl_epochs, f.post_training,
  c.value AS collapse, f.suite, f.task, f.metric, p.source, coalesce(p.value, f.value) AS value,
  if(f.metric = 'orm', 1, 100) * coalesce(p.value, f.value) AS shown, f.n, f.low, f.high,
  p.reading, p.error, coalesce(p.approximate, false) AS approximate, p.note,
  -- In two parts, of which figures can be narrowed by the first before they are joined.
  (f.task = 'all' OR f.only_task) AND (f.task = 'all' OR p.source IS NULL) AS overall, f.setting
FROM recipe_figures() AS f
LEFT JOIN (SELECT key, value FROM latest_facts WHERE name = 'collapse') AS c ON c.key = f.key
LEFT JOIN published_figures AS p
  ON p.plan = f.plan AND p.address = f.address AND p.suite = f.suite AND p.task = f.task AND p.metric = f.metric;
COMMENT ON VIEW sourced_figures IS 'Every figure of every evaluated model with what the model is made of; of a published one a row for each table and figure that reports it, with the value that stands there.';
COMMENT ON COLUMN sourced_figures.lineage IS 'The lineage''s name.';
COMMENT ON COLUMN sourced_figures.plan IS 'The plan.';
COMMENT ON COLUMN sourced_figures.place IS 'The model''s position in the plan, parents first.';
COMMENT ON COLUMN sourced_figures.address IS 'The model''s address.';
COMMENT ON COLUMN sourced_figures.stage IS 'The declared stage.';
COMMENT ON COLUMN sourced_figures.type IS 'pretrain, checkpoint, cpt, sft, dpo or rl.';
COMMENT ON COLUMN sourced_figures.seed IS 'Seed of its training.';
COMMENT ON COLUMN sourced_figures.marks IS 'What has to be known before it is compared, as in the table marks; null where there is nothing.';
COMMENT ON COLUMN sourced_figures.key IS 'The model''s key.';
COMMENT ON COLUMN sourced_figures.model IS 'What the lineage file calls its shape.';
COMMENT ON COLUMN sourced_figures.parameters IS 'Parameters, by its shape.';
COMMENT ON COLUMN sourced_figures.pretrain_tokens IS 'Tokens of pretraining; of a checkpoint those until there.';
COMMENT ON COLUMN sourced_figures.cpt_tokens IS 'Tokens of continued pretraining, replay among them.';
COMMENT ON COLUMN sourced_figures.replay_tokens IS 'Those of them that are replayed.';
COMMENT ON COLUMN sourced_figures.domain_tokens IS 'Those of them that are not.';
COMMENT ON COLUMN sourced_figures.sft_examples IS 'Examples of the first SFT in its chain.';
COMMENT ON COLUMN sourced_figures.sft_epochs IS 'How often that went through them.';
COMMENT ON COLUMN sourced_figures.rl_examples IS 'Problems of the first RL in its chain.';
COMMENT ON COLUMN sourced_figures.rl_epochs IS 'How often that went through them.';
COMMENT ON COLUMN sourced_figures.post_training IS 'What came after pretraining and CPT, in order: none, SFT, SFT+RL, SFT+DPO, RL.';
COMMENT ON COLUMN sourced_figures.collapse IS 'How its RL collapsed; null where it did not, as far as is known.';
COMMENT ON COLUMN sourced_figures.suite IS 'heldout, upstream, id, ood.';
COMMENT ON COLUMN sourced_figures.task IS 'The task or domain; all for the suite''s mean.';
COMMENT ON COLUMN sourced_figures.metric IS 'loss, acc_norm, pass@1, ...';
COMMENT ON COLUMN sourced_figures.source IS 'The table or figure that reports it; null of one''s own.';
COMMENT ON COLUMN sourced_figures.value IS 'The figure, as that source has it.';
COMMENT ON COLUMN sourced_figures.shown IS 'The same as papers show it: in percent; orm as it is.';
COMMENT ON COLUMN sourced_figures.n IS 'Items it is over; null where that is not known.';
COMMENT ON COLUMN sourced_figures.low IS 'Lower end of the 95 % interval; null where that is not known.';
COMMENT ON COLUMN sourced_figures.high IS 'Upper end of the 95 % interval; null where that is not known.';
COMMENT ON COLUMN sourced_figures.reading IS 'printed or digitised; null of one''s own.';
COMMENT ON COLUMN sourced_figures.error IS 'By about how much a digitised value may be off, either way; null where it is printed, and where that is not known.';
COMMENT ON COLUMN sourced_figures.approximate IS 'Whether it could only be read roughly.';
COMMENT ON COLUMN sourced_figures.note IS 'What has to be known of it; null where there is nothing.';
COMMENT ON COLUMN sourced_figures.overall IS 'Whether it is of the suite: its mean, or that of the only task.';
COMMENT ON COLUMN sourced_figures.setting IS 'Values of the axes that are no replicates, for example replay=20%; null where there are none.';

CREATE OR REPLACE VIEW model_panels AS
WITH figures AS (
  SELECT *, if(metric = 'pass@1', NULL, try_cast(regexp_extract(metric, '^(pass|maj|rm)@(\d+)$', 2) AS INTEGER)) AS k,
    suite || ' ' || if(k IS NULL, metric, split_part(metric, '@', 1) || '@k') AS panel
  FROM sourced_figures
  WHERE overall AND suite IN ('id', 'ood')
),
most AS (
  SELECT lineage, plan, place, suite, source, max(k) AS k FROM figures GROUP BY lineage, plan, place, suite, source
)
SELECT f.lineage, f.plan, min(f.place) AS place, f.source, f.stage, f.setting, f.marks, f.model, f.parameters, f.pretrain_tokens,
  f.replay_tokens, f.domain_tokens, f.sft_examples, f.sft_epochs, f.rl_examples, f.rl_epochs, f.post_training, f.collapse,
  count(DISTINCT f.place) AS models, max(f.k) AS k,
  round(avg(f.shown) FILTER (f.panel = 'id pass@1'), 4) AS id_greedy,
  round(avg(f.shown) FILTER (f.panel = 'id maj@k'), 4) AS id_maj,
  round(avg(f.shown) FILTER (f.panel = 'id rm@k'), 4) AS id_rm,
  round(avg(f.shown) FILTER (f.panel = 'id pass@k'), 4) AS id_pass,
  round(avg(f.shown) FILTER (f.panel = 'id orm'), 4) AS id_orm,
  round(avg(f.shown) FILTER (f.panel = 'id correctRatio'), 4) AS id_correct_ratio,
  round(avg(f.shown) FILTER (f.panel = 'ood pass@1'), 4) AS ood_greedy,
  round(avg(f.shown) FILTER (f.panel = 'ood maj@k'), 4) AS ood_maj,
  round(avg(f.shown) FILTER (f.panel = 'ood rm@k'), 4) AS ood_rm,
  round(avg(f.shown) FILTER (f.panel = 'ood pass@k'), 4) AS ood_pass,
  round(avg(f.shown) FILTER (f.panel = 'ood orm'), 4) AS ood_orm,
  round(avg(f.shown) FILTER (f.panel = 'ood correctRatio'), 4) AS ood_correct_ratio
FROM figures AS f
JOIN most AS m ON m.lineage = f.lineage AND m.plan = f.plan AND m.place = f.place AND m.suite = f.suite
  AND m.source IS NOT DISTINCT FROM f.source
WHERE f.k IS NULL OR f.k = m.k
GROUP BY f.lineage, f.plan, f.source, f.stage, f.setting, f.marks, f.model, f.parameters, f.pretrain_tokens, f.replay_tokens,
  f.domain_tokens, f.sft_examples, f.sft_epochs, f.rl_examples, f.rl_epochs, f.post_training, f.collapse;
COMMENT ON VIEW model_panels IS 'The six figures of problems that EvoLM''s figures have panels of, id and ood, in percent (orm as it is): a row for each model and, of a published one, each source; mean over replicates (seeds).';
COMMENT ON COLUMN model_panels.lineage IS 'The lineage''s name.';
COMMENT ON COLUMN model_panels.plan IS 'The plan.';
COMMENT ON COLUMN model_panels.place IS 'Position of the first of its models in the plan.';
COMMENT ON COLUMN model_panels.source IS 'The table or figure that reports it; null of one''s own.';
COMMENT ON COLUMN model_panels.stage IS 'The declared stage; of a published model its signature.';
COMMENT ON COLUMN model_panels.setting IS 'Values of the axes that are no replicates; null where there are none.';
COMMENT ON COLUMN model_panels.marks IS 'What has to be known before it is compared, as in the table marks; null where there is nothing.';
COMMENT ON COLUMN model_panels.model IS 'What the lineage file calls its shape.';
COMMENT ON COLUMN model_panels.parameters IS 'Parameters, by its shape.';
COMMENT ON COLUMN model_panels.pretrain_tokens IS 'Tokens of pretraining; of a checkpoint those until there.';
COMMENT ON COLUMN model_panels.replay_tokens IS 'Tokens of CPT that are replayed.';
COMMENT ON COLUMN model_panels.domain_tokens IS 'Tokens of CPT that are not.';
COMMENT ON COLUMN model_panels.sft_examples IS 'Examples of SFT.';
COMMENT ON COLUMN model_panels.sft_epochs IS 'How often SFT went through them.';
COMMENT ON COLUMN model_panels.rl_examples IS 'Problems of RL.';
COMMENT ON COLUMN model_panels.rl_epochs IS 'How often RL went through them.';
COMMENT ON COLUMN model_panels.post_training IS 'What came after pretraining and CPT: none, SFT, SFT+RL, ...';
COMMENT ON COLUMN model_panels.collapse IS 'How its RL collapsed; null where it did not, as far as is known.';
COMMENT ON COLUMN model_panels.models IS 'How many models the row is the mean of.';
COMMENT ON COLUMN model_panels.k IS 'Responses a problem of maj, rm and pass: the most that there are.';
COMMENT ON COLUMN model_panels.id_greedy IS 'Pass@1 of the greedy response, id.';
COMMENT ON COLUMN model_panels.id_maj IS 'Maj@k, id.';
COMMENT ON COLUMN model_panels.id_rm IS 'RM@k, id.';
COMMENT ON COLUMN model_panels.id_pass IS 'Pass@k, id.';
COMMENT ON COLUMN model_panels.id_orm IS 'Mean reward, id.';
COMMENT ON COLUMN model_panels.id_correct_ratio IS 'Correct Ratio, id.';
COMMENT ON COLUMN model_panels.ood_greedy IS 'Pass@1 of the greedy response, ood.';
COMMENT ON COLUMN model_panels.ood_maj IS 'Maj@k, ood.';
COMMENT ON COLUMN model_panels.ood_rm IS 'RM@k, ood.';
COMMENT ON COLUMN model_panels.ood_pass IS 'Pass@k, ood.';
COMMENT ON COLUMN model_panels.ood_orm IS 'Mean reward, ood.';
COMMENT ON COLUMN model_panels.ood_correct_ratio IS 'Correct Ratio, ood.';
