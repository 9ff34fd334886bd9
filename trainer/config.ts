/** A model's shape as Hugging Face's config.json, which transformers, vLLM and lm-evaluation-harness open as it is. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Architecture } from '../schemas/types/job.ts';
import { TrainerFailure } from './failure.ts';

/** The content of config.json. `eos` ends a text and also fills what padding leaves; there is no token that begins one. */
export function toConfig(architecture: Architecture, eos: number): Record<string, unknown> {
  const { layers, hidden, heads, kvHeads, ffn, vocab, context, ropeTheta, normEpsilon } = architecture;
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    vocab_size: vocab,
    hidden_size: hidden,
    intermediate_size: ffn,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: kvHeads,
    head_dim: hidden / heads,
    max_position_embeddings: context,
    rope_theta: ropeTheta,
    rope_scaling: null,
    rms_norm_eps: normEpsilon,
    hidden_act: 'silu',
    attention_bias: false,
    attention_dropout: 0,
    mlp_bias: false,
    tie_word_embeddings: false,
    initializer_range: Math.sqrt(2 / (5 * hidden)),
    bos_token_id: null,
    eos_token_id: eos,
    pad_token_id: eos,
    torch_dtype: 'float32',
    use_cache: true,
  };
}

/** The content of generation_config.json: greedy until the end token. */
export function toGenerationConfig(eos: number): Record<string, unknown> {
  return { bos_token_id: null, eos_token_id: eos, pad_token_id: eos, do_sample: false };
}

/** What this trainer's model does, and config.json would have to say otherwise: anything else would be computed wrongly. */
const requirements: Record<string, unknown> = {
  model_type: 'llama',
  hidden_act: 'silu',
  attention_bias: false,
  mlp_bias: false,
  rope_scaling: null,
  tie_word_embeddings: false,
};

/** The shape in a folder's config.json. Throws `bad-data` where it is missing or describes another kind of model. */
export async function readConfig(folder: string): Promise<Architecture> {
  const path = join(folder, 'config.json');
  const wrong = (what: string, cause?: unknown) =>
    new TrainerFailure('bad-data', `${path} is no model that can be trained: ${what}.`, { cause });
  let config: Record<string, unknown>;
  try {
    config = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  } catch (error) {
    throw wrong((error as Error).message, error);
  }
  for (const [name, required] of Object.entries(requirements)) {
    if ((config[name] ?? required) !== required) {
      throw wrong(`${name} is ${JSON.stringify(config[name])}, expected ${JSON.stringify(required)}`);
    }
  }
  const number = (name: string, fallback?: unknown): number => {
    const value = config[name] ?? fallback;
    if (typeof value !== 'number' || !(value > 0))
      throw wrong(`${name} is ${JSON.stringify(value)}, expected a number above 0`);
    return value;
  };
  const architecture = {
    layers: number('num_hidden_layers'),
    hidden: number('hidden_size'),
    heads: number('num_attention_heads'),
    kvHeads: number('num_key_value_heads', config.num_attention_heads),
    ffn: number('intermediate_size'),
    vocab: number('vocab_size'),
    context: number('max_position_embeddings'),
    ropeTheta: number('rope_theta', 10_000),
    normEpsilon: number('rms_norm_eps'),
  };
  const misshapen = whatIsMisshapen(architecture);
  if (misshapen !== undefined) throw wrong(misshapen);
  const headSize = architecture.hidden / architecture.heads;
  if (number('head_dim', headSize) !== headSize) throw wrong(`head_dim is ${config.head_dim}, expected ${headSize}`);
  return architecture;
}

/** Why no model can have this shape; undefined where one can. */
export function whatIsMisshapen({ hidden, heads, kvHeads }: Architecture): string | undefined {
  if (hidden % (2 * heads) !== 0) return `${heads} heads do not divide a hidden size of ${hidden} into even parts`;
  if (heads % kvHeads !== 0) return `${heads} heads cannot share ${kvHeads} key and value heads evenly`;
  return undefined;
}
