-- Verdicts that say by themselves when they are out of date; and what the paper's takeaways are asked of.

CREATE OR REPLACE MACRO done_evaluations() AS TABLE
SELECT a.key, a.attempt, a.finished_at::VARCHAR AS finished_at, coalesce(m.finished_at > a.finished_at, false) AS superseded
FROM latest_attempts AS a
LEFT JOIN edges ON edges.child = a.key AND edges.role = 'parent'
LEFT JOIN latest_attempts AS m ON m.key = edges.parent AND m.state IN ('done', 'imported')
WHERE a.state IN ('done', 'imported');
COMMENT ON MACRO TABLE done_evaluations IS 'The attempt of each evaluation that figures are from, and whether its model has been made again since.';

CREATE OR REPLACE VIEW takeaways AS
WITH changed AS (
  SELECT DISTINCT e.lineage, e.source, e.number
  FROM verdict_evidence AS e
  LEFT JOIN done_evaluations() AS d ON d.key = e.evaluation
  WHERE d.attempt IS DISTINCT FROM e.attempt OR d.finished_at IS DISTINCT FROM e.finished_at OR d.superseded
)
SELECT v.lineage, v.source, v.number, v.name, v.claim,
  if(l.plan IS NULL OR c.number IS NOT NULL, 'stale', v.claim_verdict) AS verdict,
  v.part, v.metric, v.claimed, if(l.plan IS NULL OR c.number IS NOT NULL, 'stale', v.verdict) AS part_verdict,
  v.effect_of, v.effect, v.low, v.high, v.test, v.p, v.p_corrected, v.alpha, v.correction, v.seeds, v.pairs, v.problems,
  v.said
FROM verdicts AS v
LEFT JOIN latest_lineages AS l ON l.lineage = v.lineage AND l.plan = v.plan
LEFT JOIN changed AS c ON c.lineage = v.lineage AND c.source = v.source AND c.number = v.number
ORDER BY v.lineage, v.source, v.number, v.part;
COMMENT ON VIEW takeaways IS 'What the results say of each takeaway, a part a row, as it was found when it was asked last; stale where the lineage or an evaluation has changed since, until descent takeaways is asked again, and where a model was made again, until its evaluation is.';
COMMENT ON COLUMN takeaways.lineage IS 'The lineage''s name.';
COMMENT ON COLUMN takeaways.source IS 'file (the lineage file declares it) or paper (one of EvoLM''s twelve).';
COMMENT ON COLUMN takeaways.number IS 'Which takeaway, from 1.';
COMMENT ON COLUMN takeaways.name IS 'Of one of the paper''s its name.';
COMMENT ON COLUMN takeaways.claim IS 'The claim.';
COMMENT ON COLUMN takeaways.verdict IS 'supported, contradicted, inconclusive, underpowered, stale or not asked: of all of its parts.';
COMMENT ON COLUMN takeaways.part IS 'Which part, from 1; 0 where none could be asked.';
COMMENT ON COLUMN takeaways.metric IS 'The figure, or what the part is called.';
COMMENT ON COLUMN takeaways.claimed IS 'What is claimed of it: higher, lower, up, down, flat, saturates, positive or negative.';
COMMENT ON COLUMN takeaways.part_verdict IS 'The part''s verdict.';
COMMENT ON COLUMN takeaways.effect_of IS 'What the effect is: difference, change (from the first level to the last), saturation (a level), r.';
COMMENT ON COLUMN takeaways.effect IS 'The effect.';
COMMENT ON COLUMN takeaways.low IS 'Lower end of its interval of confidence 1 - alpha; null where it has none.';
COMMENT ON COLUMN takeaways.high IS 'Upper end of that interval.';
COMMENT ON COLUMN takeaways.test IS 'How it was tested.';
COMMENT ON COLUMN takeaways.p IS 'Two-sided p; null where nothing was tested.';
COMMENT ON COLUMN takeaways.p_corrected IS 'The same, corrected for all parts of all takeaways that were asked together.';
COMMENT ON COLUMN takeaways.alpha IS 'The chance of a wrong claim that is put up with.';
COMMENT ON COLUMN takeaways.correction IS 'holm, benjamini-hochberg or none.';
COMMENT ON COLUMN takeaways.seeds IS 'Seeds that there are.';
COMMENT ON COLUMN takeaways.pairs IS 'Pairs of models, or models of a trend or a correlation.';
COMMENT ON COLUMN takeaways.problems IS 'Problems that all of them answered.';
COMMENT ON COLUMN takeaways.said IS 'What else there is to say, and warnings, in sentences.';

