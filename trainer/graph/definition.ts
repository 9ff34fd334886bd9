/** Writes a TensorFlow function down, operation by operation. */
import { createHash } from 'node:crypto';
import type { Precision } from '../../schemas/types/job.ts';
import { type Attribute, backend } from '../native.ts';
import { multipliesBfloat16, roundToBfloat16 } from './bfloat16.ts';
import type { Recorded } from './memory.ts';
import {
  type Argument,
  type AttributeValue,
  decodeOperator,
  encodeFunction,
  type Node,
  type Operator,
  shapeOf,
} from './protobuf.ts';
import { shapeInference } from './shapes.ts';

/** A function did what no graph can do. The message says what, and what to do instead. */
export class CaptureError extends Error {
  override readonly name = 'CaptureError';
}

/** A tensor of a function: where it comes from, its type (one of the binding's TF_FLOAT, TF_INT32, ...), and its shape. */
export interface Reference {
  /** `argument`, or `node:output:index`. */
  readonly source: string;
  readonly dtype: number;
  readonly shape: readonly number[];
}

/** A function in the making. */
export interface Definition {
  /** Another input. */
  input(dtype: number, shape: readonly number[]): Reference;
  /** A constant; equal ones are one. */
  constant(dtype: number, shape: readonly number[], values: ArrayBufferView): Reference;
  /**
   * An operation; gives its outputs. Attributes that follow from its inputs may be left out, and those with a default. It
   * begins when all of `after` are there.
   *
   * @throws CaptureError where the shape of an output does not follow from shapes and constants
   */
  operation(
    name: string,
    attributes: readonly Attribute[],
    inputs: readonly Reference[],
    after?: readonly Reference[],
  ): Reference[];
  /** The serialized FunctionDef of a function with these outputs. */
  encode(name: string, outputs: readonly Reference[]): Uint8Array;
  /** What of a function with these outputs takes memory. */
  recorded(outputs: readonly Reference[]): Recorded;
}

/** TensorFlow's numbers of bfloat16 and of double, which the binding does not export. */
const TF_BFLOAT16 = 14;
export const TF_DOUBLE = 2;

function bytesOf(dtype: number, shape: readonly number[]): number {
  const { TF_FLOAT, TF_INT32, TF_INT64, TF_BOOL, TF_UINT8, TF_COMPLEX64 } = backend.binding;
  const sizes: Record<number, number> = {
    [TF_FLOAT]: 4,
    [TF_INT32]: 4,
    [TF_BFLOAT16]: 2,
    [TF_DOUBLE]: 8,
    [TF_BOOL]: 1,
    [TF_UINT8]: 1,
    [TF_INT64]: 8,
    [TF_COMPLEX64]: 8,
  };
  const size = sizes[dtype];
  if (size === undefined) throw new CaptureError(onlyNumbers);
  return shape.reduce((product, length) => product * length, size);
}

export const onlyNumbers = 'a captured function takes numbers and booleans alone';

function requireKnown(operator: string, shape: readonly number[] | null | undefined): readonly number[] {
  if (shape && !shape.includes(-1)) return shape;
  throw new CaptureError(
    `a captured function called ${operator}, whose result has a shape that depends on values, which are known only when it ` +
      'is called: do that outside and make its result an input, or use an operator whose result always has one shape ' +
      '(a mask in place of a selection)',
  );
}

/** What multiplies matrices, and costs most: the only operators for which fewer bits of their inputs pay. */
const products = new Set(['BatchMatMulV2', 'MatMul']);

/** What gives the numbers that it was given, elsewhere. */
const rearranging = new Set([
  ...['Reshape', 'Transpose', 'Slice', 'SplitV', 'ConcatV2', 'Identity'],
  ...['DescentMergeHeads', 'DescentMergeHeadsGradient'],
]);

/**
 * What XLA leaves to TensorFlow's own kernels, where it compiles at all (on GPUs). That its sums be deterministic, it adds
 * rows to their segments one after the other, in a loop of as many rounds as there are rows; TensorFlow sorts them first.
 * And it has nothing that writes into what it was given.
 */
export const uncompiled: ReadonlySet<string> = new Set(['UnsortedSegmentSum', 'InplaceUpdate']);

/**
 * @param precision with bfloat16, products of float32 matrices are taken of their bfloat16 roundings. TensorFlow adds up in
 *   float32 and rounds the result to bfloat16; everything around it stays float32
 * @param inOrder whether each operation waits for the one before it
 */
