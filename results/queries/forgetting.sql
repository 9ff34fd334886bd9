-- Each model's loss on held-out text beside that of every evaluated model before it in its chain: what a later stage
-- made worse (change above 0) or better, a domain a row. Replay is there to keep the change small. The view forgetting has
-- it of every figure.
-- $lineage VARCHAR = NULL in latest_lineages.lineage: The lineage's name; without it, the one that ran last.
SELECT address AS model, marks, task AS domain, ancestor, ancestor_value AS ancestor_loss, value AS loss, change, low, high,
  n
FROM forgetting
WHERE lineage = $lineage AND suite = 'heldout' AND metric = 'loss'
ORDER BY place, (task != 'all'), task, depth DESC;