CREATE OR REPLACE VIEW takeaway_models AS
SELECT m.*, r.replicate, r.pretrain_recipe, r.cpt_recipe, r.sft_recipe, r.rl_recipe
FROM model_recipes AS m
JOIN recipes AS r ON r.plan = m.plan AND r.place = m.place
WHERE m.type != 'checkpoint' AND coalesce(m.marks, '') NOT LIKE '%undecayed%';
COMMENT ON VIEW takeaway_models IS 'What EvoLM''s takeaways compare: each decayed model of each lineage''s current version, with its amounts, its replicate, and digests of all else that its stages were told.';
COMMENT ON COLUMN takeaway_models.lineage IS 'The lineage''s name.';
COMMENT ON COLUMN takeaway_models.plan IS 'The plan.';
COMMENT ON COLUMN takeaway_models.place IS 'The model''s position in the plan, parents first.';
COMMENT ON COLUMN takeaway_models.address IS 'The model''s address.';
COMMENT ON COLUMN takeaway_models.stage IS 'The declared stage.';
COMMENT ON COLUMN takeaway_models.type IS 'adopt, pretrain, cpt, sft, dpo, rl or reward.';
COMMENT ON COLUMN takeaway_models.seed IS 'Seed of its training.';
COMMENT ON COLUMN takeaway_models.marks IS 'What has to be known before it is compared, as in the table marks; null where there is nothing.';
COMMENT ON COLUMN takeaway_models.key IS 'The model''s key.';
COMMENT ON COLUMN takeaway_models.model IS 'What the lineage file calls its shape.';
COMMENT ON COLUMN takeaway_models.parameters IS 'Parameters, by its shape.';
COMMENT ON COLUMN takeaway_models.pretrain_tokens IS 'Tokens of pretraining.';
COMMENT ON COLUMN takeaway_models.cpt_tokens IS 'Tokens of continued pretraining, replay among them.';
COMMENT ON COLUMN takeaway_models.replay_tokens IS 'Those of them that are replayed.';
COMMENT ON COLUMN takeaway_models.domain_tokens IS 'Those of them that are not.';
COMMENT ON COLUMN takeaway_models.sft_examples IS 'Examples of the first SFT in its chain.';
COMMENT ON COLUMN takeaway_models.sft_epochs IS 'How often that went through them.';
COMMENT ON COLUMN takeaway_models.rl_examples IS 'Problems of the first RL in its chain.';
COMMENT ON COLUMN takeaway_models.rl_epochs IS 'How often that went through them.';
COMMENT ON COLUMN takeaway_models.post_training IS 'What came after pretraining and CPT, in order.';
COMMENT ON COLUMN takeaway_models.collapse IS 'How its RL collapsed; null where it did not, as far as is known.';
COMMENT ON COLUMN takeaway_models.replicate IS 'Values of its replicate axes, which are averaged over; empty where there are none.';
COMMENT ON COLUMN takeaway_models.pretrain_recipe IS 'Digest of all else that its pretraining was told: learning rate, batch, schedule, data.';
COMMENT ON COLUMN takeaway_models.cpt_recipe IS 'The same of CPT; null where there is none, as in the columns after it.';
COMMENT ON COLUMN takeaway_models.sft_recipe IS 'The same of SFT.';
COMMENT ON COLUMN takeaway_models.rl_recipe IS 'The same of RL.';

CREATE OR REPLACE VIEW takeaway_figures AS
WITH reported AS (
  SELECT l.lineage, a.plan, s.suite, s.only_task, s.has_mean, s.most
  FROM latest_lineages AS l
  JOIN asked AS a ON a.plan = l.plan
  JOIN latest_attempts AS t ON t.key = a.evaluation
  JOIN suites AS s ON s.key = t.key AND s.attempt = t.attempt
),
suites_of AS (
  SELECT lineage, plan, suite, bool_and(only_task IS NOT NULL) AND min(only_task) = max(only_task) AS single,
    bool_or(has_mean) AS has_mean, max(most) AS of_any, max(most) FILTER (only_task IS NULL OR only_task = 'all') AS of_means
  FROM reported
  GROUP BY lineage, plan, suite
),
chosen AS (
  SELECT lineage, plan, suite, single, if(single, of_any, of_means) AS k FROM suites_of WHERE single OR has_mean
)
SELECT f.lineage, f.plan, f.place, f.address, f.stage, f.type, f.seed, f.marks, f.key, f.model, f.parameters, f.pretrain_tokens,
  f.cpt_tokens, f.replay_tokens, f.domain_tokens, f.sft_examples, f.sft_epochs, f.rl_examples, f.rl_epochs, f.post_training,
  d.value AS collapse, f.replicate, f.pretrain_recipe, f.cpt_recipe, f.sft_recipe, f.rl_recipe, f.suite, f.task,
  -- In two parts, of which figures can be narrowed by the first before they are joined.
  (f.task = 'all' OR f.only_task) AND (f.task = 'all' OR s.single) AS overall,
  CASE f.metric WHEN 'pass@1' THEN 'greedy' WHEN 'correctRatio' THEN 'correct_ratio' ELSE split_part(f.metric, '@', 1) END AS figure,
  f.suite || if(f.task = 'all' OR s.single, '', '.' || f.task) || '.' || f.metric AS metric
