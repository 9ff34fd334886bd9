-- What whoever compares models has to know of them.

CREATE TABLE marks (
  plan VARCHAR NOT NULL,
  address VARCHAR NOT NULL,
  place INTEGER NOT NULL,
  mark VARCHAR NOT NULL
);
COMMENT ON TABLE marks IS 'What has to be known of models before they are compared: one row for each mark of each node that has any.';
COMMENT ON COLUMN marks.plan IS 'The plan.';
COMMENT ON COLUMN marks.address IS 'The node''s address in it.';
COMMENT ON COLUMN marks.place IS 'Which of the node''s marks, from 0.';
COMMENT ON COLUMN marks.mark IS 'undecayed (its learning rate did not decay: a checkpoint of a run, a constant schedule), undecayed ancestor (that of a model before it), overlap allowed (its stage may learn from problems that are not its own), overlap allowed in ancestor.';
