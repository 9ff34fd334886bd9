/**
 * Initial weights, as LitGPT gives them to the models of EvoLM (GPT-NeoX, Black et al. 2022, arXiv 2204.06745; TinyLlama).
 */
import { parameterShapes } from '../schemas/llama.ts';
import type { Architecture } from '../schemas/types/job.ts';
import { type Parameters, parameterFrom } from './parameters.ts';
import { random } from './random.ts';

/**
 * A new model. With d the hidden size: embeddings and matrices are normal with deviation sqrt(2 / (5 d)); the two that
 * write into the residual stream (`o_proj`, `down_proj`) with 1 / sqrt(d) / layers; gains of norms are one. Each
 * parameter has draws of its own, named by it: widening one changes no other.
 */
export function initialise(architecture: Architecture, seed: number): Parameters {
  const { hidden, layers } = architecture;
  const parameters: Parameters = {};
  for (const [name, shape] of Object.entries(parameterShapes(architecture))) {
    const size = shape.reduce((product, length) => product * length, 1);
    const values = new Float32Array(size);
    if (shape.length === 1) {
      values.fill(1);
    } else {
      const residual = name.endsWith('o_proj.weight') || name.endsWith('down_proj.weight');
      const deviation = residual ? 1 / Math.sqrt(hidden) / layers : Math.sqrt(2 / (5 * hidden));
      const { normal } = random(seed, 'init', name);
      for (let i = 0; i < size; i++) values[i] = deviation * normal();
    }
    parameters[name] = parameterFrom(values, shape);
  }
  return parameters;
}
