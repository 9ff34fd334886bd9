-- The chain of models that each model of a plan comes from.
INSERT INTO chains
WITH RECURSIVE members AS (
  SELECT place, address, key, type FROM lineage_nodes
  WHERE plan = $plan AND type IN ('adopt', 'pretrain', 'checkpoint', 'cpt', 'sft', 'dpo', 'rl', 'reward')
),
places AS (
  -- Two stages with the same recipe are one node: the first address stands for it.
  SELECT key, min(place) AS place, min_by(address, place) AS address, any_value(type) AS type FROM members GROUP BY key
),
parents AS (
  SELECT e.child, p.place, p.address, p.key, p.type
  FROM edges AS e JOIN places AS p ON p.key = e.parent
  WHERE e.role = 'parent'
),
chain AS (
  SELECT place, address, key, 0 AS depth, place AS ancestor_place, address AS ancestor, key AS ancestor_key,
    type AS ancestor_type
  FROM members
  UNION ALL
  SELECT c.place, c.address, c.key, c.depth + 1, p.place, p.address, p.key, p.type
  FROM chain AS c
  JOIN parents AS p ON p.child = c.ancestor_key
)
SELECT $plan, place, address, key, depth, ancestor_place, ancestor, ancestor_key, ancestor_type,
  row_number() OVER (PARTITION BY place, ancestor_type ORDER BY depth DESC)
FROM chain
ORDER BY place, depth;
