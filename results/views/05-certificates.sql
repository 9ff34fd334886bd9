-- Overlap certificates by the names that a person knows them under.

CREATE OR REPLACE VIEW certificates AS
SELECT l.lineage, n.address, a.state, o.trained, o.trained_problems, o.against, o.problems, o.exact, o.grams, o.common,
  o.exact > o.most_exact * o.problems OR o.grams > o.most_grams * o.problems AS refused,
  s.value AS allowed, coalesce(w.stages, []) AS stages, n.place, n.key, o.attempt
FROM lineage_nodes AS n
JOIN latest_lineages AS l USING (plan)
JOIN latest_attempts AS a USING (key)
JOIN overlap_counts AS o ON o.key = a.key AND o.attempt = a.attempt
LEFT JOIN settings AS s ON s.plan = n.plan AND s.address = n.address AND s.name = 'allowOverlap'
LEFT JOIN (SELECT plan, gate, list(address ORDER BY address) AS stages FROM gates GROUP BY plan, gate) AS w
  ON w.plan = n.plan AND w.gate = n.key;
COMMENT ON VIEW certificates IS 'What the overlap certificates of each lineage''s current version found, one row for each set of problems compared.';
COMMENT ON COLUMN certificates.lineage IS 'The lineage''s name.';
COMMENT ON COLUMN certificates.address IS 'The certificate''s address.';
COMMENT ON COLUMN certificates.state IS 'done, or failed where more overlaps than may.';
COMMENT ON COLUMN certificates.trained IS 'What is trained on: data set and split, math/sft.';
COMMENT ON COLUMN certificates.trained_problems IS 'How many problems of it.';
COMMENT ON COLUMN certificates.against IS 'What must not be among them: math/test.';
COMMENT ON COLUMN certificates.problems IS 'How many problems of that.';
COMMENT ON COLUMN certificates.exact IS 'Those of them that are trained on, word for word.';
COMMENT ON COLUMN certificates.grams IS 'Of the others, those that have 13 words in a row in common with a problem trained on.';
COMMENT ON COLUMN certificates.common IS 'Of the others, those that have only such words in common as more than ten problems trained on have.';
COMMENT ON COLUMN certificates.refused IS 'Whether that is more than may be.';
COMMENT ON COLUMN certificates.allowed IS 'Why any overlap is allowed (allowOverlap); null where it is not.';
COMMENT ON COLUMN certificates.stages IS 'The models that wait for it.';
COMMENT ON COLUMN certificates.place IS 'Position in the plan, parents first.';
COMMENT ON COLUMN certificates.key IS 'The certificate''s key.';
COMMENT ON COLUMN certificates.attempt IS 'The attempt.';
