-- Verdicts that say by themselves when they are out of date.

CREATE OR REPLACE VIEW takeaways AS
WITH changed AS (
  SELECT DISTINCT e.lineage, e.source, e.number
  FROM verdict_evidence AS e
  LEFT JOIN latest_attempts AS a ON a.key = e.evaluation AND a.state = 'done'
  WHERE a.attempt IS DISTINCT FROM e.attempt OR a.finished_at::VARCHAR IS DISTINCT FROM e.finished_at
)
SELECT v.lineage, v.source, v.number, v.name, v.claim,
  if(l.plan IS NULL OR c.number IS NOT NULL, 'stale', v.claim_verdict) AS verdict,
  v.part, v.metric, v.claimed, if(l.plan IS NULL OR c.number IS NOT NULL, 'stale', v.verdict) AS part_verdict,
  v.effect_of, v.effect, v.low, v.high, v.test, v.p, v.p_corrected, v.alpha, v.correction, v.seeds, v.pairs, v.problems,
  v.said
FROM verdicts AS v
LEFT JOIN latest_lineages AS l ON l.lineage = v.lineage AND l.plan = v.plan
LEFT JOIN changed AS c ON c.lineage = v.lineage AND c.source = v.source AND c.number = v.number
ORDER BY v.lineage, v.source, v.number, v.part;
COMMENT ON VIEW takeaways IS 'What the results say of each takeaway, a part a row, as it was found when it was asked last; stale where the lineage or an evaluation has changed since, until descent takeaways is asked again.';
COMMENT ON COLUMN takeaways.lineage IS 'The lineage''s name.';
COMMENT ON COLUMN takeaways.source IS 'file (the lineage file declares it) or paper (one of EvoLM''s twelve).';
COMMENT ON COLUMN takeaways.number IS 'Which takeaway, from 1.';
COMMENT ON COLUMN takeaways.name IS 'Of one of the paper''s its name.';
COMMENT ON COLUMN takeaways.claim IS 'The claim.';
COMMENT ON COLUMN takeaways.verdict IS 'supported, contradicted, inconclusive, underpowered, stale or not asked: of all of its parts.';
COMMENT ON COLUMN takeaways.part IS 'Which part, from 1.';
COMMENT ON COLUMN takeaways.metric IS 'The figure, or what the part is called.';
COMMENT ON COLUMN takeaways.claimed IS 'What is claimed of it: higher, lower, up, down, flat, saturates, positive or negative.';
COMMENT ON COLUMN takeaways.part_verdict IS 'The part''s verdict.';
COMMENT ON COLUMN takeaways.effect_of IS 'What the effect is: difference, change (from the first level to the last), saturation (a level), r.';
COMMENT ON COLUMN takeaways.effect IS 'The effect.';
COMMENT ON COLUMN takeaways.low IS 'Lower end of its interval of confidence 1 - alpha; null where it has none.';
COMMENT ON COLUMN takeaways.high IS 'Upper end of that interval.';
COMMENT ON COLUMN takeaways.test IS 'How it was tested.';
COMMENT ON COLUMN takeaways.p IS 'Two-sided p; null where nothing was tested.';
COMMENT ON COLUMN takeaways.p_corrected IS 'The same, corrected for all parts of all takeaways that were asked together.';
COMMENT ON COLUMN takeaways.alpha IS 'The chance of a wrong claim that is put up with.';
COMMENT ON COLUMN takeaways.correction IS 'holm, benjamini-hochberg or none.';
COMMENT ON COLUMN takeaways.seeds IS 'Seeds that there are.';
COMMENT ON COLUMN takeaways.pairs IS 'Pairs of models, or models of a trend or a correlation.';
COMMENT ON COLUMN takeaways.problems IS 'Problems that all of them answered.';
COMMENT ON COLUMN takeaways.said IS 'What else there is to say, and warnings, in sentences.';
