-- What each choice of a cloze task's item was found to be worth, and whether a response was cut.

ALTER TABLE samples ADD COLUMN log_likelihoods DOUBLE[];
COMMENT ON COLUMN samples.log_likelihoods IS 'Of a cloze task: ln p of each choice; null of what was written.';
ALTER TABLE samples ADD COLUMN truncated BOOLEAN;
COMMENT ON COLUMN samples.truncated IS 'Whether it was cut before it ended; null where the trainer did not say.';
COMMENT ON COLUMN samples.response IS 'What it wrote; of a cloze task the likeliest choice.';
COMMENT ON COLUMN samples.answer IS 'The answer read from the response, null where none was found; of a cloze task the number of the choice, from 0.';
COMMENT ON COLUMN evaluations.suite IS 'heldout, upstream, id, ood.';
COMMENT ON COLUMN evaluations.metric IS 'loss, perplexity, acc_norm, pass@1, ...';
