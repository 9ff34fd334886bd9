-- Overlap certificates: what SFT and RL learn from, compared with what must not be among it.

CREATE TABLE overlap_counts (
  key VARCHAR NOT NULL,
  attempt INTEGER NOT NULL,
  trained VARCHAR NOT NULL,
  trained_problems BIGINT NOT NULL,
  against VARCHAR NOT NULL,
  problems BIGINT NOT NULL,
  exact BIGINT NOT NULL,
  grams BIGINT NOT NULL,
  common BIGINT NOT NULL,
  most_exact DOUBLE NOT NULL,
  most_grams DOUBLE NOT NULL
);
COMMENT ON TABLE overlap_counts IS 'What each overlap certificate found, one row for each set of problems that it compared; also of those that failed.';
COMMENT ON COLUMN overlap_counts.key IS 'The certificate''s node.';
COMMENT ON COLUMN overlap_counts.attempt IS 'The attempt.';
COMMENT ON COLUMN overlap_counts.trained IS 'What is trained on: data set and split, math/sft.';
COMMENT ON COLUMN overlap_counts.trained_problems IS 'How many problems of it.';
COMMENT ON COLUMN overlap_counts.against IS 'What must not be among them: math/test.';
COMMENT ON COLUMN overlap_counts.problems IS 'How many problems of that.';
COMMENT ON COLUMN overlap_counts.exact IS 'Those of them that are trained on, word for word.';
COMMENT ON COLUMN overlap_counts.grams IS 'Of the others, those that have 13 words in a row in common with a problem trained on.';
COMMENT ON COLUMN overlap_counts.common IS 'Of the others, those that have only such words in common as more than ten problems trained on have.';
COMMENT ON COLUMN overlap_counts.most_exact IS 'The largest share of the problems that may be exact.';
COMMENT ON COLUMN overlap_counts.most_grams IS 'The largest share of the problems that may have 13 words in common.';

CREATE TABLE gates (
  plan VARCHAR NOT NULL,
  address VARCHAR NOT NULL,
  role VARCHAR NOT NULL,
  gate VARCHAR NOT NULL
);
COMMENT ON TABLE gates IS 'What nodes wait for that is no part of what they are: overlap certificates.';
COMMENT ON COLUMN gates.plan IS 'The plan.';
COMMENT ON COLUMN gates.address IS 'The address of the node that waits.';
COMMENT ON COLUMN gates.role IS 'overlap.';
COMMENT ON COLUMN gates.gate IS 'Key of the node that it waits for.';

COMMENT ON COLUMN nodes.type IS 'data, tokenizer, overlap, pretrain, cpt, sft, rl or evaluate.';
COMMENT ON COLUMN nodes.layers IS 'Decoder layers; null for data, tokenizers and certificates, like the columns after it.';
