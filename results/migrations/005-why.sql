-- What decided whether a response is right.

ALTER TABLE samples ADD COLUMN why VARCHAR;
COMMENT ON COLUMN samples.why IS 'Why: the kind of answer, and the two forms that were compared or what was missing; null where a trainer does not say.';
