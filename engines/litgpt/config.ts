import type { EngineRecipes } from '../../schemas/engines.ts';
import type { Architecture } from '../../schemas/types/job.ts';
import { atOnce } from '../at-once.ts';
import type { Rows } from '../rows.ts';

/** Of a recipe that clips nothing: LitGPT asks for a number. */
const noClip = 1e30;

export interface Places {
  rows: Rows;
  out: string;
  /** A folder with the parent's weights as LitGPT has them; null to begin with random ones. */
  initial: string | null;
  seed: number;
}

/** A shape as `litgpt.Config` has it: LLaMA-2. */
export function modelConfig(architecture: Architecture): Record<string, unknown> {
  const { layers, hidden, heads, kvHeads, ffn, vocab, context, ropeTheta, normEpsilon } = architecture;
  return {
    name: 'descent',
    block_size: context,
    vocab_size: vocab,
    padded_vocab_size: vocab,
    n_layer: layers,
    n_embd: hidden,
    n_head: heads,
    n_query_groups: kvHeads,
    head_size: hidden / heads,
    intermediate_size: ffn,
    rope_base: ropeTheta,
    rotary_percentage: 1,
    parallel_residual: false,
    bias: false,
    norm_class_name: 'RMSNorm',
    norm_eps: normEpsilon,
    mlp_class_name: 'LLaMAMLP',
  };
}

/** What `litgpt pretrain --config` reads. Learning rates and checkpoints are the driver's; nothing is validated. */
export function litgptConfig(
  recipe: EngineRecipes['cpt'],
  architecture: Architecture,
  { rows, out, initial, seed }: Places,
): Record<string, unknown> {
  const { steps, batchSequences, lr, minLr, weightDecay, betas, clip, precision } = recipe;
  const { context } = architecture;
  return {
    model_name: 'descent',
    model_config: modelConfig(architecture),
    out_dir: out,
    precision: precision === 'bfloat16' ? 'bf16-mixed' : '32-true',
    initial_checkpoint_dir: initial,
    resume: false,
    data: { class_path: 'rows.Rows', init_args: { path: rows.path, bytes_a_token: rows.bytesAToken, context } },
    train: {
      save_interval: null,
      log_interval: 1,
      global_batch_size: batchSequences,
      micro_batch_size: atOnce(batchSequences),
      lr_warmup_steps: 0,
      max_tokens: steps * batchSequences * context,
      max_seq_length: context,
      max_norm: clip === 0 ? noClip : clip,
      min_lr: minLr,
      tie_embeddings: false,
    },
    eval: { interval: 1e9, max_iters: 1, initial_validation: false, final_validation: false },
    optimizer: { class_path: 'torch.optim.AdamW', init_args: { lr, weight_decay: weightDecay, betas } },
    devices: 1,
    num_nodes: 1,
    logger_name: 'csv',
    seed,
  };
}
