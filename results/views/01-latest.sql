-- What most questions are about: the current version of each lineage, and of each node the newest finished attempt.

CREATE OR REPLACE VIEW latest_lineages AS
SELECT plan, lineage, title, file, nodes, first_recorded, last_recorded
FROM lineages
QUALIFY row_number() OVER (PARTITION BY lineage ORDER BY last_recorded DESC, plan) = 1;
COMMENT ON VIEW latest_lineages IS 'The current version of each lineage: the plan of its name that was run last.';
COMMENT ON COLUMN latest_lineages.plan IS 'SHA-256 of the frozen plan.';
COMMENT ON COLUMN latest_lineages.lineage IS 'The lineage''s name.';
COMMENT ON COLUMN latest_lineages.title IS 'The question it asks.';
COMMENT ON COLUMN latest_lineages.file IS 'Path of the lineage file.';
COMMENT ON COLUMN latest_lineages.nodes IS 'How many nodes the plan has.';
COMMENT ON COLUMN latest_lineages.first_recorded IS 'When this version was first run.';
COMMENT ON COLUMN latest_lineages.last_recorded IS 'When it was last run.';

CREATE OR REPLACE VIEW latest_attempts AS
SELECT
  key, attempt, address, state, engine, device, executions, started_at, finished_at, step, steps, tokens, failure, message
FROM attempts
WHERE latest;
COMMENT ON VIEW latest_attempts IS 'One attempt for each node: the newest that is done, else the newest.';
COMMENT ON COLUMN latest_attempts.key IS 'The node.';
COMMENT ON COLUMN latest_attempts.attempt IS 'Number of the attempt.';
COMMENT ON COLUMN latest_attempts.address IS 'The address it was made under.';
COMMENT ON COLUMN latest_attempts.state IS 'done, failed, interrupted or running.';
COMMENT ON COLUMN latest_attempts.engine IS 'Trainer and framework, with versions.';
COMMENT ON COLUMN latest_attempts.device IS 'What it ran on.';
COMMENT ON COLUMN latest_attempts.executions IS 'How many times a trainer was started for it.';
COMMENT ON COLUMN latest_attempts.started_at IS 'When the first execution began.';
COMMENT ON COLUMN latest_attempts.finished_at IS 'When the model was finished.';
COMMENT ON COLUMN latest_attempts.step IS 'Steps done.';
COMMENT ON COLUMN latest_attempts.steps IS 'Steps in all.';
COMMENT ON COLUMN latest_attempts.tokens IS 'Tokens trained on.';
COMMENT ON COLUMN latest_attempts.failure IS 'Kind of the failure.';
COMMENT ON COLUMN latest_attempts.message IS 'What the trainer said of it.';

CREATE OR REPLACE VIEW latest_facts AS
SELECT key, attempt, name, kind, value, number FROM facts SEMI JOIN latest_attempts USING (key, attempt);
COMMENT ON VIEW latest_facts IS 'The facts of each node''s latest attempt.';
COMMENT ON COLUMN latest_facts.key IS 'The node.';
COMMENT ON COLUMN latest_facts.attempt IS 'The attempt.';
COMMENT ON COLUMN latest_facts.name IS 'The fact''s name.';
COMMENT ON COLUMN latest_facts.kind IS 'number or text.';
COMMENT ON COLUMN latest_facts.value IS 'The value as text.';
COMMENT ON COLUMN latest_facts.number IS 'The value, where it is a number.';

CREATE OR REPLACE VIEW latest_metrics AS
SELECT key, attempt, step, tokens, metric, value FROM metrics SEMI JOIN latest_attempts USING (key, attempt);
COMMENT ON VIEW latest_metrics IS 'The curves of each node''s latest attempt.';
COMMENT ON COLUMN latest_metrics.key IS 'The node.';
COMMENT ON COLUMN latest_metrics.attempt IS 'The attempt.';
COMMENT ON COLUMN latest_metrics.step IS 'Steps done.';
COMMENT ON COLUMN latest_metrics.tokens IS 'Tokens trained on so far.';
COMMENT ON COLUMN latest_metrics.metric IS 'loss, lr, gradientNorm, ...';
COMMENT ON COLUMN latest_metrics.value IS 'The figure.';

