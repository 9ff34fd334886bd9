import type { RlRecipe } from '../../schemas/types/job.ts';

/** What verl is told besides a recipe. */
export interface Places {
  /** A folder with the parent's model and tokenizer. */
  parent: string;
  /** The file of prompts, in the order of training. */
  prompts: string;
  /** The template that a prompt is asked with, in Jinja. */
  chatTemplate: string;
  /** Where checkpoints go. */
  out: string;
  /** The Python file that asks the grader, and the command that starts one. */
  reward: string;
  grader: readonly string[];
  /** The Python file that bounds dynamic sampling. */
  sampler: string;
  /** Tokens that the model reads at most. */
  context: number;
  /** Rounds in all, prompts of each, and responses of an optimizer step. */
  rounds: number;
  batch: number;
  miniBatch: number;
  seed: number;
  /** Rounds between checkpoints. */
  saveEvery: number;
}

type Value = string | number | boolean | null | readonly Value[];

/** Of a recipe that does not clip: verl asks for a number. */
const noClip = 1e30;

/** Tokens that go through a model at once on each GPU; never less than one sequence. */
const tokensAtOnce = 16_384;

const estimators: Record<RlRecipe['algorithm'], string> = {
  ppo: 'gae',
  grpo: 'grpo',
  dr_grpo: 'grpo',
  dapo: 'grpo',
  rloo: 'rloo',
  reinforce_plus_plus: 'reinforce_plus_plus',
};

/**
 * What `verl.trainer.main_ppo` is called with: options of its ppo_trainer.yaml as Hydra's command line reads them, which refuses
 * one that is not there. How many GPUs there are the driver adds.
 */
export function verlOptions(recipe: RlRecipe, places: Places): string[] {
  const { parent, prompts, chatTemplate, out, reward, grader, sampler, context, rounds, batch, miniBatch, saveEvery } =
    places;
  const { algorithm, responses, innerEpochs, maxResponse, overlongBuffer, overlongPenalty } = recipe;
  const seed = places.seed & 0x7fffffff;
  const precision = recipe.precision === 'bfloat16' ? 'bfloat16' : 'float32';
  const atOnce = Math.max(tokensAtOnce, context);
  const options: Record<string, Value> = {
    'algorithm.adv_estimator': estimators[algorithm],
    'algorithm.norm_adv_by_std_in_grpo': algorithm !== 'dr_grpo',
    ...('gamma' in recipe && { 'algorithm.gamma': recipe.gamma }),
    ...('lambda' in recipe && { 'algorithm.lam': recipe.lambda }),
    ...('dynamicSampling' in recipe &&
      recipe.dynamicSampling && {
        'algorithm.filter_groups.enable': true,
        'algorithm.filter_groups.metric': 'acc',
        'trainer.v1.sampler.custom_sampler.path': sampler,
        'trainer.v1.sampler.custom_sampler.name': 'Bounded',
        '+trainer.v1.sampler.sampler_kwargs.batch': batch,
        '+trainer.v1.sampler.sampler_kwargs.max_samplings': recipe.maxSamplings,
      }),
    'algorithm.use_kl_in_reward': recipe.kl === 'reward' && recipe.klCoef !== 0,
    'algorithm.kl_penalty': recipe.klEstimator,
    'algorithm.kl_ctrl.kl_coef': recipe.klCoef,

    'data.train_files': prompts,
    'data.val_files': prompts, // it has to have one; nothing is validated
    'data.val_max_samples': 1,
    'data.train_batch_size': batch,
    'data.shuffle': false,
    'data.seed': seed,
    'data.dataloader_num_workers': 0,
    'data.max_prompt_length': context - maxResponse,
    'data.max_response_length': maxResponse,

    ...modelOptions('actor_rollout_ref.model', parent),
    'actor_rollout_ref.model.custom_chat_template': chatTemplate,

    ...trainingOptions('actor_rollout_ref.actor', recipe, { lr: recipe.lr, rounds }),
    ...precisionOptions('actor_rollout_ref.actor.fsdp_config', precision),
    'actor_rollout_ref.actor.fsdp_config.seed': seed,
    'actor_rollout_ref.actor.ppo_mini_batch_size': miniBatch / responses, // in prompts
    'actor_rollout_ref.actor.ppo_epochs': innerEpochs,
    'actor_rollout_ref.actor.shuffle': true,
    'actor_rollout_ref.actor.data_loader_seed': seed,
    'actor_rollout_ref.actor.use_dynamic_bsz': true,
    'actor_rollout_ref.actor.ppo_max_token_len_per_gpu': atOnce,
    'actor_rollout_ref.actor.clip_ratio': recipe.clipRatio,
    'actor_rollout_ref.actor.clip_ratio_low': recipe.clipRatio,
    'actor_rollout_ref.actor.clip_ratio_high': recipe.clipRatioHigh,
    'actor_rollout_ref.actor.clip_ratio_c': recipe.dualClip === 0 ? noClip : recipe.dualClip,
    'actor_rollout_ref.actor.loss_agg_mode': recipe.lossAggregation,
    'actor_rollout_ref.actor.loss_scale_factor': maxResponse,
    'actor_rollout_ref.actor.entropy_coeff': recipe.entropyCoef,
    'actor_rollout_ref.actor.use_kl_loss': recipe.kl === 'loss' && recipe.klCoef !== 0,
    'actor_rollout_ref.actor.kl_loss_coef': recipe.klCoef,
    'actor_rollout_ref.actor.kl_loss_type': recipe.klEstimator,
    // verl's merger of checkpoints rounds to bfloat16: the model is saved whole beside the parts.
    'actor_rollout_ref.actor.checkpoint.save_contents': ['model', 'optimizer', 'extra', 'hf_model'],
    'actor_rollout_ref.actor.checkpoint.load_contents': ['model', 'optimizer', 'extra'],
    ...precisionOptions('actor_rollout_ref.ref.fsdp_config', precision),

    'actor_rollout_ref.rollout.name': 'vllm',
    'actor_rollout_ref.rollout.n': responses,
    'actor_rollout_ref.rollout.temperature': recipe.temperature,
    'actor_rollout_ref.rollout.top_k': -1,
    'actor_rollout_ref.rollout.top_p': 1,
    'actor_rollout_ref.rollout.seed': seed,
    'actor_rollout_ref.rollout.dtype': precision,
    'actor_rollout_ref.rollout.max_model_len': context,
    'actor_rollout_ref.rollout.max_num_batched_tokens': Math.max(8192, context),
    'actor_rollout_ref.rollout.gpu_memory_utilization': 0.5,
    'actor_rollout_ref.rollout.tensor_model_parallel_size': 1,

    ...(algorithm === 'ppo' && {
      ...modelOptions('critic.model', parent),
      ...trainingOptions('critic', recipe, { lr: recipe.criticLr, rounds }),
      ...precisionOptions('critic.fsdp', precision),
      'critic.fsdp.seed': seed,
      'critic.data_loader_seed': seed,
      'critic.ppo_max_token_len_per_gpu': atOnce,
      'critic.cliprange_value': recipe.valueClip,
    }),

    'reward.custom_reward_function.path': reward,
    'reward.custom_reward_function.name': 'compute_score',
    '+reward.custom_reward_function.reward_kwargs.grader': grader,
    ...(overlongBuffer > 0 && {
      'reward.reward_manager.name': 'dapo',
      '+reward.reward_kwargs.max_resp_len': maxResponse,
      '+reward.reward_kwargs.overlong_buffer_cfg.enable': true,
      '+reward.reward_kwargs.overlong_buffer_cfg.len': overlongBuffer,
      '+reward.reward_kwargs.overlong_buffer_cfg.penalty_factor': overlongPenalty,
      '+reward.reward_kwargs.overlong_buffer_cfg.log': false,
    }),

    'trainer.logger': ['file'],
    'trainer.total_epochs': 1, // all epochs are in the file
    'trainer.total_training_steps': rounds,
    'trainer.val_before_train': false,
    'trainer.test_freq': -1,
    'trainer.save_freq': saveEvery,
    'trainer.resume_mode': 'auto',
    'trainer.default_local_dir': out,
    'trainer.max_actor_ckpt_to_keep': 2,
    'trainer.max_critic_ckpt_to_keep': 2,
    'trainer.project_name': 'descent',
    'trainer.experiment_name': 'rl',
  };
  return Object.entries(options).map(([name, value]) => `${name}=${written(value)}`);
}

