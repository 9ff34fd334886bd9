-- What a publication reports, figure by figure, with where it stands there, how it was read, and how far that may be off; values
-- are fractions, and scores as they are. Of what several sources give, stands says which one lineage_wide has.
-- $lineage VARCHAR = published/evolm in latest_lineages.lineage: The published lineage.
-- $source VARCHAR = NULL in published_figures.source: Only this table or figure: Table 4, Figure 8a.
-- $model VARCHAR = NULL in published_figures.model: Only this model, as the publication names it.
-- $metric VARCHAR = NULL in published_figures.metric: Only this metric.
SELECT p.source, p.model, p.address, p.suite, p.task, p.metric, p.value, p.reading, p.error, p.approximate, p.stands, p.note
FROM published_figures AS p JOIN latest_lineages AS l USING (plan)
WHERE l.lineage = $lineage AND p.source = coalesce($source, p.source) AND p.model = coalesce($model, p.model)
  AND p.metric = coalesce($metric, p.metric)
ORDER BY p.place;
