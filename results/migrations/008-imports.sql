-- Figures that somebody else published, beside one's own: what they are of is planned, and nothing of it was run here.

ALTER TABLE evaluations ALTER COLUMN n DROP NOT NULL;
ALTER TABLE evaluations ALTER COLUMN low DROP NOT NULL;
ALTER TABLE evaluations ALTER COLUMN high DROP NOT NULL;
COMMENT ON COLUMN evaluations.n IS 'Items it is over; null where that is not known, of a published figure.';
COMMENT ON COLUMN evaluations.low IS 'Lower end of the 95 % interval; null of a published figure.';
COMMENT ON COLUMN evaluations.high IS 'Upper end of the 95 % interval; null of a published figure.';
COMMENT ON COLUMN attempts.state IS 'done (it has a manifest), failed, interrupted, or running; imported of what was published elsewhere.';
COMMENT ON COLUMN attempts.finished_at IS 'When the model was finished; null until it is done, and of what was imported.';

CREATE TABLE published_figures (
  plan VARCHAR NOT NULL,
  place INTEGER NOT NULL,
  source VARCHAR NOT NULL,
  reading VARCHAR NOT NULL,
  error DOUBLE,
  approximate BOOLEAN NOT NULL,
  model VARCHAR NOT NULL,
  address VARCHAR,
  suite VARCHAR NOT NULL,
  task VARCHAR NOT NULL,
  metric VARCHAR NOT NULL,
  value DOUBLE NOT NULL,
  stands BOOLEAN NOT NULL,
  note VARCHAR
);
COMMENT ON TABLE published_figures IS 'Every figure of an imported publication, as often as it reports it, with where it stands there and how it was read.';
COMMENT ON COLUMN published_figures.plan IS 'The plan of its models.';
COMMENT ON COLUMN published_figures.place IS 'Position in the publication''s data, from 0.';
COMMENT ON COLUMN published_figures.source IS 'The table or figure that has it: Table 1, Figure 8a.';
COMMENT ON COLUMN published_figures.reading IS 'printed, or digitised: read off a figure that prints no numbers.';
COMMENT ON COLUMN published_figures.error IS 'By about how much a digitised value may be off, either way; null where it is printed, and where that is not known.';
COMMENT ON COLUMN published_figures.approximate IS 'Whether it could only be read roughly, because its marker is hidden or was read by eye.';
COMMENT ON COLUMN published_figures.model IS 'The model as the publication names it.';
COMMENT ON COLUMN published_figures.address IS 'The model''s address in the plan; null of other people''s models, and of figures that are not of one model.';
COMMENT ON COLUMN published_figures.suite IS 'upstream, id, ood.';
COMMENT ON COLUMN published_figures.task IS 'The task; all for the suite''s mean.';
COMMENT ON COLUMN published_figures.metric IS 'acc_norm, pass@1, maj@16, orm, ... as Descent names them; r2(orm/maj@16) of a correlation over models.';
COMMENT ON COLUMN published_figures.value IS 'The figure, in Descent''s units: fractions, and scores as they are.';
COMMENT ON COLUMN published_figures.stands IS 'Whether it is the one in evaluations: of those that several sources give, the printed one.';
COMMENT ON COLUMN published_figures.note IS 'What has to be known of it: collapsed, other model, intermediate checkpoint; null where there is nothing.';
