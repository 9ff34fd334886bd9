// What the engines are asked and answer, in lines of JSON: an engine is a process that reads a task, then does one turn of
// it for each further line.

import type { Architecture, Precision } from '../../schemas/types/job.ts';

export type Task = Writing | Training | Decoding | Product;

/** The weights that engines begin with; Descent alone writes them. */
export interface Writing {
  task: 'writing';
  /** Folder to write, Hugging Face shaped. */
  model: string;
  architecture: Architecture;
  /** The token that would end a text. */
  eos: number;
}

/** Optimizer updates, all on one batch: AdamW after clipping, the loss and the gradient's norm read back. */
export interface Training {
  task: 'training';
  /** Of matrix products; weights and optimizer are float32. */
  precision: Precision;
  /** An operator at a time, or as one program: captured, or put through torch.compile. */
  mode: 'eager' | 'compiled';
  /** Folder of the weights. */
  model: string;
  /** A sequence each: token ids. */
  tokens: number[][];
  /** What follows each of the tokens. */
  targets: number[][];
}

/** Greedy continuations of prompts, in float32, with a cache of keys and values. */
export interface Decoding {
  task: 'decoding';
  model: string;
  /** Equally long. */
  prompts: number[][];
  /** Tokens written to each; the model writes no end before. */
  length: number;
  eos: number;
}

/** The product of two square matrices. */
export interface Product {
  task: 'product';
  precision: Precision;
  size: number;
}

/** Asks for a turn. */
export interface Request {
  /** How often the work is done. */
  repeats: number;
}

/** What one repeat took, on average. */
export interface Turn {
  seconds: number;
  /** Of all threads together. */
  cpuSeconds: number;
  /** The loss before the last update, or the tokens written, all rows in a row: what engines have to agree in. */
  result: number[];
}
