-- Each model's loss on held-out text beside that of every evaluated model before it in its chain: what a later stage
-- made worse (change above 0) or better, a domain a row. Replay is there to keep the change small.
-- $lineage VARCHAR = NULL in latest_lineages.lineage: The lineage's name; without it, the one that ran last.
WITH chosen AS (
  SELECT plan FROM latest_lineages WHERE lineage = coalesce($lineage, lineage) ORDER BY last_recorded DESC LIMIT 1
),
losses AS (
  SELECT * FROM model_figures SEMI JOIN chosen USING (plan) WHERE suite = 'heldout' AND metric = 'loss'
)
SELECT f.address AS model, f.marks, f.task AS domain, a.ancestor, b.value AS ancestor_loss, f.value AS loss,
  f.value - b.value AS change, f.low, f.high, f.n
FROM losses AS f
JOIN ancestors AS a ON a.plan = f.plan AND a.address = f.address AND a.depth > 0
JOIN losses AS b ON b.address = a.ancestor AND b.task = f.task
ORDER BY f.place, (f.task != 'all'), f.task, a.depth DESC;
