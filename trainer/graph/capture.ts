/**
 * Captured functions: what `tf.function` is to TensorFlow's Python.
 *
 * Called eagerly, each operator is a call from JavaScript, and its result a new stretch of memory. A captured function is
 * gone through once on tensors without values, to see what it does; TensorFlow runs it as one graph, which it simplifies
 * first, and in which results take the place of what is no longer needed. (XLA may fuse such graphs further, with
 * TF_XLA_FLAGS. On a CPU that was no faster, and compiling took seconds for each shape.)
 *
 * What a function does must follow from its inputs and from variables. Each of its calls may read and assign to variables,
 * and many functions may share them: their values never leave TensorFlow. All else is a constant, seen once: numbers,
 * tensors from outside that are no variables, draws of a generator, branches of JavaScript. TensorFlow keeps several copies
 * of a graph's constants, so what is large had better be an input or a variable.
 */
import type { NamedTensorMap, Tensor } from '@tensorflow/tfjs-node';
import type { Precision } from '../../schemas/types/job.ts';
import { backend } from '../native.ts';
import { tf } from '../tf.ts';
import { CaptureError } from './definition.ts';
import { type Described, type Trace, trace, tracedPrecision } from './trace.ts';

export { CaptureError } from './definition.ts';
export { after } from './trace.ts';

export interface CaptureOptions {
  /**
   * What matrices are multiplied in: with `bfloat16` they are rounded to 8 significant bits first, and so are the products.
   * All else, weights and sums among it, is float32 either way. Default: float32.
   */
  precision?: Precision;
  /**
   * Whether operations run one after the other, as the body calls them, and not whenever they can: then no more is in
   * memory than that order needs. Default: false.
   */
  inOrder?: boolean;
}

/** A captured function. Its results belong to the surrounding `tidy`, as an operator's do. */
export interface Captured<Inputs extends NamedTensorMap, Results extends NamedTensorMap> {
  (inputs: Inputs): Results;
  /**
   * The most bytes that a call on such inputs takes beside them and the variables, results included; nothing is run. What
   * this counts is said at `peakBytes` (memory.ts).
   */
  peakBytes(inputs: Described<Inputs>): number;
  /** Frees the graphs; not the variables. */
  dispose(): void;
}

/**
 * `body` as a function that runs as one graph. There is a graph for each set of input names, shapes and types that occurs,
 * made at its first call, before which `body` runs once without computing: few shapes are better than many.
 *
 * It is not differentiable from outside: take gradients inside. Within another captured function of the same precision it
 * becomes part of that.
 *
 * @throws CaptureError at the first call, where `body` does what a graph cannot
 */
export function capture<Inputs extends NamedTensorMap, Results extends NamedTensorMap>(
  body: (inputs: Inputs) => Results,
  options: CaptureOptions = {},
): Captured<Inputs, Results> {
  const { precision = 'float32', inOrder = false } = options;
  const graphs = new Map<string, Graph>();
  const forget = (signature: string) => {
    backend.binding.removeFunction((graphs.get(signature) as Graph).name);
    graphs.delete(signature);
  };
  const graphFor = (inputs: Described<Inputs>): Graph => {
    const signature = signatureOf(inputs);
    const graph = graphs.get(signature) ?? makeGraph(body, inputs, { precision, inOrder });
    graphs.delete(signature);
    graphs.set(signature, graph);
    if (graphs.size > mostGraphs) forget(graphs.keys().next().value as string);
    return graph;
  };
  const call = (inputs: Inputs): Results => {
    const outer = tracedPrecision();
    if (eager) return tf.tidy(() => body(inputs));
    if (outer === undefined) return run(graphFor(inputs), inputs) as unknown as Results;
    if (outer === precision) return body(inputs);
    throw new CaptureError(
      `a captured function in ${outer} calls one in ${precision}, which would become part of it: capture both in the same precision`,
    );
  };
  return Object.assign(call, {
    peakBytes: (inputs: Described<Inputs>) => graphFor(inputs).peakBytes,
    dispose: () => [...graphs.keys()].forEach(forget),
  });
}

/**
 * Calls `use`, and meanwhile captured functions are no graphs: their bodies run operator by operator, in float32, so that one
 * can watch them. What `tf.config.run_functions_eagerly` is to TensorFlow's Python.
 */
export function eagerly<T>(use: () => T): T {
  eager = true;
  try {
    return use();
  } finally {
    eager = false;
  }
}

let eager = false;

/** With ever new shapes memory would grow without end: the graph goes that was not used for longest. */
const mostGraphs = 32;

interface Graph extends Omit<Trace, 'definition'> {
  /** Of the function, in TensorFlow. */
  name: string;
  /** Names of the inputs, in the function's order. */
  inputs: string[];
}

let nextName = 0;

function makeGraph<Inputs extends NamedTensorMap>(
  body: (inputs: Inputs) => NamedTensorMap,
  inputs: Described<Inputs>,
  options: Required<CaptureOptions>,
): Graph {
  const name = `captured_${nextName++}`;
  const { definition, ...made } = trace(name, body, inputs, options);
  backend.binding.addFunction(definition);
  return { name, inputs: Object.keys(inputs), ...made };
}

function signatureOf(inputs: Described<NamedTensorMap>): string {
  return Object.entries(inputs)
    .map(([name, { dtype, shape }]) => `${name} ${dtype}[${shape}]`)
    .sort()
    .join();
}

function run({ name, inputs, read, results, written }: Graph, given: NamedTensorMap): NamedTensorMap {
  const gone = [...read, ...written].find(({ isDisposed }) => isDisposed);
  if (gone !== undefined)
    throw new CaptureError(`a variable of shape [${gone.shape}] that a captured function uses was disposed`);
  const taken = [...inputs.map((input) => given[input] as Tensor), ...read];
  const tensors = backend.executeMultipleOutputs(name, [], taken, results.length + written.length);
  for (const [index, variable] of written.entries()) {
    const value = tensors[results.length + index] as Tensor;
    variable.assign(value);
    value.dispose();
  }
  return Object.fromEntries(results.map((result, index) => [result, tensors[index] as Tensor]));
}
