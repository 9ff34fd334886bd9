-- Which evaluations each model of a plan has.
INSERT INTO asked
WITH evaluations_of AS (
  SELECT m.place, n.key AS evaluation, any_value(e.preimage -> 'recipe' ->> 'suite') AS suite, max(n.place) AS asked_at
  FROM lineage_nodes AS n
  JOIN nodes AS e ON e.key = n.key
  JOIN edges ON edges.child = n.key AND edges.role = 'parent'
  JOIN recipes AS m ON m.key = edges.parent
  WHERE n.plan = $plan AND n.type = 'evaluate' AND m.plan = $plan
  GROUP BY m.place, n.key
)
SELECT $plan, place, evaluation, asked_at, count(*) OVER (PARTITION BY place, suite) > 1 FROM evaluations_of
ORDER BY place, asked_at;
