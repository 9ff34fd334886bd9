-- EvoLM's Table 1, a smaller model and a larger one that had as much compute, or as many tokens, of pretraining, and the same
-- after it: each after SFT and after RL, in percent.
-- $lineage VARCHAR = published/evolm in latest_lineages.lineage: The lineage, published/evolm or one of your own.
WITH panels AS (
  SELECT * FROM model_panels WHERE lineage = $lineage AND coalesce(source, 'Table 1') = 'Table 1'
),
bases AS (
  SELECT s.*, r.rl_examples AS then_examples, r.rl_epochs AS then_epochs, r.id_greedy AS id_greedy_rl, r.id_maj AS id_maj_rl,
    r.id_pass AS id_pass_rl, r.ood_greedy AS ood_greedy_rl, r.ood_maj AS ood_maj_rl, r.ood_pass AS ood_pass_rl
  FROM panels AS s
  LEFT JOIN panels AS r ON r.post_training = 'SFT+RL' AND r.parameters = s.parameters
    AND r.pretrain_tokens = s.pretrain_tokens AND r.replay_tokens = s.replay_tokens AND r.domain_tokens = s.domain_tokens
    AND r.sft_examples = s.sft_examples AND r.sft_epochs = s.sft_epochs
  WHERE s.post_training = 'SFT'
),
-- Whole batches differ between sizes: a hundredth is the same.
pairs AS (
  SELECT a AS smaller, b AS larger,
    if(a.pretrain_tokens / b.pretrain_tokens BETWEEN 0.99 AND 1.01, 'same tokens', 'same compute') AS comparison
  FROM bases AS a JOIN bases AS b ON a.parameters < 0.99 * b.parameters
  WHERE (a.pretrain_tokens / b.pretrain_tokens BETWEEN 0.99 AND 1.01
      OR a.parameters / b.parameters * a.pretrain_tokens / b.pretrain_tokens BETWEEN 0.99 AND 1.01)
    AND abs(a.replay_tokens - b.replay_tokens) <= 0.01 * b.replay_tokens
    AND abs(a.domain_tokens - b.domain_tokens) <= 0.01 * b.domain_tokens
    AND a.sft_examples = b.sft_examples AND a.sft_epochs = b.sft_epochs
    AND a.then_examples IS NOT DISTINCT FROM b.then_examples AND a.then_epochs IS NOT DISTINCT FROM b.then_epochs
),
sides AS (
  SELECT comparison, larger.pretrain_tokens AS budget, smaller.parameters AS size, 0 AS side, smaller AS base FROM pairs
  UNION ALL
  SELECT comparison, larger.pretrain_tokens, smaller.parameters, 1, larger FROM pairs
)
SELECT comparison, base.model, base.pretrain_tokens, base.stage, base.setting,
  base.id_greedy AS id_greedy_sft, base.id_greedy_rl, base.id_maj AS id_maj_sft, base.id_maj_rl,
  base.id_pass AS id_pass_sft, base.id_pass_rl, base.ood_greedy AS ood_greedy_sft, base.ood_greedy_rl,
  base.ood_maj AS ood_maj_sft, base.ood_maj_rl, base.ood_pass AS ood_pass_sft, base.ood_pass_rl
FROM sides
ORDER BY comparison, budget, size, side, base.stage, base.setting;
