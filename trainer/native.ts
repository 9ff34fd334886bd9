/** What tfjs-node's backend has besides its public type: TensorFlow's operators by name, and its tensors by handle. */
import type { DataType, Tensor, TensorInfo } from '@tensorflow/tfjs-node';
import { tf } from './tf.ts';

/** An attribute of an operator; `type` is one of the binding's TF_ATTR_... */
export interface Attribute {
  name: string;
  type: number;
  value: unknown;
}

/** Where the values of a tensor lie, by its dataId. */
export interface TensorData {
  shape: number[];
  /** One of the binding's TF_FLOAT, TF_INT32, ... */
  dtype: number;
  /** Values that TensorFlow was not yet given; null where it has them. */
  values: Float32Array | Int32Array | Uint8Array | null;
}

type AttributeType =
  | 'TF_ATTR_TYPE'
  | 'TF_ATTR_BOOL'
  | 'TF_ATTR_INT'
  | 'TF_ATTR_FLOAT'
  | 'TF_ATTR_STRING'
  | 'TF_ATTR_SHAPE';

type NumberType = 'TF_FLOAT' | 'TF_INT32' | 'TF_INT64' | 'TF_BOOL' | 'TF_UINT8' | 'TF_COMPLEX64';

/** The native module. Its functions here are of our making: scripts/setup/binding.cc. */
export interface Binding extends Readonly<Record<AttributeType | NumberType, number>> {
  /** Makes a serialized FunctionDef callable, as an operator of its name. */
  addFunction(definition: Uint8Array): void;
  /** Forgets a function. */
  removeFunction(name: string): void;
  /** The serialized OpDef of an operator. */
  operatorDefinition(name: string): Uint8Array;
  /**
   * The shapes of the outputs of an operation of a serialized GraphDef, of which nothing is run; -1 is a length that does
   * not follow from what the graph says, and null where not even their number does.
   */
  inferShapes(graph: Uint8Array, operation: string): (number[] | null)[];
  /** The serialized KernelList of an operator: for which devices and types TensorFlow implements it. */
  registeredKernels(name: string): Uint8Array;
}

export interface NativeBackend {
  readonly binding: Binding;
  readonly tensorMap: { get(dataId: object): TensorData };
  executeSingleOutput(name: string, attributes: Attribute[], inputs: TensorInfo[]): Tensor;
  executeMultipleOutputs(name: string, attributes: Attribute[], inputs: TensorInfo[], outputs: number): Tensor[];
  /** The binding's number of a type. */
  getDTypeInteger(dtype: DataType): number;
  /** A tensor of a handle; -1 is none, of a tensor that has no values. */
  createOutputTensor(metadata: { id: number; shape: number[]; dtype: number }): Tensor;
  readSync(dataId: object): Float32Array | Int32Array | Uint8Array;
}

export const backend = tf.backend() as unknown as NativeBackend;

const { TF_ATTR_TYPE, TF_ATTR_BOOL, TF_ATTR_INT, TF_ATTR_FLOAT, TF_FLOAT } = backend.binding;

/** Attributes of operators: a type, one of the binding's TF_FLOAT, TF_INT32, ...; a truth; a whole number; a number. */
export const type = (name: string, value = TF_FLOAT): Attribute => ({ name, type: TF_ATTR_TYPE, value });
export const flag = (name: string, value: boolean): Attribute => ({ name, type: TF_ATTR_BOOL, value });
export const integer = (name: string, value: number): Attribute => ({ name, type: TF_ATTR_INT, value });
export const number = (name: string, value: number): Attribute => ({ name, type: TF_ATTR_FLOAT, value });

/** Runs an operator that gives one tensor. */
export const run = (name: string, attributes: Attribute[], ...inputs: Tensor[]): Tensor =>
  backend.executeSingleOutput(name, attributes, inputs);

/** The same of one with several outputs. */
export const several = (name: string, attributes: Attribute[], inputs: Tensor[], outputs: number): Tensor[] =>
  backend.executeMultipleOutputs(name, attributes, inputs, outputs);
