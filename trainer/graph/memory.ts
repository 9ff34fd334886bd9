/** How much memory a call of a captured function takes, read off its operations. */

/** A function, as far as its memory goes. */
export interface Recorded {
  /** In an order in which they can run. */
  operations: readonly {
    op: string;
    /** What each input is: an output below, or an input of the function. */
    inputs: readonly string[];
    outputs: readonly { source: string; bytes: number }[];
    /** Of a split, the axis that it is along, where that is known. */
    axis?: number | undefined;
  }[];
  /** What the function gives. */
  results: readonly string[];
}

/** Operators whose result is their first input's memory under another shape. */
const views = new Set(['ExpandDims', 'Identity', 'Reshape', 'Squeeze', 'StopGradient']);

/** Whether results are the first input's memory: along the first axis a split copies nothing where its parts are whole cache lines. */
function isView({ op, outputs, axis }: Recorded['operations'][number]): boolean {
  return views.has(op) || (op === 'SplitV' && axis === 0 && outputs.every(({ bytes }) => bytes % 64 === 0));
}

/**
 * The most bytes that tensors of one call take at a time: intermediates, results and constants, but none of its inputs
 * (variables among them), which are there anyway.
 *
 * Of operations that run one after the other in their order, each with its results in new memory, which is free again after
 * its last use; results stay, and constants are there all along. For that order it is a bound from above: TensorFlow leaves
 * out what no result needs, and lets results take the place of inputs. Not in it are what kernels use for themselves, and
 * TensorFlow's further copies of constants; and operations that do not wait for each other may run in another order.
 */
export function peakBytes({ operations, results }: Recorded): number {
  const memories = new Map<string, Memory>();
  for (const [index, operation] of operations.entries()) {
    const { op, inputs, outputs } = operation;
    const viewed = isView(operation) ? memories.get(inputs[0] as string) : undefined;
    const isFree = isView(operation) && viewed === undefined; // a view of an input of the function
    const [from, until] = op === 'Const' ? [0, operations.length] : [index, index];
    for (const { source, bytes } of outputs) {
      if (viewed !== undefined) memories.set(source, viewed);
      else if (!isFree) memories.set(source, { bytes, from, until });
    }
    for (const input of inputs) extend(memories.get(input), index);
  }
  for (const result of results) extend(memories.get(result), operations.length);

  const changes = new Float64Array(operations.length + 2);
  for (const { bytes, from, until } of new Set(memories.values())) {
    changes[from] = (changes[from] as number) + bytes;
    changes[until + 1] = (changes[until + 1] as number) - bytes;
  }
  let [taken, most] = [0, 0];
  for (const change of changes) {
    taken += change;
    most = Math.max(most, taken);
  }
  return most;
}

/** A stretch of memory, and the operations from which and up to which it is held. */
interface Memory {
  bytes: number;
  from: number;
  until: number;
}

function extend(memory: Memory | undefined, until: number): void {
  if (memory !== undefined) memory.until = Math.max(memory.until, until);
}