CREATE OR REPLACE VIEW latest_evaluations AS
SELECT e.key, e.attempt, edges.parent AS model, e.suite, e.task, e.metric, e.value, e.n, e.low, e.high
FROM evaluations AS e
SEMI JOIN latest_attempts AS a ON a.key = e.key AND a.attempt = e.attempt
LEFT JOIN edges ON edges.child = e.key AND edges.role = 'parent';
COMMENT ON VIEW latest_evaluations IS 'The figures of each evaluation''s latest attempt, with the model they are of.';
COMMENT ON COLUMN latest_evaluations.key IS 'The evaluation''s node.';
COMMENT ON COLUMN latest_evaluations.attempt IS 'The attempt.';
COMMENT ON COLUMN latest_evaluations.model IS 'Key of the model that was evaluated.';
COMMENT ON COLUMN latest_evaluations.suite IS 'heldout, upstream, id, ood.';
COMMENT ON COLUMN latest_evaluations.task IS 'The task or domain; all for the suite''s mean.';
COMMENT ON COLUMN latest_evaluations.metric IS 'loss, perplexity, acc_norm, pass@1, ...';
COMMENT ON COLUMN latest_evaluations.value IS 'The figure.';
COMMENT ON COLUMN latest_evaluations.n IS 'Items it is over.';
COMMENT ON COLUMN latest_evaluations.low IS 'Lower end of the 95 % interval.';
COMMENT ON COLUMN latest_evaluations.high IS 'Upper end of the 95 % interval.';

CREATE OR REPLACE VIEW latest_samples AS
SELECT
  s.key, s.attempt, coalesce(edges.parent, s.key) AS model, s.step, s.task, s.problem, s.sample, s.prompt, s.response,
  s.answer, s.expected, s.correct, s.reward, s.why, s.log_likelihoods, s.truncated
FROM samples AS s
SEMI JOIN latest_attempts AS a ON a.key = s.key AND a.attempt = s.attempt
LEFT JOIN nodes ON nodes.key = s.key
LEFT JOIN edges ON edges.child = s.key AND edges.role = 'parent' AND nodes.type = 'evaluate';
COMMENT ON VIEW latest_samples IS 'The responses of each node''s latest attempt, with the model that wrote them.';
COMMENT ON COLUMN latest_samples.key IS 'The node: an evaluation, or an RL stage for its rollouts.';
COMMENT ON COLUMN latest_samples.attempt IS 'The attempt.';
COMMENT ON COLUMN latest_samples.model IS 'Key of the model: what was evaluated, or the RL stage itself.';
COMMENT ON COLUMN latest_samples.step IS 'Step of the model.';
COMMENT ON COLUMN latest_samples.task IS 'The task, or rollout in RL.';
COMMENT ON COLUMN latest_samples.problem IS 'The problem''s id.';
COMMENT ON COLUMN latest_samples.sample IS '0 is the greedy response; sampled ones count from 1.';
COMMENT ON COLUMN latest_samples.prompt IS 'What the model was given.';
COMMENT ON COLUMN latest_samples.response IS 'What it wrote; of a cloze task the likeliest choice.';
COMMENT ON COLUMN latest_samples.answer IS 'The answer read from the response, null where none was found; of a cloze task the number of the choice, from 0.';
COMMENT ON COLUMN latest_samples.expected IS 'The right answer.';
COMMENT ON COLUMN latest_samples.correct IS 'Whether the two agree.';
COMMENT ON COLUMN latest_samples.reward IS 'Reward, where one was given.';
COMMENT ON COLUMN latest_samples.why IS 'Why: the kind of answer, and the two forms that were compared or what was missing; null where a trainer does not say.';
COMMENT ON COLUMN latest_samples.log_likelihoods IS 'Of a cloze task: ln p of each choice; null of what was written.';
COMMENT ON COLUMN latest_samples.truncated IS 'Whether it was cut before it ended.';
