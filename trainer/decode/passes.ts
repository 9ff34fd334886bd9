/**
 * The two passes of decoding, as captured functions: prompts are read whole, with the operators of training, and then each
 * slot's latest token, with operators for few tokens.
 */
import type { NamedTensorMap, Tensor, Tensor1D } from '@tensorflow/tfjs-node';
import { queryBlocks } from '../../schemas/llama.ts';
import type { Architecture } from '../../schemas/types/job.ts';
import { attended } from '../attention.ts';
import { rmsNorm, splitHeads, swiGlu } from '../fused/device.ts';
import { capture } from '../graph/capture.ts';
import { add, gather, matMul, reshape, slice } from '../kernels.ts';
import { tf } from '../tf.ts';
import type { Cache } from './cache.ts';
import { attend, columnsOf, gatedProduct, likeliest, product } from './device.ts';
import { type Draws, drawn } from './draw.ts';
import type { Chosen, KeysAndValues } from './operators.ts';
import { type Penalty, penalised } from './penalty.ts';
import type { DecodingWeights, LayerWeights } from './weights.ts';

/** Prompts, padded on the right to one length. */
export interface Prompts {
  /** int32 [prompts, time] */
  tokens: Tensor;
  /** int32 [prompts] */
  lengths: Tensor;
}

/** The latest token of each slot, and its place in its sequence: int32 [slots] each. */
export interface Latest {
  tokens: Tensor;
  positions: Tensor;
}

/** Both passes choose the tokens that come next: drawn, or the likeliest where there are no draws; of scores with a penalty where there is one. */
export interface Passes {
  /** Reads prompts; gives their first tokens, and what a cache is to hold of them. */
  read(prompts: Prompts, draws?: Draws, penalty?: Penalty): Chosen & { layers: KeysAndValues[] };
  /** Reads a token a slot, which the cache then holds too. */
  step(latest: Latest, cache: Cache, draws?: Draws, penalty?: Penalty): Chosen;
  /** Frees the graphs. */
  dispose(): void;
}

/** The passes of a model. */
export function createPasses(architecture: Architecture, weights: DecodingWeights): Passes {
  const { hidden, heads, kvHeads, layers, normEpsilon } = architecture;
  const headSize = hidden / heads;
  /** The rest of a layer, of columns: what came into it, and what its heads attended to. */
  const afterAttention = ({ o, gateUp, down }: LayerWeights, x: Tensor, attended: Tensor) => {
    const y = product(o, attended, 0, x);
    return product(down, gatedProduct(gateUp, y, normEpsilon), 0, y);
  };

  const read = capture((inputs: NamedTensorMap): NamedTensorMap => {
    const { tokens, lengths } = inputs as { tokens: Tensor; lengths: Tensor1D };
    const [batch, time] = tokens.shape as [number, number];
    const [cos, sin] = [weights.cos, weights.sin].map((table) => slice(table, [0, 0], [time, -1])) as [Tensor, Tensor];
    const layout = { batch, time, heads, kvHeads, headSize, blocks: queryBlocks(time), rotary: { cos, sin } };
    const one = tf.ones([hidden]); // gains are in the weights
    const last = tf.add(tf.range(0, batch * time, time, 'int32'), tf.sub(lengths, tf.scalar(1, 'int32')));
    const given: KeysAndValues[] = [];
    let x = gather(weights.embeddings, reshape(tokens, [-1]));
    for (const [index, layer] of weights.layers.entries()) {
      const { qkv, o, gateUp, down } = layer;
      const split = splitHeads(matMul(rmsNorm(x, one, normEpsilon).y, qkv, false, true), 1, layout);
      given.push({ keys: split.k, values: split.v });
      const { merged } = attended(split, layout);
      if (index === layers - 1) {
        // Of what comes now nobody looks at other tokens than the last ones.
        x = afterAttention(layer, columnsOf(x, last), columnsOf(merged, last));
      } else {
        x = add(x, matMul(merged, o, false, true));
        const au = matMul(rmsNorm(x, one, normEpsilon).y, gateUp, false, true);
        x = add(x, matMul(swiGlu(reshape(au, [batch * time, 2, -1])), down, false, true));
      }
    }
    return { ...choose(architecture, weights, x, inputs), ...named(given) };
  });

  const step = capture((inputs: NamedTensorMap): NamedTensorMap => {
    const { tokens, positions } = inputs as { tokens: Tensor1D; positions: Tensor1D };
    let x = columnsOf(weights.embeddings, tokens);
    for (const [index, layer] of weights.layers.entries()) {
      const projected = product(layer.qkv, x, normEpsilon);
      x = afterAttention(layer, x, attend(projected, layerOf(inputs, index), positions, weights));
    }
    return choose(architecture, weights, x, inputs);
  });

  return {
    read(prompts, draws, penalty) {
      const results = read({ ...prompts, ...draws, ...penalty });
      return {
        ...(results as Chosen),
        layers: Array.from({ length: layers }, (_, layer) => layerOf(results, layer)),
      };
    },
    step: (latest, cache, draws, penalty) =>
      step({ ...latest, ...named(cache.layers), ...draws, ...penalty }) as Chosen,
    dispose() {
      read.dispose();
      step.dispose();
    },
  };
}

function named(layers: readonly KeysAndValues[]): NamedTensorMap {
  return Object.fromEntries(
    layers.flatMap(({ keys, values }, index) => [
      [`keys${index}`, keys],
      [`values${index}`, values],
    ]),
  );
}

function layerOf(tensors: NamedTensorMap, index: number): KeysAndValues {
  return { keys: tensors[`keys${index}`] as Tensor, values: tensors[`values${index}`] as Tensor };
}

/** The token after hidden states [hidden, N]. */
function choose(
  { normEpsilon }: Architecture,
  weights: DecodingWeights,
  x: Tensor,
  { uniforms, sharpness, nucleus, seen, penalty }: NamedTensorMap,
): Chosen {
  const given = product(weights.output, x, normEpsilon);
  const scores = seen === undefined ? given : penalised(given, { seen, penalty: penalty as Tensor });
  if (uniforms === undefined) return likeliest(scores);
  return drawn(scores, { uniforms, sharpness: sharpness as Tensor, ...(nucleus && { nucleus }) });
}
