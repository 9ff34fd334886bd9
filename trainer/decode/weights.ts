/** The weights of a model as decoding multiplies with them: fewer and larger matrices than training has, ready for use. */
import type { Tensor, Tensor2D, Variable } from '@tensorflow/tfjs-node';
import { embeddings, outputMatrix } from '../../schemas/llama.ts';
import type { Architecture } from '../../schemas/types/job.ts';
import { rotaryTable } from '../attention.ts';
import type { Parameters } from '../parameters.ts';
import { tf } from '../tf.ts';

/** The weights of a layer, with the gains of its norms multiplied in. Matrices are [out, in]. */
export interface LayerWeights {
  /** [(heads + 2 kvHeads) headSize, hidden]; queries come divided by √headSize. */
  qkv: Variable;
  /** [hidden, heads headSize] */
  o: Variable;
  /** Gate, then up: [2 ffn, hidden]. */
  gateUp: Variable;
  /** [hidden, ffn] */
  down: Variable;
}

export interface DecodingWeights {
  /** [vocab, hidden] */
  embeddings: Variable;
  layers: LayerWeights[];
  /** [vocab, hidden], with the gain of the last norm. */
  output: Variable;
  /** Of the rotary embeddings, a row a position: [context, headSize]. */
  cos: Variable;
  sin: Variable;
  /** Follows the parameters where they have been trained since. */
  refresh(): void;
  /** Frees them; not the parameters. */
  dispose(): void;
}

/** The weights for decoding with a model. Those of its parameters that need no change are shared, the others copied. */
export function decodingWeights(architecture: Architecture, parameters: Parameters): DecodingWeights {
  const { layers, heads, hidden, context, ropeTheta } = architecture;
  const headSize = hidden / heads;
  const parameter = (name: string) => parameters[name] as Variable;
  const made: { variable: Variable; value: () => Tensor }[] = [];
  const prepared = (value: () => Tensor) => {
    const variable = tf.tidy(() => tf.variable(value(), false));
    made.push({ variable, value });
    return variable;
  };
  /** Matrices one below the other, each column multiplied with a norm's gain. */
  const stacked = (gain: string, names: string[], scales: number[] = []) =>
    prepared(() => {
      const matrices = names.map((name, i) => tf.mul<Tensor2D>(parameter(name), scales[i] ?? 1));
      return tf.mul(tf.concat(matrices, 0), parameter(gain));
    });
  const layer = (index: number): LayerWeights => {
    const block = `model.layers.${index}`;
    const projections = ['q', 'k', 'v'].map((name) => `${block}.self_attn.${name}_proj.weight`);
    return {
      qkv: stacked(`${block}.input_layernorm.weight`, projections, [1 / Math.sqrt(headSize)]),
      o: parameter(`${block}.self_attn.o_proj.weight`),
      gateUp: stacked(`${block}.post_attention_layernorm.weight`, [
        `${block}.mlp.gate_proj.weight`,
        `${block}.mlp.up_proj.weight`,
      ]),
      down: parameter(`${block}.mlp.down_proj.weight`),
    };
  };
  const table = tf.tidy(() => {
    const { cos, sin } = rotaryTable(context, headSize, ropeTheta);
    return { cos: tf.variable(cos, false), sin: tf.variable(sin, false) };
  });
  // A variable that was assigned to has other data.
  const sources = () => Object.values(parameters).map(({ dataId }) => dataId);
  let current = sources();
  return {
    embeddings: parameter(embeddings),
    layers: Array.from({ length: layers }, (_, index) => layer(index)),
    output: stacked('model.norm.weight', [outputMatrix]),
    ...table,
    refresh() {
      const latest = sources();
      if (latest.every((dataId, i) => dataId === current[i])) return;
      for (const { variable, value } of made) tf.tidy(() => variable.assign(value()));
      current = latest;
    },
    dispose() {
      tf.dispose([...made.map(({ variable }) => variable), table]);
    },
  };
}
