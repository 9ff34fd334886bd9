/** Writes a TensorFlow function down, operation by operation. */
import { type Attribute, backend } from '../native.ts';
import {
  type Argument,
  type AttributeValue,
  decodeOperator,
  encodeFunction,
  type Node,
  type Operator,
  shapeOf,
} from './protobuf.ts';

/** A tensor of a function: where it comes from, and its type (one of the binding's TF_FLOAT, TF_INT32, ...). */
export interface Reference {
  /** `argument`, or `node:output:index`. */
  readonly source: string;
  readonly dtype: number;
}

/** A function in the making. */
export interface Definition {
  /** Another input. */
  input(dtype: number, shape: readonly number[]): Reference;
  /** A constant; equal ones are one. */
  constant(dtype: number, shape: readonly number[], values: ArrayBufferView): Reference;
  /** An operation; gives its outputs. Attributes that follow from its inputs may be left out, and those with a default. */
  operation(name: string, attributes: readonly Attribute[], inputs: readonly Reference[]): Reference[];
  /** The serialized FunctionDef of a function with these outputs. */
  encode(name: string, outputs: readonly Reference[]): Uint8Array;
}

/** TensorFlow's number of bfloat16, which the binding does not export. */
const TF_BFLOAT16 = 14;

/** What multiplies matrices, and costs most: the only operators for which fewer bits of their inputs pay. */
const products = new Set(['BatchMatMulV2', 'MatMul']);

/**
 * @param halved whether products of float32 matrices are taken of their bfloat16 roundings. TensorFlow adds up in float32
 *   and rounds the result to bfloat16; everything around it stays float32
 */
export function define(halved: boolean): Definition {
  const arguments_: { dtype: number; shape: readonly number[] }[] = [];
  const nodes: Node[] = [];
  const constants = new Map<string, Reference>();
  const casts = new Map<string, Reference>();

  const append = (name: string, attributes: readonly Attribute[], inputs: readonly Reference[]): Reference[] => {
    const operator = operatorOf(name);
    const attr = { ...defaultsOf(operator), ...declared(operator, attributes), ...inferred(operator, inputs) };
    const node = `${name}_${nodes.length}`;
    nodes.push({ name: node, op: name, input: inputs.map(({ source }) => source), attr });
    return operator.outputArg.flatMap((output) =>
      typesOf(output, attr).map((dtype, index) => ({ source: `${node}:${output.name}:${index}`, dtype })),
    );
  };
  const cast = (from: Reference, to: number): Reference => {
    const known = casts.get(`${from.source} ${to}`);
    const attributes = [{ name: 'DstT', type: backend.binding.TF_ATTR_TYPE, value: to }];
    const made = known ?? (append('Cast', attributes, [from])[0] as Reference);
    casts.set(`${from.source} ${to}`, made);
    return made;
  };

  return {
    input(dtype, shape) {
      arguments_.push({ dtype, shape });
      return { source: inputName(arguments_.length - 1), dtype };
    },
    constant(dtype, shape, values) {
      const content = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
      const name = `${dtype} [${shape}] ${content.toString('latin1')}`;
      const known = constants.get(name);
      if (known !== undefined) return known;
      const node = `Const_${nodes.length}`;
      const tensor = { dtype, tensorShape: shapeOf(shape), tensorContent: Uint8Array.from(content) };
      nodes.push({ name: node, op: 'Const', input: [], attr: { dtype: { type: dtype }, value: { tensor } } });
      const made = { source: `${node}:output:0`, dtype };
      constants.set(name, made);
      return made;
    },
    operation(name, attributes, inputs) {
      const { TF_FLOAT } = backend.binding;
      if (!halved || !products.has(name) || inputs.some(({ dtype }) => dtype !== TF_FLOAT)) {
        return append(name, attributes, inputs);
      }
      const rounded = inputs.map((input) => cast(input, TF_BFLOAT16));
      return append(name, attributes, rounded).map((output) => cast(output, TF_FLOAT));
    },
    encode(name, outputs) {
      return encodeFunction({
        signature: {
          name,
          inputArg: arguments_.map(({ dtype }, index) => ({ name: inputName(index), type: dtype })),
          outputArg: outputs.map(({ dtype }, index) => ({ name: outputName(index), type: dtype })),
        },
        nodeDef: nodes,
        ret: Object.fromEntries(outputs.map(({ source }, index) => [outputName(index), source])),
        // What is known of the shapes lets TensorFlow simplify more before it runs the function.
        argAttr: Object.fromEntries(
          arguments_.map(({ shape }, index) => [
            index,
            { attr: { _output_shapes: { list: { shape: [shapeOf(shape)] } } } },
          ]),
        ),
      });
    },
  };
}

