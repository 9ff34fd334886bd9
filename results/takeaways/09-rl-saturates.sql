-- claim: RL on more epochs or more examples makes a model better in and out of its domain, less and less so.
-- source: Takeaway 9: Figures 8a and 8b
-- part epochs, ID Maj = saturates: id Maj@k of four numbers of RL epochs, none among them
-- part epochs, OOD Maj = saturates: the same of ood
-- part examples, ID Maj = saturates: id Maj@k of four numbers of RL examples, none among them
-- part examples, OOD Maj = saturates: the same of ood
WITH figures AS (
  SELECT *, concat_ws(' ', parameters, pretrain_tokens, pretrain_recipe, replay_tokens, domain_tokens, cpt_recipe, sft_examples,
      sft_epochs, sft_recipe) AS tuning
  FROM takeaway_figures
  WHERE lineage = $lineage AND overall AND collapse IS NULL AND suite IN ('id', 'ood') AND figure = 'maj'
),
trained AS (FROM figures WHERE post_training = 'SFT+RL'),
tuned AS (FROM figures WHERE post_training = 'SFT'),
epochs AS (
  SELECT DISTINCT suite, tuning, rl_examples, rl_recipe FROM trained
  QUALIFY count(DISTINCT rl_epochs) OVER (PARTITION BY suite, tuning, rl_examples, rl_recipe) >= 3
),
examples AS (
  SELECT DISTINCT suite, tuning, rl_epochs, rl_recipe FROM trained
  QUALIFY count(DISTINCT rl_examples) OVER (PARTITION BY suite, tuning, rl_epochs, rl_recipe) >= 3
),
points AS (
  SELECT 'epochs' AS what, t.rl_epochs AS x, concat_ws(' ', t.tuning, t.rl_examples, t.rl_recipe) AS setting, t.*
  FROM trained AS t SEMI JOIN epochs USING (suite, tuning, rl_examples, rl_recipe)
  UNION ALL
  SELECT 'epochs', 0, concat_ws(' ', t.tuning, e.rl_examples, e.rl_recipe), t.*
  FROM tuned AS t JOIN epochs AS e ON e.suite = t.suite AND e.tuning = t.tuning
  UNION ALL
  SELECT 'examples', t.rl_examples, concat_ws(' ', t.tuning, t.rl_epochs, t.rl_recipe), t.*
  FROM trained AS t SEMI JOIN examples USING (suite, tuning, rl_epochs, rl_recipe)
  UNION ALL
  SELECT 'examples', 0, concat_ws(' ', t.tuning, e.rl_epochs, e.rl_recipe), t.*
  FROM tuned AS t JOIN examples AS e ON e.suite = t.suite AND e.tuning = t.tuning
)
SELECT what || ', ' || upper(suite) || ' Maj' AS part, x, setting, replicate, address, key, metric, NULL AS less, NULL AS beside
FROM points
ORDER BY ALL;
