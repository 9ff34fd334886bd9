/** The weights of a model: as variables, and from a folder. */
import type { Variable } from '@tensorflow/tfjs-node';
import {
  architectureNames,
  embeddings,
  type Head,
  isComputed,
  outputMatrix,
  scoreMatrix,
  storedShapes,
} from '../schemas/llama.ts';
import type { Architecture } from '../schemas/types/job.ts';
import { type ModelConfig, readConfig } from './config.ts';
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
 * The language model of a Hugging Face shaped folder, from its config.json and weights, read a tensor at a time. An output
 * matrix that is tied to the embeddings becomes one of its own with the same values. Throws `bad-data` where files are missing
 * or do not fit together, or it is a reward model; what was read until then is not freed, as the process ends with it.
 */
export async function loadModel(folder: string): Promise<{ architecture: Architecture; parameters: Parameters }> {
  const { architecture, parameters } = await load(folder, 'language');
  return { architecture, parameters };
}

/** The reward model of such a folder, and the token that it takes no score at. Throws as `loadModel` does. */
export async function loadRewardModel(
  folder: string,
): Promise<{ architecture: Architecture; parameters: Parameters; padding: number | undefined }> {
  return load(folder, 'score');
}

async function load(folder: string, head: Head): Promise<ModelConfig & { parameters: Parameters }> {
  const config = await readConfig(folder);
  const { architecture, tied } = config;
  if (config.head !== head)
    throw new TrainerFailure('bad-data', `${folder} is ${kinds[config.head]}, and ${kinds[head]} is needed.`);
  const weights = await openWeights(folder);
  try {
    const shapes = storedShapes(architecture, tied, head);
    requireTensors(folder, weights.tensors, shapes);
    const parameters: Parameters = {};
    const read = async (name: string, from: string) => {
      const { values, shape } = await weights.read(from);
      parameters[name] = parameterFrom(values, shape);
    };
    for (const name of Object.keys(shapes)) await read(name, name);
    if (tied) await read(outputMatrix, embeddings);
    return { ...config, parameters };
  } finally {
    await weights.close();
  }
}

const kinds: Readonly<Record<Head, string>> = {
  language: `a language model (${architectureNames.language})`,
  score: `a reward model (${architectureNames.score} with one label)`,
};

/** Which head a model has. */
export function headOf(parameters: Parameters): Head {
  return scoreMatrix in parameters ? 'score' : 'language';
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