const inputName = (index: number) => `in${index}`;
const outputName = (index: number) => `out${index}`;

const operators = new Map<string, Operator>();

function operatorOf(name: string): Operator {
  const operator = operators.get(name) ?? decodeOperator(backend.binding.operatorDefinition(name));
  operators.set(name, operator);
  return operator;
}

function defaultsOf({ attr }: Operator): Record<string, AttributeValue> {
  return Object.fromEntries(attr.flatMap(({ name, defaultValue }) => (defaultValue ? [[name, defaultValue]] : [])));
}

/** The attributes of a call that the operator has; eager calls carry others too, and TensorFlow does not look at them. */
function declared({ attr }: Operator, attributes: readonly Attribute[]): Record<string, AttributeValue> {
  const known = new Set(attr.map(({ name }) => name));
  return Object.fromEntries(
    attributes.filter(({ name }) => known.has(name)).map((attribute) => [attribute.name, attributeValue(attribute)]),
  );
}

function attributeValue({ name, type, value }: Attribute): AttributeValue {
  const { TF_ATTR_TYPE, TF_ATTR_BOOL, TF_ATTR_INT, TF_ATTR_FLOAT, TF_ATTR_STRING, TF_ATTR_SHAPE } = backend.binding;
  switch (type) {
    case TF_ATTR_TYPE:
      return { type: value as number };
    case TF_ATTR_BOOL:
      return Array.isArray(value) ? { list: { b: value } } : { b: value as boolean };
    case TF_ATTR_INT:
      return Array.isArray(value) ? { list: { i: value } } : { i: value as number };
    case TF_ATTR_FLOAT:
      return Array.isArray(value) ? { list: { f: value } } : { f: value as number };
    case TF_ATTR_STRING:
      return { s: Buffer.from(value as string) };
    case TF_ATTR_SHAPE:
      return { shape: shapeOf(value as number[]) };
    default:
      throw new TypeError(`the attribute ${name} has the unknown type ${type}`);
  }
}

/** Types and counts that follow from the inputs of a call. Eager TensorFlow finds them itself; a function spells them out. */
function inferred({ inputArg }: Operator, inputs: readonly Reference[]): Record<string, AttributeValue> {
  const attr: Record<string, AttributeValue> = {};
  let at = 0;
  for (const { typeAttr, numberAttr, typeListAttr } of inputArg) {
    // An input that is several tensors takes those that are left when every other input has its one.
    const count = numberAttr || typeListAttr ? inputs.length - inputArg.length + 1 : 1;
    const types = inputs.slice(at, at + count).map(({ dtype }) => dtype);
    if (typeAttr) attr[typeAttr] = { type: types[0] as number };
    if (numberAttr) attr[numberAttr] = { i: count };
    if (typeListAttr) attr[typeListAttr] = { list: { type: types } };
    at += count;
  }
  return attr;
}

/** The types of the tensors of an output. */
function typesOf(
  { type, typeAttr, numberAttr, typeListAttr }: Argument,
  attr: Record<string, AttributeValue>,
): number[] {
  if (typeListAttr) return attr[typeListAttr]?.list?.type ?? [];
  const each = typeAttr ? (attr[typeAttr]?.type as number) : type;
  return Array.from({ length: numberAttr ? Number(attr[numberAttr]?.i) : 1 }, () => each);
}
