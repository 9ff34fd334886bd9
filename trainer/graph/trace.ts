/** Goes through a function once, without computing anything, and writes down what it does. */
import type { DataType, NamedTensorMap, Tensor, TensorInfo, Variable } from '@tensorflow/tfjs-node';
import type { Precision } from '../../schemas/types/job.ts';
import { backend, type NativeBackend } from '../native.ts';
import { tf } from '../tf.ts';
import {
  CaptureError,
  type Definition,
  define,
  onlyNumbers,
  operatorOfSource,
  type Reference,
  TF_DOUBLE,
} from './definition.ts';
import { peakBytes } from './memory.ts';

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
  /** What a call takes at most beside inputs and variables: see `peakBytes`. */
  peakBytes: number;
}

/** Types and shapes of a function's inputs: tensors, or as much as is known of them. */
export type Described<Inputs> = { [name in keyof Inputs]: Info };

interface Info {
  dtype: DataType;
  shape: number[];
}

/**
 * Runs `body` once on tensors that have a type and a shape but no values, and writes down each operator that it calls.
 * The run has no effect: variables are as before, and its tensors are gone.
 *
 * @param name of the function that is defined
 * @throws CaptureError
 */
export function trace<Inputs extends NamedTensorMap>(
  name: string,
  body: (inputs: Inputs) => NamedTensorMap,
  inputs: Described<Inputs>,
  { precision, inOrder }: { precision: Precision; inOrder: boolean },
): Trace {
  const variables = registeredVariables();
  const definition = define(precision, inOrder);
  const book = keepBook(definition);
  const kept: Tensor[] = [];
  const isLeft = (tensor: Tensor) => !tensor.isDisposed && book.isComputed(tensor.dataId) && !isTaped(tensor);
  const engine = tf.engine();
  engine.startScope();
  try {
    const given = Object.entries<Info>(inputs).map(([input, info]) => [input, valueless(info)] as const);
    return onAliases(variables, book, () => {
      for (const [, tensor] of given) book.enter(tensor, inputOf(definition, tensor));
      const results = watch(precision, book, kept, () => body(Object.fromEntries(given) as Inputs));
      requireResults(results);
      requireNothingLeft(newVariables(variables).length, kept.filter(isLeft).length);
      const written = variables.filter(book.isWritten);
      const outputs = [...Object.values(results), ...written].map(book.refer);
      return {
        definition: definition.encode(name, outputs),
        results: Object.keys(results),
        read: book.read,
        written,
        peakBytes: peakBytes(definition.recorded(outputs)),
      };
    });
  } finally {
    engine.endScope();
    tf.dispose([...newVariables(variables), ...kept.filter(isLeft)]);
  }
}

/** The precision of the function that is being traced just now, or undefined. */
export function tracedPrecision(): Precision | undefined {
  return traced;
}

let traced: Precision | undefined;

/** What the operators that are called just now have to wait for. */
let awaited: readonly TensorInfo[] = [];

/**
 * `x`, but in a graph not before `others` are there. TensorFlow computes side by side what does not follow from one
 * another, and holds all of it at once: where that is large, this puts it in turn. Eagerly everything is.
 */
export function after<T extends Tensor>(x: T, others: readonly TensorInfo[]): T {
  if (traced === undefined) return x;
  const { TF_ATTR_TYPE } = backend.binding;
  awaited = others;
  try {
    return backend.executeSingleOutput(
      'Identity',
      [{ name: 'T', type: TF_ATTR_TYPE, value: backend.getDTypeInteger(x.dtype) }],
      [x],
    ) as T;
  } finally {
    awaited = [];
  }
}

/** Which tensor of a run is what in its function. Tensors are known by their dataId. */
interface Book {
  /** Variables whose values were taken, in the order of the inputs that they became. */
  read: Variable[];
  /** Says which dataId a variable has while its function is traced. */
  alias(variable: Variable): void;
  enter(tensor: TensorInfo, reference: Reference): void;
  /** What a tensor is. A variable becomes an input when it is first read; what is not known is a constant. */
  refer(tensor: TensorInfo): Reference;
  /** Writes an operation down, and gives its outputs. */
  call(operator: string, attributes: Attributes, inputs: TensorInfo[]): Tensor[];
  /** Whether a tensor follows from inputs and variables, so that it has no values. */
  isComputed(dataId: object): boolean;
  /** What a computed tensor is, in words. */
  describe(dataId: object): string;
  isWritten(variable: Variable): boolean;
}

type Attributes = Parameters<NativeBackend['executeSingleOutput']>[1];

