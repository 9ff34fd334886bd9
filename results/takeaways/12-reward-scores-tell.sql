-- claim: A reward model's score tells how many problems a post-trained model solves, which perplexity does not.
-- source: Takeaway 12: Figures 10 and 14
-- part ORM and ID Maj = positive: id orm (a rewardModel) and Maj@k of four post-trained models
-- part ORM and OOD Maj = positive: the same of ood
-- part ORM beside perplexity, ID Maj = closer: besides, perplexity of these models on held-out text
WITH figures AS (
  FROM takeaway_figures WHERE lineage = $lineage AND overall AND post_training IN ('SFT', 'SFT+RL') AND collapse IS NULL
),
scores AS (
  SELECT m.*, o.metric AS orm FROM figures AS m
  JOIN figures AS o ON o.address = m.address AND o.suite = m.suite AND o.figure = 'orm'
  WHERE m.figure = 'maj'
)
SELECT 'ORM and ' || upper(suite) || ' Maj' AS part, 0 AS x, address AS setting, replicate, address, key, metric, NULL AS less,
  orm AS beside, NULL AS rival
FROM scores WHERE suite IN ('id', 'ood')
UNION ALL
SELECT 'ORM beside perplexity, ID Maj', 0, s.address, s.replicate, s.address, s.key, s.metric, NULL, s.orm, p.metric
FROM scores AS s JOIN figures AS p ON p.address = s.address AND p.figure = 'perplexity' WHERE s.suite = 'id'
ORDER BY ALL;
