/** A model's shape as Hugging Face's config.json, which transformers, vLLM and lm-evaluation-harness open as it is. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { architectureNames, type Head, shapeOfConfig } from '../schemas/llama.ts';
import type { Architecture } from '../schemas/types/job.ts';
import { readJinja, readTokenizerFile } from './data/chat-template.ts';
import { paperJinja } from './data/template.ts';
import { isFaultOfFile, TrainerFailure } from './failure.ts';
import type { Tokenizer } from './tokenizer/load.ts';

/** What a model's files say of the tokens that begin and end a text. `eos` also fills what padding leaves. */
export type TextBounds = Pick<Tokenizer, 'eos'> & Partial<Pick<Tokenizer, 'ends' | 'start'>>;

/** The content of config.json. */
export function toConfig(
  architecture: Architecture,
  bounds: TextBounds,
  head: Head = 'language',
): Record<string, unknown> {
  const { layers, hidden, heads, kvHeads, ffn, vocab, context, ropeTheta, normEpsilon } = architecture;
  return {
    architectures: [architectureNames[head]],
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
    ...tokenIds(bounds),
    ...(head === 'score' && scoring(bounds)),
    torch_dtype: 'float32',
    use_cache: true,
  };
}

/**
 * What transformers is told of a reward model. It takes the score at the last token that is not `pad_token_id`, wherever the
 * padding stands: that must be no token that ends a text, at which the score is. It is the first that neither ends nor begins
 * one, and in the tokenizers that Descent makes the byte 0.
 */
function scoring({ eos, ends = [eos], start = [] }: TextBounds): Record<string, unknown> {
  let padding = 0;
  while (ends.includes(padding) || start.includes(padding)) padding++;
  return {
    pad_token_id: padding,
    id2label: { 0: 'reward' },
    label2id: { reward: 0 },
    problem_type: 'regression',
  };
}

/** The content of generation_config.json: greedy until an end token. */
export function toGenerationConfig(bounds: TextBounds): Record<string, unknown> {
  return { ...tokenIds(bounds), do_sample: false };
}

function tokenIds({ eos, ends = [eos], start = [] }: TextBounds): Record<string, unknown> {
  return { bos_token_id: start[0] ?? null, eos_token_id: ends.length > 1 ? ends : eos, pad_token_id: eos };
}

/**
 * The content of a tokenizer_config.json beside a model, from that of its tokenizer's folder. What transformers would guess
 * wrongly is said: how a prompt is written, how long a text may be, that a LLaMA takes no types of tokens, and that padding
 * stands on the left, where a model that continues texts has it. Throws `bad-data` where the folder has none.
 *
 * @param chatTemplate how the model was taught to be asked, in Jinja. Default: as its tokenizer says; else as in the paper
 */
export async function readTokenizerConfig(
  folder: string,
  architecture: Architecture,
  bounds: Pick<Tokenizer, 'start' | 'decode'>,
  chatTemplate?: string,
): Promise<Record<string, unknown>> {
  const config = await readTokenizerFile(folder);
  const { chat_template: _, ...others } = config;
  return {
    chat_template: chatTemplate ?? (await readJinja(folder, config)) ?? paperJinja(bounds),
    ...others,
    model_max_length: architecture.context,
    model_input_names: ['input_ids', 'attention_mask'],
    padding_side: 'left',
  };
}

/** What a config.json says of a model. */
export interface ModelConfig {
  architecture: Architecture;
  head: Head;
  /** Whether its output matrix is tied to the embeddings. */
  tied: boolean;
  /** The token that fills rows, which no score is taken at; undefined where none is said. */
  padding: number | undefined;
}

/** What a folder's config.json says. Throws `bad-data` where it is missing or describes another kind of model. */
export async function readConfig(folder: string): Promise<ModelConfig> {
  const path = join(folder, 'config.json');
  const wrong = (what: string, cause?: unknown) =>
    new TrainerFailure('bad-data', `${path} is no model that can be trained: ${what}.`, { cause });
  let config: unknown;
  try {
    config = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (!isFaultOfFile(error)) throw error;
    throw wrong(error.message, error);
  }
  const shape = shapeOfConfig(config);
  if (!shape.ok) throw wrong(shape.problems.join('; '));
  const { architecture, head, tied } = shape;
  const { pad_token_id: padding } = config as { pad_token_id?: unknown };
  return { architecture, head, tied, padding: typeof padding === 'number' ? padding : undefined };
}
