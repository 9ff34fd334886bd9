import type { Architecture } from './types/job.ts';

/*
 * The one family of models there is: LLaMA-2 shaped decoders, as Hugging Face has them, with one of two heads. What a folder's config.json says of
 * the shape, and which tensors its model.safetensors then holds.
 */

/**
 * What a model makes of its last hidden states: scores of the next token (LlamaForCausalLM), or one number of a whole text, as
 * reward models do (LlamaForSequenceClassification with one label).
 */
export type Head = 'language' | 'score';

/** What transformers calls a model with each head. */
export const architectureNames: Readonly<Record<Head, string>> = {
  language: 'LlamaForCausalLM',
  score: 'LlamaForSequenceClassification',
};

/** Names and shapes of all parameters, [out, in], in the order of the forward pass. */
export function parameterShapes(a: Architecture, head: Head = 'language'): Record<string, number[]> {
  const headSize = a.hidden / a.heads;
  const shapes: Record<string, number[]> = { [embeddings]: [a.vocab, a.hidden] };
  for (let layer = 0; layer < a.layers; layer++) {
    const block = `model.layers.${layer}`;
    shapes[`${block}.input_layernorm.weight`] = [a.hidden];
    shapes[`${block}.self_attn.q_proj.weight`] = [a.heads * headSize, a.hidden];
    shapes[`${block}.self_attn.k_proj.weight`] = [a.kvHeads * headSize, a.hidden];
    shapes[`${block}.self_attn.v_proj.weight`] = [a.kvHeads * headSize, a.hidden];
    shapes[`${block}.self_attn.o_proj.weight`] = [a.hidden, a.heads * headSize];
    shapes[`${block}.post_attention_layernorm.weight`] = [a.hidden];
    shapes[`${block}.mlp.gate_proj.weight`] = [a.ffn, a.hidden];
    shapes[`${block}.mlp.up_proj.weight`] = [a.ffn, a.hidden];
    shapes[`${block}.mlp.down_proj.weight`] = [a.hidden, a.ffn];
  }
  shapes['model.norm.weight'] = [a.hidden];
  if (head === 'language') shapes[outputMatrix] = [a.vocab, a.hidden];
  else shapes[scoreMatrix] = [1, a.hidden];
  return shapes;
}

/** How many numbers a model has. */
export function parametersIn(architecture: Architecture, head: Head = 'language'): number {
  return Object.values(parameterShapes(architecture, head)).reduce(
    (sum, shape) => sum + shape.reduce((size, length) => size * length, 1),
    0,
  );
}

/**
 * The tensors that a folder's weights hold. Where the output matrix is tied to the embeddings (`tie_word_embeddings`) it is
 * not among them: the one matrix is both.
 */
export function storedShapes(
  architecture: Architecture,
  tied: boolean,
  head: Head = 'language',
): Record<string, number[]> {
  const { [outputMatrix]: output, ...others } = parameterShapes(architecture, head);
  return tied || output === undefined ? others : { ...others, [outputMatrix]: output };
}

export const embeddings = 'model.embed_tokens.weight';
export const outputMatrix = 'lm_head.weight';
/** The head of reward models: the score is its product with a hidden state. */
export const scoreMatrix = 'score.weight';

/** Tables that early checkpoints hold beside the parameters, and that are computed from the shape: they are passed over. */
export function isComputed(tensor: string): boolean {
  return tensor.endsWith('.rotary_emb.inv_freq');
}

/** What config.json calls the numbers of a shape. */
export const configNames: Readonly<Record<keyof Architecture, string>> = {
  layers: 'num_hidden_layers',
  hidden: 'hidden_size',
  heads: 'num_attention_heads',
  kvHeads: 'num_key_value_heads',
  ffn: 'intermediate_size',
  vocab: 'vocab_size',
  context: 'max_position_embeddings',
  ropeTheta: 'rope_theta',
  normEpsilon: 'rms_norm_eps',
};

/** The numbers in which a shape differs from another, what a person would look at first before the rest: layers, hidden. */
export function shapeDifferences(one: Architecture, other: Architecture): (keyof Architecture)[] {
  return (Object.keys(configNames) as (keyof Architecture)[]).filter((field) => one[field] !== other[field]);
}

/** What these models do, and config.json would have to say otherwise: anything else would be computed wrongly. */
const requirements: Record<string, unknown> = {
  model_type: 'llama',
  hidden_act: 'silu',
  attention_bias: false,
  mlp_bias: false,
  partial_rotary_factor: 1,
  quantization_config: null,
};

/** More layers than any model has: a shape is trusted only so far, before its tensors are looked for. */
const mostLayers = 10_000;

/**
 * The shape that the content of a config.json describes, with the defaults of its early versions, which head it has, and
 * whether its output matrix is tied to the embeddings; or everything for which it is no model of this family, of another
 * family only that.
 */
