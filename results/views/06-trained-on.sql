-- Which documents and problems each step learned from, by the names that a person knows them under.

CREATE OR REPLACE VIEW trained_on AS
WITH sequences AS (
  SELECT b.key, b.attempt, b.step, b.digest, d.key AS dataset,
    unnest(from_json(d.value, '[["BIGINT"]]')) AS span, NULL::VARCHAR AS problem,
    generate_subscripts(from_json(d.value, '[["BIGINT"]]'), 1) - 1 AS place_in_step
  FROM batches AS b, json_each(b.documents) AS d
  UNION ALL
  SELECT b.key, b.attempt, b.step, b.digest, p.key AS dataset,
    NULL AS span, unnest(from_json(p.value, '["VARCHAR"]')) AS problem,
    generate_subscripts(from_json(p.value, '["VARCHAR"]'), 1) - 1 AS place_in_step
  FROM batches AS b, json_each(b.problems) AS p
)
SELECT l.lineage, n.address, s.step, s.dataset, s.place_in_step, s.span[1] AS first_document, s.span[2] AS last_document,
  s.problem, s.digest, n.place, s.key, s.attempt
FROM sequences AS s
JOIN latest_attempts AS a ON a.key = s.key AND a.attempt = s.attempt
JOIN lineage_nodes AS n ON n.key = s.key
JOIN latest_lineages AS l USING (plan);
COMMENT ON VIEW trained_on IS 'What each step of each lineage''s current nodes learned from: a row for each sequence of text, or problem. A node''s rows are there when it is done.';
COMMENT ON COLUMN trained_on.lineage IS 'The lineage''s name.';
COMMENT ON COLUMN trained_on.address IS 'The node''s address.';
COMMENT ON COLUMN trained_on.step IS 'The step, from 1.';
COMMENT ON COLUMN trained_on.dataset IS 'The data set, as the trainer was told its name: replay:web is web, as replay.';
COMMENT ON COLUMN trained_on.place_in_step IS 'Which of the step''s sequences or problems of that data set, from 0.';
COMMENT ON COLUMN trained_on.first_document IS 'The document that the sequence begins in, from 0 in the order of the data set and on through further passes; null of problems.';
COMMENT ON COLUMN trained_on.last_document IS 'The document that it ends in.';
COMMENT ON COLUMN trained_on.problem IS 'The problem''s id; null of text.';
COMMENT ON COLUMN trained_on.digest IS 'First digits of the SHA-256 of the step''s tokens.';
COMMENT ON COLUMN trained_on.place IS 'The node''s position in the plan, parents first.';
COMMENT ON COLUMN trained_on.key IS 'The node''s key.';
COMMENT ON COLUMN trained_on.attempt IS 'The attempt.';
