-- What each step of a training learned from.

CREATE TABLE batches (
  key VARCHAR NOT NULL,
  attempt INTEGER NOT NULL,
  step BIGINT NOT NULL,
  digest VARCHAR NOT NULL,
  documents VARCHAR,
  problems VARCHAR
);
COMMENT ON TABLE batches IS 'What each step of a training learned from, one row a step; steps before a trunk''s end are the trunk''s.';
COMMENT ON COLUMN batches.key IS 'The node.';
COMMENT ON COLUMN batches.attempt IS 'The attempt.';
COMMENT ON COLUMN batches.step IS 'The step, from 1.';
COMMENT ON COLUMN batches.digest IS 'First digits of the SHA-256 of its tokens: steps with one digest learned from the same.';
COMMENT ON COLUMN batches.documents IS 'Of text, JSON: by data set the first and last document of each sequence; null of problems.';
COMMENT ON COLUMN batches.problems IS 'Of problems, JSON: by data set their ids; null of text.';
