-- What was found of takeaways, and from which evaluations: the view takeaways says which of it still holds.

CREATE TABLE verdicts (
  lineage VARCHAR NOT NULL,
  source VARCHAR NOT NULL,
  plan VARCHAR NOT NULL,
  number INTEGER NOT NULL,
  name VARCHAR,
  claim VARCHAR NOT NULL,
  claim_verdict VARCHAR NOT NULL,
  part INTEGER NOT NULL,
  metric VARCHAR NOT NULL,
  claimed VARCHAR NOT NULL,
  verdict VARCHAR NOT NULL,
  effect_of VARCHAR NOT NULL,
  effect DOUBLE,
  low DOUBLE,
  high DOUBLE,
  test VARCHAR NOT NULL,
  p DOUBLE,
  p_corrected DOUBLE,
  alpha DOUBLE NOT NULL,
  correction VARCHAR NOT NULL,
  seeds INTEGER NOT NULL,
  pairs INTEGER NOT NULL,
  problems BIGINT,
  said VARCHAR NOT NULL
);
COMMENT ON TABLE verdicts IS 'What was found of each part of each takeaway when it was asked last; the view takeaways says whether it still holds.';
COMMENT ON COLUMN verdicts.lineage IS 'The lineage''s name.';
COMMENT ON COLUMN verdicts.source IS 'file (the lineage file declares it) or paper (one of EvoLM''s twelve).';
COMMENT ON COLUMN verdicts.plan IS 'The plan that it was found for.';
COMMENT ON COLUMN verdicts.number IS 'Which takeaway, from 1.';
COMMENT ON COLUMN verdicts.name IS 'Of one of the paper''s its name.';
COMMENT ON COLUMN verdicts.claim IS 'The claim.';
COMMENT ON COLUMN verdicts.claim_verdict IS 'supported, contradicted, inconclusive, underpowered, stale or not asked: of all of its parts.';
COMMENT ON COLUMN verdicts.part IS 'Which part, from 1.';
COMMENT ON COLUMN verdicts.metric IS 'The figure, or what the part is called.';
COMMENT ON COLUMN verdicts.claimed IS 'What is claimed of it: higher, lower, up, down, flat, saturates, positive or negative.';
COMMENT ON COLUMN verdicts.verdict IS 'The part''s verdict.';
COMMENT ON COLUMN verdicts.effect_of IS 'What the effect is: difference, change (from the first level to the last), saturation (a level), r.';
COMMENT ON COLUMN verdicts.effect IS 'The effect.';
COMMENT ON COLUMN verdicts.low IS 'Lower end of its interval of confidence 1 - alpha; null where it has none.';
COMMENT ON COLUMN verdicts.high IS 'Upper end of that interval.';
COMMENT ON COLUMN verdicts.test IS 'How it was tested.';
COMMENT ON COLUMN verdicts.p IS 'Two-sided p; null where nothing was tested.';
COMMENT ON COLUMN verdicts.p_corrected IS 'The same, corrected for all parts of all takeaways that were asked together.';
COMMENT ON COLUMN verdicts.alpha IS 'The chance of a wrong claim that is put up with.';
COMMENT ON COLUMN verdicts.correction IS 'holm, benjamini-hochberg or none.';
COMMENT ON COLUMN verdicts.seeds IS 'Seeds that there are.';
COMMENT ON COLUMN verdicts.pairs IS 'Pairs of models, or models of a trend or a correlation.';
COMMENT ON COLUMN verdicts.problems IS 'Problems that all of them answered.';
COMMENT ON COLUMN verdicts.said IS 'What else there is to say, and warnings, in sentences.';

CREATE TABLE verdict_evidence (
  lineage VARCHAR NOT NULL,
  source VARCHAR NOT NULL,
  number INTEGER NOT NULL,
  evaluation VARCHAR NOT NULL,
  attempt INTEGER,
  finished_at VARCHAR
);
COMMENT ON TABLE verdict_evidence IS 'The evaluations that each verdict was found from, as they were then.';
COMMENT ON COLUMN verdict_evidence.lineage IS 'The lineage''s name.';
COMMENT ON COLUMN verdict_evidence.source IS 'file or paper.';
COMMENT ON COLUMN verdict_evidence.number IS 'Which takeaway.';
COMMENT ON COLUMN verdict_evidence.evaluation IS 'Key of the evaluation.';
COMMENT ON COLUMN verdict_evidence.attempt IS 'The attempt that was read; null where none was done.';
COMMENT ON COLUMN verdict_evidence.finished_at IS 'When that was finished.';