FROM recipe_figures() AS f
JOIN chosen AS s ON s.lineage = f.lineage AND s.plan = f.plan AND s.suite = f.suite
LEFT JOIN (SELECT key, value FROM latest_facts WHERE name = 'collapse') AS d ON d.key = f.key
WHERE f.type != 'checkpoint' AND coalesce(f.marks, '') NOT LIKE '%undecayed%'
  AND (f.metric IN ('pass@1', 'correctRatio', 'orm', 'acc_norm', 'loss', 'perplexity')
    OR regexp_extract(f.metric, '^(pass|maj|rm)@(\d+)$', 2) = s.k::VARCHAR);
COMMENT ON VIEW takeaway_figures IS 'Those models with the figures that EvoLM''s takeaways are about, one a row; of figures at k those of the most responses that the lineage has.';
COMMENT ON COLUMN takeaway_figures.lineage IS 'The lineage''s name.';
COMMENT ON COLUMN takeaway_figures.plan IS 'The plan.';
COMMENT ON COLUMN takeaway_figures.place IS 'The model''s position in the plan, parents first.';
COMMENT ON COLUMN takeaway_figures.address IS 'The model''s address.';
COMMENT ON COLUMN takeaway_figures.stage IS 'The declared stage.';
COMMENT ON COLUMN takeaway_figures.type IS 'adopt, pretrain, cpt, sft, dpo, rl or reward.';
COMMENT ON COLUMN takeaway_figures.seed IS 'Seed of its training.';
COMMENT ON COLUMN takeaway_figures.marks IS 'What has to be known before it is compared, as in the table marks; null where there is nothing.';
COMMENT ON COLUMN takeaway_figures.key IS 'The model''s key.';
COMMENT ON COLUMN takeaway_figures.model IS 'What the lineage file calls its shape.';
COMMENT ON COLUMN takeaway_figures.parameters IS 'Parameters, by its shape.';
COMMENT ON COLUMN takeaway_figures.pretrain_tokens IS 'Tokens of pretraining.';
COMMENT ON COLUMN takeaway_figures.cpt_tokens IS 'Tokens of continued pretraining, replay among them.';
COMMENT ON COLUMN takeaway_figures.replay_tokens IS 'Those of them that are replayed.';
COMMENT ON COLUMN takeaway_figures.domain_tokens IS 'Those of them that are not.';
COMMENT ON COLUMN takeaway_figures.sft_examples IS 'Examples of the first SFT in its chain.';
COMMENT ON COLUMN takeaway_figures.sft_epochs IS 'How often that went through them.';
COMMENT ON COLUMN takeaway_figures.rl_examples IS 'Problems of the first RL in its chain.';
COMMENT ON COLUMN takeaway_figures.rl_epochs IS 'How often that went through them.';
COMMENT ON COLUMN takeaway_figures.post_training IS 'What came after pretraining and CPT, in order.';
COMMENT ON COLUMN takeaway_figures.collapse IS 'How its RL collapsed; null where it did not, as far as is known.';
COMMENT ON COLUMN takeaway_figures.replicate IS 'Values of its replicate axes, which are averaged over; empty where there are none.';
COMMENT ON COLUMN takeaway_figures.pretrain_recipe IS 'Digest of all else that its pretraining was told: learning rate, batch, schedule, data.';
COMMENT ON COLUMN takeaway_figures.cpt_recipe IS 'The same of CPT; null where there is none, as in the columns after it.';
COMMENT ON COLUMN takeaway_figures.sft_recipe IS 'The same of SFT.';
COMMENT ON COLUMN takeaway_figures.rl_recipe IS 'The same of RL.';
COMMENT ON COLUMN takeaway_figures.suite IS 'heldout, upstream, id, ood.';
COMMENT ON COLUMN takeaway_figures.task IS 'The task or domain; all for the suite''s mean.';
COMMENT ON COLUMN takeaway_figures.overall IS 'Whether it is of the suite: its mean, or that of the only task.';
COMMENT ON COLUMN takeaway_figures.figure IS 'greedy, maj, rm, pass, orm, correct_ratio, acc_norm, loss, perplexity.';
COMMENT ON COLUMN takeaway_figures.metric IS 'The figure as takeaways name it: id.maj@16, heldout.web.loss.';
