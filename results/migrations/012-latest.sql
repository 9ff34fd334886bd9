-- What views looked up in every row with each question: which attempt at a node is the one, and what guessing would score.

ALTER TABLE attempts ADD COLUMN latest BOOLEAN;
ALTER TABLE attempts ALTER COLUMN latest SET DEFAULT true;
UPDATE attempts SET latest = (key, attempt) IN (
  SELECT (key, attempt) FROM attempts
  QUALIFY row_number() OVER (PARTITION BY key ORDER BY (state = 'done') DESC, attempt DESC) = 1
);
COMMENT ON COLUMN attempts.latest IS 'Whether it is the one of its node that the latest_ views show: the newest that is done, else the newest.';

ALTER TABLE evaluations ADD COLUMN chance DOUBLE;
ALTER TABLE evaluations ADD COLUMN majority DOUBLE;
ALTER TABLE evaluations ADD COLUMN only_task BOOLEAN;
UPDATE evaluations AS e SET chance = g.chance, majority = g.majority
FROM (
  SELECT key, attempt, suite, task, any_value(value) FILTER (metric = 'chance') AS chance,
    any_value(value) FILTER (metric = 'majority') AS majority
  FROM evaluations WHERE metric IN ('chance', 'majority')
  GROUP BY key, attempt, suite, task
) AS g
WHERE e.key = g.key AND e.attempt = g.attempt AND e.suite = g.suite AND e.task = g.task;
UPDATE evaluations AS e SET only_task = s.only_task
FROM (SELECT key, attempt, suite, min(task) = max(task) AS only_task FROM evaluations GROUP BY key, attempt, suite) AS s
WHERE e.key = s.key AND e.attempt = s.attempt AND e.suite = s.suite;
COMMENT ON COLUMN evaluations.chance IS 'What guessing would score on that task, as the same evaluation says; null where it says nothing of it.';
COMMENT ON COLUMN evaluations.majority IS 'What the commonest answer would score on it, as the same evaluation says.';
COMMENT ON COLUMN evaluations.only_task IS 'Whether the evaluation says nothing of other tasks of that suite.';

CREATE TABLE suites (
  key VARCHAR NOT NULL,
  attempt INTEGER NOT NULL,
  suite VARCHAR NOT NULL,
  only_task VARCHAR,
  has_mean BOOLEAN NOT NULL,
  most INTEGER
);
INSERT INTO suites
SELECT key, attempt, suite, if(bool_and(only_task), min(task), NULL), bool_or(task = 'all'),
  max(try_cast(regexp_extract(metric, '^(pass|maj|rm)@(\d+)$', 2) AS INTEGER)) FILTER (task = 'all' OR only_task)
FROM evaluations
GROUP BY key, attempt, suite;
COMMENT ON TABLE suites IS 'Which suites each attempt at an evaluation has figures of, and what there is of each.';
COMMENT ON COLUMN suites.key IS 'The evaluation''s node.';
COMMENT ON COLUMN suites.attempt IS 'The attempt.';
COMMENT ON COLUMN suites.suite IS 'heldout, upstream, id, ood.';
COMMENT ON COLUMN suites.only_task IS 'The only task; null where there are several.';
COMMENT ON COLUMN suites.has_mean IS 'Whether it has the suite''s mean, the task all.';
COMMENT ON COLUMN suites.most IS 'The largest k that there is a figure at, of the suite''s mean or of its only task; null where there is none.';
