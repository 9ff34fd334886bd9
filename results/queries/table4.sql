-- EvoLM's Table 4, pretrained models beside those of others on the upstream tasks, in percent. The others are those of whatever
-- was imported.
-- $lineage VARCHAR = published/evolm in latest_lineages.lineage: The lineage, published/evolm or one of your own.
WITH figures AS (
  SELECT place, stage, address, model, parameters, pretrain_tokens, task, shown
  FROM sourced_figures
  WHERE lineage = $lineage AND coalesce(source, 'Table 4') = 'Table 4' AND type = 'pretrain'
    AND suite = 'upstream' AND metric = 'acc_norm'
  UNION ALL
  SELECT p.place, NULL, p.model, regexp_extract(p.model, '^(.*) \(', 1), NULL, NULL, p.task, 100 * p.value
  FROM published_figures AS p SEMI JOIN latest_lineages USING (plan)
  WHERE p.source = 'Table 4' AND p.address IS NULL
),
rows AS (
  SELECT min(place) AS place, stage, model, parameters, pretrain_tokens,
    CASE
      WHEN stage IS NULL THEN regexp_extract(any_value(address), '\((.*)\)', 1)
      WHEN pretrain_tokens < 1e6 THEN format('{:.3g}K', pretrain_tokens / 1e3)
      WHEN pretrain_tokens < 1e9 THEN format('{:.3g}M', pretrain_tokens / 1e6)
      ELSE format('{:.3g}B', pretrain_tokens / 1e9)
    END AS tokens,
    round(avg(shown) FILTER (task = 'hellaswag'), 4) AS hellaswag, round(avg(shown) FILTER (task = 'winogrande'), 4) AS winogrande,
    round(avg(shown) FILTER (task = 'piqa'), 4) AS piqa, round(avg(shown) FILTER (task = 'openbookqa'), 4) AS openbookqa,
    round(avg(shown) FILTER (task = 'arc_easy'), 4) AS arc_easy, round(avg(shown) FILTER (task = 'arc_challenge'), 4) AS arc_challenge,
    round(avg(shown) FILTER (task = 'all'), 4) AS average
  FROM figures
  GROUP BY stage, model, parameters, pretrain_tokens, if(stage IS NULL, address, NULL)
)
SELECT model, tokens, stage, hellaswag, winogrande, piqa, openbookqa, arc_easy, arc_challenge, average
FROM rows
ORDER BY parameters NULLS FIRST, pretrain_tokens, place;