export function define(precision: Precision, inOrder: boolean): Definition {
  const inBfloat16 = precision === 'bfloat16';
  const arguments_: { dtype: number; shape: readonly number[] }[] = [];
  const nodes: Node[] = [];
  const operations: Recorded['operations'][number][] = [];
  const constants = new Map<string, Reference>();
  const integers = new Map<string, Node['attr']>();
  const conversions = new Map<string, Reference>();
  /** What has no more than the bits of bfloat16. */
  const rounded = new Set<string>();
  const infer = shapeInference();

  const record = (node: Node, outputs: Reference[]): Reference[] => {
    nodes.push(node);
    operations.push({
      op: node.op,
      ...(node.op === 'SplitV' && { axis: integerOf(integers.get(node.input[2] as string)) }),
      inputs: node.input.filter((source) => !source.startsWith('^')),
      outputs: outputs.map(({ source, dtype, shape }) => ({ source, bytes: bytesOf(dtype, shape) })),
    });
    return outputs;
  };

  const append = (
    name: string,
    attributes: readonly Attribute[],
    inputs: readonly Reference[],
    after: readonly Reference[] = [],
  ): Reference[] => {
    const operator = operatorOf(name);
    const attr = {
      ...defaultsOf(operator),
      ...declared(operator, attributes),
      ...inferred(operator, inputs),
      ...(uncompiled.has(name) && { _XlaCompile: { b: false } }),
    };
    const node = `${name}_${nodes.length}`;
    const shapes = infer(
      name,
      attr,
      inputs.map(({ source, dtype, shape }) => ({ dtype, shape, constant: integers.get(source) })),
    );
    const outputs = operator.outputArg
      .flatMap((output) =>
        typesOf(output, attr).map((dtype, index) => ({ source: `${node}:${output.name}:${index}`, dtype })),
      )
      .map((output, index) => ({ ...output, shape: requireKnown(name, shapes[index]) }));
    const numbers = inputs.filter(({ dtype }) => dtype === backend.binding.TF_FLOAT);
    if (rearranging.has(name) && numbers.every(({ source }) => rounded.has(source)))
      for (const { source } of outputs) rounded.add(source);
    const input = [...inputs.map(({ source }) => source), ...controls(after)];
    return record({ name: node, op: name, input, attr }, outputs);
  };
  const converted = (operator: string, attributes: readonly Attribute[], from: Reference, to: number): Reference => {
    const known = conversions.get(`${from.source} ${to}`);
    const made = known ?? (append(operator, attributes, [from])[0] as Reference);
    conversions.set(`${from.source} ${to}`, made);
    return made;
  };
  const cast = (from: Reference, to: number) =>
    converted('Cast', [{ name: 'DstT', type: backend.binding.TF_ATTR_TYPE, value: to }], from, to);
  const round = (from: Reference) =>
    rounded.has(from.source) ? from : converted(roundToBfloat16, [], from, TF_BFLOAT16);

  return {
    input(dtype, shape) {
      arguments_.push({ dtype, shape });
      return { source: inputName(arguments_.length - 1), dtype, shape };
    },
    constant(dtype, shape, values) {
      const content = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
      const name = `${dtype} [${shape}] ${createHash('sha256').update(content).digest('hex')}`;
      const known = constants.get(name);
      if (known !== undefined) return known;
      const node = `Const_${nodes.length}`;
      const tensor = { dtype, tensorShape: shapeOf(shape), tensorContent: Uint8Array.from(content) };
      const attr = { dtype: { type: dtype }, value: { tensor } };
      const made = { source: `${node}:output:0`, dtype, shape };
      record({ name: node, op: 'Const', input: [], attr }, [made]);
      if (dtype === backend.binding.TF_INT32) integers.set(made.source, attr);
      constants.set(name, made);
      return made;
    },
    operation(name, attributes, inputs, after) {
      const { TF_FLOAT } = backend.binding;
      if (!inBfloat16 || !products.has(name) || inputs.some(({ dtype }) => dtype !== TF_FLOAT)) {
        return append(name, attributes, inputs, after);
      }
      if (!multipliesBfloat16) {
        const products = append(name, attributes, inputs.map(round), after).map(round);
        for (const { source } of products) rounded.add(source);
        return products;
      }
      const halves = inputs.map((input) => cast(input, TF_BFLOAT16));
      return append(name, attributes, halves, after).map((output) => cast(output, TF_FLOAT));
    },
    encode(name, outputs) {
      return encodeFunction({
        signature: {
          name,
          inputArg: arguments_.map(({ dtype }, index) => ({ name: inputName(index), type: dtype })),
          outputArg: outputs.map(({ dtype }, index) => ({ name: outputName(index), type: dtype })),
        },
        nodeDef: inTurn(nodes, outputs, inOrder),
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
    recorded: (outputs) => ({ operations, results: outputs.map(({ source }) => source) }),
  };
}

/** The operator that an output is of; undefined of an input of the function. */
export function operatorOfSource(source: string): string | undefined {
  return /^(.+)_\d+:/.exec(source)?.[1];
}

/**
 * The nodes that the outputs need, each of which waits for the one before it: all of them, or those that have nothing else
 * to wait for.
 * TensorFlow would run those that need inputs of the function alone at once, and their results would lie about until the
 * end: scaled moments of an optimizer while the loss is computed, each as large as the model.
 */
function inTurn(nodes: readonly Node[], outputs: readonly Reference[], all: boolean): Node[] {
  const needed = new Set(outputs.map(({ source }) => nodeOf(source))); // a control edge keeps what nobody needs alive
  for (const { name, input } of nodes.toReversed())
    if (needed.has(name)) for (const source of input) needed.add(nodeOf(source));
  const made = new Set<string>();
  let last: string | undefined;
  return nodes
    .filter(({ name }) => needed.has(name))
    .map((node) => {
      if (node.op === 'Const') return node;
      const waits = !all && node.input.some((source) => made.has(nodeOf(source)));
      const before = last;
      last = node.name;
      made.add(node.name);
      return waits || before === undefined ? node : { ...node, input: [...node.input, `^${before}`] };
    });
}

/** The value of a constant that is one integer; undefined of anything else. */
function integerOf(constant: Node['attr'] | undefined): number | undefined {
  const content = constant?.value?.tensor?.tensorContent;
  return content?.byteLength === 4 ? new DataView(content.buffer, content.byteOffset).getInt32(0, true) : undefined;
}

const nodeOf = (source: string) => source.replace(/^\^/, '').split(':')[0] as string;

/** Edges that order and carry nothing: `^node`. What a function is given is there from its beginning. */
function controls(after: readonly Reference[]): string[] {
  return after.flatMap(({ source }) => (source.includes(':') ? [`^${nodeOf(source)}`] : []));
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
