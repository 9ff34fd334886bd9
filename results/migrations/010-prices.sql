-- What each node costs by its plan, and how many models share it.

CREATE TABLE prices (
  plan VARCHAR NOT NULL,
  address VARCHAR NOT NULL,
  tokens BIGINT NOT NULL,
  flops DOUBLE NOT NULL,
  exact BOOLEAN NOT NULL,
  runs INTEGER
);
COMMENT ON TABLE prices IS 'What each node costs, by its recipe: the same figures as `descent plan` shows before a run.';
COMMENT ON COLUMN prices.plan IS 'The plan.';
COMMENT ON COLUMN prices.address IS 'The node''s address in it.';
COMMENT ON COLUMN prices.tokens IS 'Tokens whose prediction is learned from: of SFT and RL those of responses only.';
COMMENT ON COLUMN prices.flops IS 'Floating-point operations of training, sampling and scoring.';
COMMENT ON COLUMN prices.exact IS 'Whether tokens and flops are exact; else bounds that they cannot pass.';
COMMENT ON COLUMN prices.runs IS 'Of training: how many runs would do it, were each final model trained alone from random weights to its end; null of what is no training.';
