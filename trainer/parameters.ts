/** The weights of a model: as variables, and from a folder. */
import type { Variable } from '@tensorflow/tfjs-node';
import { embeddings, isComputed, outputMatrix, storedShapes } from '../schemas/llama.ts';
import type { Architecture } from '../schemas/types/job.ts';
import { readConfig } from './config.ts';
import { TrainerFailure } from './failure.ts';
import { openWeights } from './safetensors.ts';
import { tf } from './tf.ts';

/** Trainable weights by Hugging Face name, matrices as [out, in]. */
export type Parameters = Record<string, Variable>;

/** How many numbers are trained. */
export function countParameters(parameters: Parameters): number {
  return Object.values(parameters).reduce((sum, parameter) => sum + parameter.size, 0);
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
