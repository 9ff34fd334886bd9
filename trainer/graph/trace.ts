/** Watches a function run once, and writes down what it does. */
import type { NamedTensorMap, Tensor, TensorInfo, Variable } from '@tensorflow/tfjs-node';
import { backend, type NativeBackend } from '../native.ts';
import { tf } from '../tf.ts';
import type { Definition, Reference } from './definition.ts';

/** A function did what no graph can do. The message says what, and what to do instead. */
export class CaptureError extends Error {
  override readonly name = 'CaptureError';
}

/** What a function does. */
export interface Trace {
  /** The serialized FunctionDef, from the inputs in their order and what is `read` to the `results` and what is `written`. */
  definition: Uint8Array;
  /** Names of the results. */
  results: string[];
  /** The variables whose values it takes. */
  read: Variable[];
  /** The variables that it assigns to. */
  written: Variable[];
}

/**
 * Runs `body` once, eagerly, on these inputs, and writes down each operator that it calls. The run has no effect:
 * variables are as before, and its tensors are gone.
 *
 * @param name of the function that is defined
 * @throws CaptureError
 */
export function trace<Inputs extends NamedTensorMap>(
  name: string,
  body: (inputs: Inputs) => NamedTensorMap,
  inputs: Inputs,
  definition: Definition,
): Trace {
  const variables = registeredVariables();
  const made: Trace[] = [];
  tf.tidy(() => {
    const aliases = Object.entries(inputs).map(([input, tensor]) => [input, aliasOf(tensor)] as const);
    onAliases(variables, () => {
      const book = keepBook(definition, variables);
      for (const [, alias] of aliases) book.enter(alias, inputOf(definition, alias));
      const results = watch(() => body(Object.fromEntries(aliases) as Inputs), {
        called(operator, attributes, inputs, run) {
          const outputs = definition.operation(operator, attributes, inputs.map(book.refer));
          const tensors = run();
          for (const [index, tensor] of tensors.entries()) book.enter(tensor, outputs[index] as Reference);
          return tensors;
        },
        isComputed: book.isComputed,
      });
      requireResults(results);
      const written = variables.filter(book.isWritten);
      const outputs = [...Object.values(results), ...written].map(book.refer);
      made.push({
        definition: definition.encode(name, outputs),
        results: Object.keys(results),
        read: book.read,
        written,
      });
    });
  });
  if (registeredVariables().length > variables.length) {
    throw new CaptureError('a captured function made a variable: make it outside and assign to it');
  }
  return made[0] as Trace;
}

/** Which tensor of a run is what in its function. Tensors are known by their dataId. */
interface Book {
  /** Variables whose values were taken, in the order of the inputs that they became. */
  read: Variable[];
  enter(tensor: TensorInfo, reference: Reference): void;
  /** What a tensor is. A variable becomes an input when it is first read; what is not known is a constant. */
  refer(tensor: TensorInfo): Reference;
  /** Whether a tensor follows from inputs and variables, so that its values are no constants. */
  isComputed(dataId: object): boolean;
  isWritten(variable: Variable): boolean;
}

function keepBook(definition: Definition, variables: readonly Variable[]): Book {
  const references = new Map<object, Reference>();
  const before = new Map(variables.map((variable) => [variable.dataId as object, variable]));
  const read: Variable[] = [];
  return {
    read,
    enter({ dataId }, reference) {
      references.set(dataId, reference);
    },
    refer(tensor) {
      const known = references.get(tensor.dataId);
      if (known !== undefined) return known;
      const variable = before.get(tensor.dataId);
      if (variable === undefined) return constantOf(definition, tensor);
      const reference = inputOf(definition, tensor);
      references.set(tensor.dataId, reference);
      read.push(variable);
      return reference;
    },
    isComputed: (dataId) => references.has(dataId) || before.has(dataId),
    isWritten: (variable) => before.get(variable.dataId) !== variable,
  };
}

/**
 * Runs with each variable under a dataId of its own, and then puts back what it had. Otherwise variables could not be told
 * apart: one has the dataId of the tensor that it was last assigned, or made from.
 */
function onAliases(variables: readonly Variable[], run: () => void): void {
  const before = variables.map((variable) => variable.clone());
  try {
    for (const variable of variables) variable.assign(aliasOf(variable));
    run();
  } finally {
    for (const [index, variable] of variables.entries()) variable.assign(before[index] as Tensor);
  }
}

/** Who is told what a run does. */
interface Watcher {
  /** An operator is called; `run` runs it. */
  called(operator: string, attributes: Attributes, inputs: TensorInfo[], run: () => Tensor[]): Tensor[];
  isComputed(dataId: object): boolean;
}

type Attributes = Parameters<NativeBackend['executeSingleOutput']>[1];

let watching = false;

/** Whether a function is being watched just now. */
export function isTracing(): boolean {
  return watching;
}

/** Runs a function while the backend's calls go by way of a watcher. */
function watch<T>(run: () => T, { called, isComputed }: Watcher): T {
  const { executeSingleOutput, executeMultipleOutputs, readSync } = backend;
  const watched: Partial<NativeBackend> = {
    executeSingleOutput: (...call) =>
      called(call[0], call[1], call[2], () => [executeSingleOutput.apply(backend, call)])[0] as Tensor,
    executeMultipleOutputs: (...call) =>
      called(call[0], call[1], call[2], () => executeMultipleOutputs.apply(backend, call)),
    readSync(dataId) {
      if (!isComputed(dataId)) return readSync.call(backend, dataId);
      throw new CaptureError(
        'a captured function read the values of a tensor (dataSync, data, array, print): they are known only when it is ' +
          'called; make the tensor one of its results and read that',
      );
    },
  };
  watching = true;
  Object.assign(backend, watched);
  try {
    return run();
  } finally {
    Object.assign(backend, { executeSingleOutput, executeMultipleOutputs, readSync });
    watching = false;
  }
}

function registeredVariables(): Variable[] {
  return Object.values(tf.engine().registeredVariables);
}

/** The same values, not copied, under a dataId of their own. */
function aliasOf(tensor: Tensor): Tensor {
  const type = { name: 'T', type: backend.binding.TF_ATTR_TYPE, value: backend.tensorMap.get(tensor.dataId).dtype };
  return backend.executeSingleOutput('Identity', [type], [tensor]);
}

function inputOf(definition: Definition, { dataId, shape }: TensorInfo): Reference {
  return definition.input(backend.tensorMap.get(dataId).dtype, shape);
}

/** Of a tensor that was made from values, or outside of the function. */
function constantOf(definition: Definition, { dataId }: TensorInfo): Reference {
  const { shape, dtype, values } = backend.tensorMap.get(dataId);
  const known = values ?? backend.readSync(dataId);
  if (!ArrayBuffer.isView(known)) throw new CaptureError('a captured function takes numbers and booleans alone');
  return definition.constant(dtype, shape, known);
}

function requireResults(results: unknown): asserts results is NamedTensorMap {
  const isMap = typeof results === 'object' && results !== null && !('then' in results);
  if (isMap && Object.values(results).every((result) => result instanceof tf.Tensor)) return;
  throw new CaptureError('a captured function gives a record of tensors, and at once: no promise');
}
