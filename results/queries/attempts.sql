-- Every node of a lineage with its attempts: how each stands, how often it was started, and what went wrong.
-- $lineage VARCHAR = NULL in latest_lineages.lineage: The lineage's name; without it, the one that ran last.
SELECT n.address, n.type, a.attempt, coalesce(a.state, 'waiting') AS state, a.executions, a.step, a.steps, a.tokens,
  a.device, epoch(a.finished_at - a.started_at) AS seconds, a.failure, a.message, left(n.key, 12) AS key
FROM lineage_nodes AS n
JOIN latest_lineages AS l USING (plan)
LEFT JOIN attempts AS a USING (key)
WHERE l.lineage = $lineage
ORDER BY n.place, a.attempt;
