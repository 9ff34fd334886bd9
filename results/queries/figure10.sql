-- EvoLM's Figures 10 and 14: how well a reward model's score (orm) and validation perplexity say how many problems each
-- post-trained model solves (Maj@16), a task a row. The titles there call it r^2, the text Pearson's r. Of one's own lineages
-- reward_correlation has both.
-- $lineage VARCHAR = published/evolm in latest_lineages.lineage: The published lineage.
SELECT p.task,
  any_value(p.value) FILTER (p.metric = 'r2(orm/maj@16)') AS orm,
  any_value(p.value) FILTER (p.metric = 'r2(perplexity/maj@16)') AS perplexity
FROM published_figures AS p JOIN latest_lineages AS l USING (plan)
WHERE l.lineage = $lineage AND starts_with(p.metric, 'r2(')
GROUP BY p.task
ORDER BY min(p.place);
