/**
 * The model: a LLaMA-2 shaped decoder (Touvron et al. 2023, arXiv 2307.09288).
 *
 * Pre-norm residual blocks of grouped-query attention with rotary embeddings and a SwiGLU feed-forward net, RMSNorm,
 * no biases, no dropout, an output matrix of its own. Parameters carry Hugging Face's names and its [out, in] layout,
 * and rotary embeddings its half-split convention, so a checkpoint opens in transformers as it is.
 */
import type { Tensor, Tensor1D, Tensor2D, Tensor3D, Variable } from '@tensorflow/tfjs-node';
import { embeddings, isComputed, outputMatrix, storedShapes } from '../schemas/llama.ts';
import type { Architecture } from '../schemas/types/job.ts';
import { attention, headsOf } from './attention.ts';
import { readConfig } from './config.ts';
import { TrainerFailure } from './failure.ts';
import { feedForward, linear, norm, rows } from './ops.ts';
import { openWeights } from './safetensors.ts';
import { tf } from './tf.ts';

export { outputLogProbs, outputLoss, rows, tokenLogProbs } from './ops.ts';

/** Trainable weights by Hugging Face name, matrices as [out, in]. */
export type Parameters = Record<string, Variable>;

/** How many numbers are trained. */
export function countParameters(parameters: Parameters): number {
  return Object.values(parameters).reduce((sum, parameter) => sum + parameter.size, 0);
}

/**
 * Hidden states after the last norm, [B, T, hidden], of tokens int32 [B, T].
 *
 * Attention is causal. Rows padded on the right need no mask: what is padded comes later than what is real. Any
 * parameters with the backbone's names will do: a critic has the same ones and a head of its own.
 *
 * @param recompute whether blocks keep their inputs alone for the backward pass, which computes the rest of them again
 */
export function hiddenStates(
  architecture: Architecture,
  parameters: Parameters,
  tokens: Tensor2D,
  recompute = false,
): Tensor3D {
  const { layers, hidden, normEpsilon } = architecture;
  const [batch, time] = tokens.shape;
  const matrix = (name: string) => parameter(parameters, name) as Tensor as Tensor2D;
  const gain = (name: string) => parameter(parameters, name) as Tensor as Tensor1D;
  const heads = headsOf(architecture, batch, time);

  let x = rows(matrix('model.embed_tokens.weight'), tokens.reshape([batch * time]));
  for (let layer = 0; layer < layers; layer++) {
    const block = `model.layers.${layer}`;
    const attentionWeights = {
      gain: gain(`${block}.input_layernorm.weight`),
      q: matrix(`${block}.self_attn.q_proj.weight`),
      k: matrix(`${block}.self_attn.k_proj.weight`),
      v: matrix(`${block}.self_attn.v_proj.weight`),
      o: matrix(`${block}.self_attn.o_proj.weight`),
    };
    x = attention(x, attentionWeights, normEpsilon, heads, recompute);
    const feedForwardWeights = {
      gain: gain(`${block}.post_attention_layernorm.weight`),
      gate: matrix(`${block}.mlp.gate_proj.weight`),
      up: matrix(`${block}.mlp.up_proj.weight`),
      down: matrix(`${block}.mlp.down_proj.weight`),
    };
    x = feedForward(x, feedForwardWeights, normEpsilon, recompute);
  }
  return norm(x, gain('model.norm.weight'), normEpsilon).reshape([batch, time, hidden]);
}

function parameter(parameters: Parameters, name: string): Variable {
  const found = parameters[name];
  if (found === undefined) throw new TrainerFailure('bad-data', `The model has no parameter ${name}.`);
  return found;
}

/** Scores of the next token, [..., vocab], of hidden states [..., hidden]. */
export function logits(parameters: Parameters, hidden: Tensor): Tensor {
  const width = hidden.shape.at(-1) as number;
  const scores = linear(hidden.reshape([-1, width]), parameter(parameters, 'lm_head.weight') as Tensor as Tensor2D);
  return scores.reshape([...hidden.shape.slice(0, -1), scores.shape[1]]);
}

/**
 * The model of a Hugging Face shaped folder, from its config.json and weights, read a tensor at a time. An output matrix
 * that is tied to the embeddings becomes one of its own with the same values. Throws `bad-data` where files are missing or
 * do not fit together; what was read until then is not freed, as the process ends with it.
 */
export async function loadModel(folder: string): Promise<{ architecture: Architecture; parameters: Parameters }> {
  const { architecture, tied } = await readConfig(folder);
  const weights = await openWeights(folder);
  try {
    const shapes = storedShapes(architecture, tied);
    requireTensors(folder, weights.tensors, shapes);
    const parameters: Parameters = {};
    const load = async (name: string, from: string) => {
      const { values, shape } = await weights.read(from);
      parameters[name] = parameterFrom(values, shape);
    };
    for (const name of Object.keys(shapes)) await load(name, name);
    if (tied) await load(outputMatrix, embeddings);
    return { architecture, parameters };
  } finally {
    await weights.close();
  }
}

/** Throws `bad-data` unless a folder's weights are these tensors and no others. */
function requireTensors(
  folder: string,
  found: ReadonlyMap<string, { shape: number[] }>,
  shapes: Readonly<Record<string, number[]>>,
): void {
  const wrong = (what: string) => new TrainerFailure('bad-data', `${folder}${what}.`);
  for (const [name, shape] of Object.entries(shapes)) {
    const tensor = found.get(name);
    if (tensor === undefined) throw wrong(` has no ${name}, which config.json asks for`);
    if (tensor.shape.join() !== shape.join())
      throw wrong(`: ${name} has the shape [${tensor.shape}], and config.json asks for [${shape}]`);
  }
  const unknown = [...found.keys()].find((name) => !Object.hasOwn(shapes, name) && !isComputed(name));
  if (unknown !== undefined) throw wrong(` has ${unknown}, which this kind of model does not`);
}

/** A parameter with the given values. Told apart by its place in `Parameters`: names of tfjs's own do not matter. */
export function parameterFrom(values: Float32Array, shape: number[]): Variable {
  return tf.tidy(() => tf.variable(tf.tensor(values, shape, 'float32')));
}

/** Frees the tensors of a model. */
export function disposeParameters(parameters: Parameters): void {
  for (const parameter of Object.values(parameters)) parameter.dispose();
}
