-- Responses that the models of a lineage wrote, with the answer read from each, its verdict, and its reward where it has one.
-- $lineage VARCHAR = NULL in latest_lineages.lineage: The lineage's name; without it, the one that ran last.
-- $model VARCHAR = NULL in models.address: Only this model, by its address.
-- $task VARCHAR = NULL in samples.task: Only this task; rollout for what RL sampled.
-- $correct BOOLEAN = NULL: Only right (true) or only wrong (false) answers.
-- $limit INTEGER = 20: Rows at most.
SELECT m.address AS model, m.marks, s.task, s.problem, s.sample, s.prompt, s.response, s.answer, s.expected, s.correct, s.why,
  s.reward
FROM latest_samples AS s
JOIN models AS m ON m.key = s.model
SEMI JOIN lineage_nodes AS n ON n.plan = m.plan AND n.key = s.key
WHERE m.lineage = $lineage AND m.address = coalesce($model, m.address)
  AND s.task = coalesce($task, s.task)
  AND s.correct = coalesce($correct, s.correct)
ORDER BY m.place, m.address, s.task, s.step, s.problem, s.sample
LIMIT $limit;