/** A model. FlashAttention, which verl asks for by itself, has to be built on the machine: PyTorch's attention needs padding. */
function modelOptions(at: string, parent: string): Record<string, Value> {
  return {
    [`${at}.path`]: parent,
    [`${at}.use_remove_padding`]: false,
    [`+${at}.override_config.attn_implementation`]: 'sdpa',
  };
}

/** What FSDP multiplies in, over weights in float32. Its own `dtype` says nothing to it, and without this it is bfloat16. */
function precisionOptions(at: string, precision: 'float32' | 'bfloat16'): Record<string, Value> {
  return {
    [`${at}.dtype`]: precision,
    [`+${at}.mixed_precision.param_dtype`]: precision,
    [`+${at}.mixed_precision.reduce_dtype`]: 'float32',
    [`+${at}.mixed_precision.buffer_dtype`]: 'float32',
  };
}

/** An optimizer, with Descent's warm-up and a constant rate after it: verl's `constant` begins with a round at a rate of 0. */
function trainingOptions(
  at: string,
  { warmup, weightDecay, betas, clip }: RlRecipe,
  { lr, rounds }: { lr: number; rounds: number },
): Record<string, Value> {
  return {
    [`${at}.optim.lr`]: lr,
    [`${at}.optim.lr_scheduler_type`]: 'cosine',
    [`${at}.optim.min_lr_ratio`]: 1,
    [`${at}.optim.zero_indexed_step`]: false,
    [`${at}.optim.lr_warmup_steps`]: Math.ceil(warmup * rounds - 1e-9),
    [`${at}.optim.weight_decay`]: weightDecay,
    [`${at}.optim.betas`]: betas,
    [`${at}.optim.clip_grad`]: clip === 0 ? noClip : clip,
  };
}

/** A value in Hydra's grammar. */
function written(value: Value): string {
  if (Array.isArray(value)) return `[${value.map(written).join(',')}]`;
  if (typeof value !== 'string') return String(value);
  // In quotes a backslash stands for itself, but before a quote or at the end; `${` would be looked up.
  const escaped = value
    .replaceAll('${', '\\${')
    .replaceAll(/(\\*)'/g, (_, slashes: string) => `${slashes}${slashes}\\'`)
    .replace(/\\+$/, (slashes) => slashes + slashes);
  return `'${escaped}'`;
}
