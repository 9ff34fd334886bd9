/**
 * The model: a LLaMA-2 shaped decoder (Touvron et al. 2023, arXiv 2307.09288).
 *
 * Pre-norm residual blocks of grouped-query attention with rotary embeddings and a SwiGLU feed-forward net, RMSNorm,
 * no biases, no dropout, an output matrix of its own. Parameters carry Hugging Face's names and its [out, in] layout,
 * and rotary embeddings its half-split convention, so a checkpoint opens in transformers as it is.
 */
import type { Tensor, Tensor1D, Tensor2D, Tensor3D, Variable } from '@tensorflow/tfjs-node';
import { outputMatrix } from '../schemas/llama.ts';
import type { Architecture } from '../schemas/types/job.ts';
import { attention, headsOf } from './attention.ts';
import { TrainerFailure } from './failure.ts';
import { feedForward, linear, norm, rows } from './ops.ts';
import type { Parameters } from './parameters.ts';
import { tf } from './tf.ts';

/** How tokens [B, T] are read; without any of it, each row is one document. */
export interface Reading {
  /** Where the document of each token begins in its row, int32 [B, T], where several are packed into one. */
  begins?: Tensor2D | undefined;
  /** What is added to the embeddings, [B * T, hidden]. */
  noise?: Tensor2D | undefined;
  /** Whether blocks keep their inputs alone for the backward pass, which computes the rest of them again. Default: false. */
  recompute?: boolean;
}

/**
 * Hidden states after the last norm, [B, T, hidden], of tokens int32 [B, T].
 *
 * Attention is causal. Rows padded on the right need no mask: what is padded comes later than what is real. Where documents
 * are packed, a token sees those of its own document, and its place is counted from where that begins: its state is as if
 * the document stood alone. Any parameters with the backbone's names will do: a critic has the same ones and a head of its own.
 */
export function hiddenStates(
  architecture: Architecture,
  parameters: Parameters,
  tokens: Tensor2D,
  { begins, noise, recompute = false }: Reading = {},
): Tensor3D {
  const { layers, hidden, normEpsilon } = architecture;
  const [batch, time] = tokens.shape;
  const matrix = (name: string) => parameter(parameters, name) as Tensor as Tensor2D;
  const gain = (name: string) => parameter(parameters, name) as Tensor as Tensor1D;
  const heads = headsOf(architecture, batch, time, begins);

  let x = rows(matrix('model.embed_tokens.weight'), tokens.reshape([batch * time]));
  if (noise !== undefined) x = tf.add(x, noise);
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
  const scores = linear(hidden.reshape([-1, width]), parameter(parameters, outputMatrix) as Tensor as Tensor2D);
  return scores.reshape([...hidden.shape.slice(0, -1), scores.shape[1]]);
}
