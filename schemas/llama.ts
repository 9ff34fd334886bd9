import type { Architecture } from './types/job.ts';

/*
 * The one family of models there is: LLaMA-2 shaped decoders, as Hugging Face has them. What a folder's config.json says of
 * the shape, and which tensors its model.safetensors then holds.
 */

/** Names and shapes of all parameters, [out, in], in the order of the forward pass. */
export function parameterShapes(a: Architecture): Record<string, number[]> {
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
  shapes[outputMatrix] = [a.vocab, a.hidden];
  return shapes;
}

/**
 * The tensors that a folder's weights hold. Where the output matrix is tied to the embeddings (`tie_word_embeddings`) it is
 * not among them: the one matrix is both.
 */
export function storedShapes(architecture: Architecture, tied: boolean): Record<string, number[]> {
  const { [outputMatrix]: output, ...others } = parameterShapes(architecture);
  return tied ? others : { ...others, [outputMatrix]: output as number[] };
}

export const embeddings = 'model.embed_tokens.weight';
export const outputMatrix = 'lm_head.weight';

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
  rope_scaling: null,
  quantization_config: null,
};

/**
 * The shape that the content of a config.json describes, with the defaults of its early versions, and whether its output
 * matrix is tied to the embeddings; or everything for which it is no model of this family.
 */
export function shapeOfConfig(
  content: unknown,
): { ok: true; architecture: Architecture; tied: boolean } | { ok: false; problems: string[] } {
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    return { ok: false, problems: ['it is not a JSON object'] };
  const config = content as Record<string, unknown>;
  // Where later versions of transformers write what was `rope_theta` and `rope_scaling`.
  const rope = (config.rope_parameters ?? {}) as { rope_theta?: unknown; rope_type?: unknown };
  const problems = Object.entries({ ...requirements, 'rope_parameters.rope_type': 'default' }).flatMap(
    ([name, required]) => {
      const value = (name.startsWith('rope_parameters.') ? rope.rope_type : config[name]) ?? required;
      return value === required ? [] : [`${name} is ${JSON.stringify(value)}, expected ${JSON.stringify(required)}`];
    },
  );
  const number = (name: string, fallback?: unknown): number => {
    const value = config[name] ?? fallback;
    if (typeof value === 'number' && value > 0) return value;
    problems.push(`${name} is ${JSON.stringify(value)}, expected a number above 0`);
    return Number.NaN;
  };
  const architecture: Architecture = {
    layers: number(configNames.layers),
    hidden: number(configNames.hidden),
    heads: number(configNames.heads),
    kvHeads: number(configNames.kvHeads, config[configNames.heads]),
    ffn: number(configNames.ffn),
    vocab: number(configNames.vocab),
    context: number(configNames.context),
    ropeTheta: number(configNames.ropeTheta, rope.rope_theta ?? 10_000),
    normEpsilon: number(configNames.normEpsilon),
  };
  const tied = config.tie_word_embeddings ?? false;
  if (typeof tied !== 'boolean')
    problems.push(`tie_word_embeddings is ${JSON.stringify(tied)}, expected true or false`);
  if (problems.length > 0) return { ok: false, problems };
  const misshapen = whatIsMisshapen(architecture);
  if (misshapen !== undefined) return { ok: false, problems: [misshapen] };
  const headSize = architecture.hidden / architecture.heads;
  if (number('head_dim', headSize) !== headSize)
    return { ok: false, problems: [`head_dim is ${JSON.stringify(config.head_dim)}, expected ${headSize}`] };
  return { ok: true, architecture, tied: tied === true };
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