function keepBook(definition: Definition): Book {
  const references = new Map<object, Reference>();
  const constants = new Map<object, Reference>();
  const before = new Map<object, Variable>();
  const read: Variable[] = [];
  const constant = (tensor: TensorInfo) => {
    const made = constantOf(definition, tensor);
    constants.set(tensor.dataId, made);
    return made;
  };
  const book: Book = {
    read,
    alias(variable) {
      before.set(variable.dataId, variable);
    },
    enter({ dataId }, reference) {
      references.set(dataId, reference);
    },
    refer(tensor) {
      const known = references.get(tensor.dataId) ?? constants.get(tensor.dataId);
      if (known !== undefined) return known;
      const variable = before.get(tensor.dataId);
      if (variable === undefined) return constant(tensor);
      const reference = inputOf(definition, tensor);
      references.set(tensor.dataId, reference);
      read.push(variable);
      return reference;
    },
    call(operator, attributes, inputs) {
      const { TF_FLOAT } = backend.binding; // what TensorFlow.js, which has no doubles, takes one for; what it is the book knows
      return definition
        .operation(operator, attributes, inputs.map(book.refer), awaited.map(book.refer))
        .map((reference) => {
          const tensor = backend.createOutputTensor({
            id: noHandle,
            shape: [...reference.shape],
            dtype: reference.dtype === TF_DOUBLE ? TF_FLOAT : reference.dtype,
          });
          book.enter(tensor, reference);
          return tensor;
        });
    },
    isComputed: (dataId) => references.has(dataId) || before.has(dataId),
    describe(dataId) {
      if (before.has(dataId)) return 'a variable';
      const operator = operatorOfSource(references.get(dataId)?.source ?? '');
      return operator === undefined ? 'an input' : `a result of ${operator}`;
    },
    isWritten: (variable) => before.get(variable.dataId) !== variable,
  };
  return book;
}

/**
 * Runs with each variable under a dataId of its own, and then puts back what it had. Otherwise variables could not be told
 * apart: one has the dataId of the tensor that it was last assigned, or made from.
 */
function onAliases<T>(variables: readonly Variable[], book: Book, run: () => T): T {
  const before = variables.map((variable) => variable.clone());
  try {
    for (const variable of variables) {
      variable.assign(valueless(variable));
      book.alias(variable);
    }
    return run();
  } finally {
    for (const [index, variable] of variables.entries()) variable.assign(before[index] as Tensor);
  }
}

/** Runs a function while the backend's calls are written in a book, and what it keeps (tf.keep) is collected. */
function watch<T>(precision: Precision, book: Book, kept: Tensor[], run: () => T): T {
  const engine = tf.engine();
  const { executeSingleOutput, executeMultipleOutputs, readSync } = backend;
  const { keep } = engine;
  const watched: Partial<NativeBackend> = {
    executeSingleOutput: (...call) => book.call(...call)[0] as Tensor,
    executeMultipleOutputs: (operator, attributes, inputs) => book.call(operator, attributes, inputs),
    readSync(dataId) {
      if (!book.isComputed(dataId)) return readSync.call(backend, dataId);
      throw new CaptureError(
        `a captured function read the values of a tensor, ${book.describe(dataId)} (with dataSync, data, array or print, or ` +
          'in an operator of TensorFlow.js that looks at them): they are known only when it is called; make the tensor one ' +
          'of its results and read that',
      );
    },
  };
  traced = precision;
  Object.assign(backend, watched);
  engine.keep = (tensor) => {
    kept.push(tensor);
    return keep.call(engine, tensor) as typeof tensor;
  };
  try {
    return run();
  } finally {
    Object.assign(backend, { executeSingleOutput, executeMultipleOutputs, readSync });
    engine.keep = keep;
    traced = undefined;
  }
}

/** Whether a gradient around the captured function holds a tensor, and will free it. */
function isTaped(tensor: Tensor): boolean {
  const tape = tf.engine().state.activeTape ?? [];
  return tape.some(({ saved }) => saved?.includes(tensor));
}

function registeredVariables(): Variable[] {
  return Object.values(tf.engine().registeredVariables);
}

function newVariables(before: readonly Variable[]): Variable[] {
  const known = new Set(before);
  return registeredVariables().filter((variable) => !known.has(variable));
}

/** The handle of a tensor that has no values. */
const noHandle = -1;

/** A tensor of this type and shape, without values. */
function valueless({ dtype, shape }: Info): Tensor {
  if (dtype === 'string') throw new CaptureError(onlyNumbers);
  return backend.createOutputTensor({ id: noHandle, shape, dtype: backend.getDTypeInteger(dtype) });
}

function inputOf(definition: Definition, { dataId, shape }: TensorInfo): Reference {
  return definition.input(backend.tensorMap.get(dataId).dtype, shape);
}

/** Of a tensor that was made from values, or outside of the function. */
function constantOf(definition: Definition, { dataId }: TensorInfo): Reference {
  const { shape, dtype, values } = backend.tensorMap.get(dataId);
  const known = values ?? backend.readSync(dataId);
  if (!ArrayBuffer.isView(known)) throw new CaptureError(onlyNumbers);
  return definition.constant(dtype, shape, known);
}

function requireResults(results: unknown): asserts results is NamedTensorMap {
  const isMap = typeof results === 'object' && results !== null && !('then' in results);
  if (isMap && Object.values(results).every((result) => result instanceof tf.Tensor)) return;
  throw new CaptureError('a captured function gives a record of tensors, and at once: no promise');
}

function requireNothingLeft(variables: number, kept: number): void {
  if (variables > 0) throw new CaptureError('a captured function made a variable: make it outside and assign to it');
  if (kept === 0) return;
  throw new CaptureError(
    'a captured function kept a tensor (tf.keep): it has values only during a call; make it one of the results, or assign ' +
      'it to a variable',
  );
}
