-- Cloze tasks: what each choice of an item was found to be worth.

ALTER TABLE samples ADD COLUMN log_likelihoods DOUBLE[];
COMMENT ON COLUMN samples.log_likelihoods IS 'Of a cloze task: ln p of each choice; null of what was written.';
COMMENT ON COLUMN samples.response IS 'What it wrote; of a cloze task the likeliest choice.';
COMMENT ON COLUMN samples.answer IS 'The answer read from the response, null where none was found; of a cloze task the number of the choice, from 0.';
COMMENT ON COLUMN evaluations.suite IS 'heldout, upstream, id, ood.';
COMMENT ON COLUMN evaluations.metric IS 'loss, perplexity, acc_norm, pass@1, ...';
