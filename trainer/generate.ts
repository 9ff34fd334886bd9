/** Text from a model: greedy or sampled, many prompts side by side. */
import { responsesAtOnce } from '../schemas/passes.ts';
import type { Architecture } from '../schemas/types/job.ts';
import { createPasses, type Passes } from './decode/passes.ts';
import { decode, type Sequence } from './decode/slots.ts';
import { decodingWeights } from './decode/weights.ts';
import type { Parameters } from './parameters.ts';
import { random } from './random.ts';

/** A model that writes text. */
export interface Generator {
  architecture: Architecture;
  /** Ids of the tokens that end a response, one or more: `tokenizer.ends`. */
  ends: readonly number[];
  /** Its passes, captured, on weights that are those of the parameters when this is called. */
  passes(): Passes;
  /** Frees what was made for it; not the parameters. */
  dispose(): void;
}

/**
 * A generator with this model, whose parameters may be trained meanwhile. The graphs that it makes serve all calls of
 * `generate`, and it holds a copy of most of the weights.
 *
 * @param ends ids of the tokens that end a response, one or more
 */
export function createGenerator(
  architecture: Architecture,
  parameters: Parameters,
  ends: readonly number[],
): Generator {
  const weights = decodingWeights(architecture, parameters);
  const passes = createPasses(architecture, weights);
  return {
    architecture,
    ends,
    passes() {
      weights.refresh();
      return passes;
    },
    dispose() {
      passes.dispose();
      weights.dispose();
    },
  };
}

export interface GenerateOptions {
  /** Longest response, in tokens with its end; less where prompt and response would not fit the context together. */
  maxTokens: number;
  /** 0 is greedy; else tokens are drawn from softmax(logits / temperature). */
  temperature: number;
  /** Nucleus sampling: tokens are drawn from the likeliest that have this probability together. Default 1, all. */
  topP?: number;
  /** Seed and purpose of the draws: `seed: job.seed, purpose: ['rollout', round]`. */
  seed: number;
  purpose: (string | number)[];
  /** Name of each prompt among the draws; default its index. Equal names at equal prompts draw equal responses. */
  draws?: (string | number)[];
  /** Makes what stands in prompt or response less likely (decode/penalty.ts). Default: 1, which is off. */
  repetitionPenalty?: number | undefined;
  /** Whether a response ends with its latest token though that is no end token. */
  stops?: ((tokens: readonly number[]) => boolean) | undefined;
  /** Prompts that run at once, which bounds the memory. Does not change the result but for float noise. */
  batch?: number;
}

export interface Generated {
  /** The response, with the end token when it ended. Empty when the prompt leaves no room in the context. */
  tokens: number[];
  /** ln p of each token under softmax(logits / temperature), for greedy under softmax(logits); logits as they are penalised. */
  logProbs: number[];
  /** True when it ended by itself, false when it was cut. */
  ended: boolean;
}

/**
 * A response to each prompt (token ids, at least one), in the order of the prompts.
 *
 * Each token is drawn by inverse CDF with the next uniform draw of `random(seed, ...purpose, name of the prompt)`: a
 * response depends on its prompt, the weights and the seed, not on what else is in the batch (but for float noise).
 * Yields to the event loop between tokens.
 */
export async function generate(model: Generator, prompts: number[][], options: GenerateOptions): Promise<Generated[]> {
  const { maxTokens, temperature, topP = 1, seed, purpose, draws, batch = responsesAtOnce } = options;
  const { repetitionPenalty = 1, stops } = options;
  const { architecture, ends } = model;
  const sequences = prompts.map(
    (prompt, index): Sequence => ({
      prompt,
      tokens: [],
      logProbs: [],
      ended: false,
      room: Math.min(maxTokens, architecture.context - prompt.length),
      draw: random(seed, ...purpose, draws?.[index] ?? index).uniform,
    }),
  );
  const withRoom = sequences.filter(({ room }) => room > 0);
  if (withRoom.length > 0) {
    const decoding = { batch, temperature, topP, ends, repetitionPenalty, stops };
    await decode(architecture, model.passes(), withRoom, decoding);
  }
  return sequences.map(({ tokens, logProbs, ended }) => ({ tokens, logProbs, ended }));
}