export function shapeOfConfig(
  content: unknown,
): { ok: true; architecture: Architecture; head: Head; tied: boolean } | { ok: false; problems: string[] } {
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    return { ok: false, problems: ['it is not a JSON object'] };
  const config = content as Record<string, unknown>;
  const { model_type: family } = requirements;
  // What else there is to say of another family would be noise.
  if ((config.model_type ?? family) !== family)
    return { ok: false, problems: [`model_type is ${JSON.stringify(config.model_type)}, expected "${family}"`] };
  const problems = Object.entries(requirements).flatMap(([name, required]) => {
    const value = config[name] ?? required;
    return value === required ? [] : [`${name} is ${JSON.stringify(value)}, expected ${JSON.stringify(required)}`];
  });
  const rotary = rotaryTheta(config);
  problems.push(...rotary.problems);
  const head = headOf(config);
  const labels = labelsOf(config);
  if (head === 'score' && labels !== 1)
    problems.push(`id2label has ${labels} labels, expected 1: a reward model gives one score`);
  const number = (name: string, value: unknown): number => {
    if (typeof value === 'number' && value > 0 && Number.isFinite(value)) return value;
    problems.push(`${name} is ${JSON.stringify(value)}, expected a number above 0`);
    return Number.NaN;
  };
  const count = (name: string, fallback?: unknown, most = 2 ** 31 - 1): number => {
    const value = config[name] ?? fallback;
    if (Number.isInteger(value) && (value as number) > 0 && (value as number) <= most) return value as number;
    problems.push(`${name} is ${JSON.stringify(value)}, expected a whole number from 1 to ${most}`);
    return Number.NaN;
  };
  const architecture: Architecture = {
    layers: count(configNames.layers, undefined, mostLayers),
    hidden: count(configNames.hidden),
    heads: count(configNames.heads),
    kvHeads: count(configNames.kvHeads, config[configNames.heads]),
    ffn: count(configNames.ffn),
    vocab: count(configNames.vocab),
    context: count(configNames.context),
    ropeTheta: number(configNames.ropeTheta, rotary.theta),
    normEpsilon: number(configNames.normEpsilon, config[configNames.normEpsilon]),
  };
  const tied = config.tie_word_embeddings ?? false;
  if (typeof tied !== 'boolean')
    problems.push(`tie_word_embeddings is ${JSON.stringify(tied)}, expected true or false`);
  if (problems.length > 0) return { ok: false, problems };
  const misshapen = whatIsMisshapen(architecture);
  if (misshapen !== undefined) return { ok: false, problems: [misshapen] };
  const headSize = architecture.hidden / architecture.heads;
  if ((config.head_dim ?? headSize) !== headSize)
    return { ok: false, problems: [`head_dim is ${JSON.stringify(config.head_dim)}, expected ${headSize}`] };
  return { ok: true, architecture, head, tied: tied === true && head === 'language' };
}

function headOf({ architectures }: Record<string, unknown>): Head {
  return Array.isArray(architectures) && architectures.includes(architectureNames.score) ? 'score' : 'language';
}

/** How many labels a config.json names; without a word of them, two, as transformers has it. */
function labelsOf({ num_labels: count, id2label }: Record<string, unknown>): number {
  if (typeof id2label === 'object' && id2label !== null) return Object.keys(id2label).length;
  return typeof count === 'number' ? count : 2;
}

/**
 * The base of the rotary embedding, and what of its settings would have it turn otherwise. They stand in `rope_theta` and
 * `rope_scaling`, and in later versions of transformers in `rope_parameters`.
 */
function rotaryTheta(config: Record<string, unknown>): { theta: unknown; problems: string[] } {
  const problems: string[] = [];
  const read = (name: string): Record<string, unknown> => {
    const value = config[name] ?? {};
    if (typeof value !== 'object' || Array.isArray(value)) {
      problems.push(`${name} is ${JSON.stringify(value)}, expected an object`);
      return {};
    }
    const { rope_theta: _, ...others } = value as Record<string, unknown>;
    for (const [key, setting] of Object.entries(others)) {
      const expected = { rope_type: 'default', type: 'default', partial_rotary_factor: 1 }[key];
      if (setting === expected || (setting ?? null) === null) continue;
      const wanted = expected === undefined ? 'nothing' : JSON.stringify(expected);
      problems.push(`${name}.${key} is ${JSON.stringify(setting)}, expected ${wanted}`);
    }
    return value as Record<string, unknown>;
  };
  const [{ rope_theta: nested }] = ['rope_parameters', 'rope_scaling'].map(read) as [{ rope_theta?: unknown }];
  const direct = config.rope_theta;
  if ((direct ?? null) !== null && (nested ?? null) !== null && direct !== nested)
    problems.push(`rope_theta is ${JSON.stringify(direct)}, and rope_parameters.rope_theta ${JSON.stringify(nested)}`);
  return { theta: direct ?? nested ?? 10_000, problems };
}

/** Why no model can have this shape; undefined where one can. */
export function whatIsMisshapen({ hidden, heads, kvHeads }: Architecture): string | undefined {
  if (hidden % (2 * heads) !== 0) return `${heads} heads do not divide a hidden size of ${hidden} into even parts`;
  if (heads % kvHeads !== 0) return `${heads} heads cannot share ${kvHeads} key and value heads evenly`;
  return undefined;
}

/**
 * How the trainer's causal attention goes through a sequence: the lengths of its blocks of queries, each of which is
 * multiplied with the keys up to its end. Blocks are as long as products need to be efficient, and eight at most.
 */
export function queryBlocks(length: number): number[] {
  const block = Math.max(128, Math.ceil(length / 8));
  return Array.from({ length: Math.ceil(length / block) }, (_, i) => Math.min(block, length - i * block));
}
