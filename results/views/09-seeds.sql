-- Each figure over the replicate axes, with an interval for the mean.

CREATE OR REPLACE VIEW seeds AS
WITH groups AS (
  SELECT lineage, plan, min(place) AS place, stage, setting, marks, suite, task, metric, count(*) AS models,
    -- In order, as a sum of fractions has other last digits in another.
    list_transform(list_sort(list({place: place, value: value})), lambda one: one.value) AS ordered,
    min(value) AS lowest, max(value) AS highest
  FROM recipe_figures()
  GROUP BY lineage, plan, stage, setting, marks, suite, task, metric
),
moments AS (
  SELECT * EXCLUDE (ordered), list_aggregate(ordered, 'avg') AS mean, list_aggregate(ordered, 'stddev_samp') AS deviation
  FROM groups
),
halves AS (
  -- The t of which both tails have 5 % together: DuckDB has no Student's t. Up to 30 degrees of freedom as
  -- results/statistics/student.ts finds it, beyond them by the expansion at the normal quantile z (Abramowitz and
  -- Stegun 26.7.5), which is right to seven digits there.
  SELECT *, models - 1 AS v, 1.959963984540054::DOUBLE AS z,
    if(models <= 31, list_extract([
      12.7062047362, 4.30265272975, 3.18244630528, 2.77644510520, 2.57058183564, 2.44691185115, 2.36462425159,
      2.30600413520, 2.26215716280, 2.22813885199, 2.20098516009, 2.17881282967, 2.16036865646, 2.14478668792,
      2.13144954556, 2.11990529922, 2.10981557783, 2.10092204024, 2.09302405441, 2.08596344727, 2.07961384473,
      2.07387306790, 2.06865761042, 2.06389856163, 2.05953855275, 2.05552943864, 2.05183051648, 2.04840714179,
      2.04522964213, 2.04227245630
    ]::DOUBLE[], models - 1), z + (z ** 3 + z) / (4 * v) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * v ** 2)
      + (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * v ** 3)
      + (79 * z ** 9 + 776 * z ** 7 + 1482 * z ** 5 - 1920 * z ** 3 - 945 * z) / (92160 * v ** 4)
    ) * deviation / sqrt(models) AS half
  FROM moments
)
SELECT lineage, plan, place, stage, setting, marks, suite, task, metric, models AS n, mean, mean - half AS low,
  mean + half AS high, deviation, lowest, highest
FROM halves;
COMMENT ON VIEW seeds IS 'Each figure over the replicate axes (seeds) of each lineage''s current version: one row for every setting of the other axes, over its own models only.';
COMMENT ON COLUMN seeds.lineage IS 'The lineage''s name.';
COMMENT ON COLUMN seeds.plan IS 'The plan.';
COMMENT ON COLUMN seeds.place IS 'Position of the first of the models in the plan, parents first.';
COMMENT ON COLUMN seeds.stage IS 'The declared stage.';
COMMENT ON COLUMN seeds.setting IS 'Values of the axes that are no replicates, for example replay=20%; null where there are none.';
COMMENT ON COLUMN seeds.marks IS 'What has to be known before it is compared, as in the table marks; null where there is nothing.';
COMMENT ON COLUMN seeds.suite IS 'heldout, upstream, id, ood.';
COMMENT ON COLUMN seeds.task IS 'The task or domain; all for the suite''s mean.';
COMMENT ON COLUMN seeds.metric IS 'loss, perplexity, acc_norm, pass@1, ...';
COMMENT ON COLUMN seeds.n IS 'Models, each trained with its own seed.';
COMMENT ON COLUMN seeds.mean IS 'Mean of the figure over them.';
COMMENT ON COLUMN seeds.low IS 'Lower end of the 95 % interval of the mean, by Student''s t over the models; null of one model.';
COMMENT ON COLUMN seeds.high IS 'Upper end of that interval.';
COMMENT ON COLUMN seeds.deviation IS 'Standard deviation of the figure over the models; null of one.';
COMMENT ON COLUMN seeds.lowest IS 'The lowest figure.';
COMMENT ON COLUMN seeds.highest IS 'The highest figure.';
