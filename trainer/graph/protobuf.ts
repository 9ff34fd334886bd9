/** The messages of TensorFlow that make up functions and graphs: those fields of them that are used here. */
import protobuf from 'protobufjs';

/** Of tensorflow/core/framework/{function,graph,versions,node_def,attr_value,op_def,tensor,tensor_shape}.proto. */
const schema = `
syntax = "proto3";
message FunctionDef {
  OpDef signature = 1;
  repeated NodeDef node_def = 3;
  map<string, string> ret = 4;
  map<string, AttrValue> attr = 5;
  map<uint32, ArgAttrs> arg_attr = 7;
}
message GraphDef {
  repeated NodeDef node = 1;
  VersionDef versions = 4;
}
message VersionDef { int32 producer = 1; }
message ArgAttrs { map<string, AttrValue> attr = 1; }
message NodeDef {
  string name = 1;
  string op = 2;
  repeated string input = 3;
  map<string, AttrValue> attr = 5;
}
message AttrValue {
  message ListValue {
    repeated int64 i = 3;
    repeated float f = 4;
    repeated bool b = 5;
    repeated int32 type = 6;
    repeated TensorShapeProto shape = 7;
  }
  oneof value {
    ListValue list = 1;
    bytes s = 2;
    int64 i = 3;
    float f = 4;
    bool b = 5;
    int32 type = 6;
    TensorShapeProto shape = 7;
    TensorProto tensor = 8;
  }
}
message OpDef {
  message ArgDef {
    string name = 1;
    int32 type = 3;
    string type_attr = 4;
    string number_attr = 5;
    string type_list_attr = 6;
  }
  message AttrDef {
    string name = 1;
    AttrValue default_value = 3;
  }
  string name = 1;
  repeated ArgDef input_arg = 2;
  repeated ArgDef output_arg = 3;
  repeated AttrDef attr = 4;
}
message TensorProto {
  int32 dtype = 1;
  TensorShapeProto tensor_shape = 2;
  bytes tensor_content = 4;
}
message TensorShapeProto {
  message Dim { int64 size = 1; }
  repeated Dim dim = 2;
}`;

const { root } = protobuf.parse(schema);
const [functionType, graphType, operatorType] = ['FunctionDef', 'GraphDef', 'OpDef'].map((name) =>
  root.lookupType(name),
) as [protobuf.Type, protobuf.Type, protobuf.Type];

export interface TensorShape {
  dim: { size: number }[];
}

/** The value of an attribute: one of these. */
export interface AttributeValue {
  list?: { i?: number[]; f?: number[]; b?: boolean[]; type?: number[]; shape?: TensorShape[] };
  s?: Uint8Array;
  i?: number;
  f?: number;
  b?: boolean;
  type?: number;
  shape?: TensorShape;
  tensor?: { dtype: number; tensorShape: TensorShape; tensorContent: Uint8Array };
}

/** An operation of a function's body. */
export interface Node {
  name: string;
  op: string;
  /** `argument`, or `node:output:index`. */
  input: string[];
  attr: Record<string, AttributeValue>;
}

/** An input or output of an operator or function. */
export interface Argument {
  name: string;
  /** Its type where that is fixed, else 0. */
  type: number;
  /** The attribute that says its type. */
  typeAttr?: string;
  /** The attribute that says how many tensors it is. */
  numberAttr?: string;
  /** The attribute that lists the types of the tensors that it is. */
  typeListAttr?: string;
}

/** What TensorFlow knows of an operator. */
export interface Operator {
  name: string;
  inputArg: Argument[];
  outputArg: Argument[];
  attr: { name: string; defaultValue: AttributeValue | null }[];
}

export interface FunctionDefinition {
  signature: { name: string; inputArg: Argument[]; outputArg: Argument[] };
  nodeDef: Node[];
  /** What each output is, as in `Node.input`. */
  ret: Record<string, string>;
  attr?: Record<string, AttributeValue>;
  /** Attributes of the inputs, by index. */
  argAttr: Record<number, { attr: Record<string, AttributeValue> }>;
}

export function encodeFunction(definition: FunctionDefinition): Uint8Array {
  return functionType.encode(functionType.fromObject(definition)).finish();
}

/** TensorFlow is lenient with graphs of early versions of the format (below 30), so these say a late one. */
const versions = { producer: 1000 };

/** The serialized GraphDef of these nodes; an input of one is the name of another. */
export function encodeGraph(node: readonly Node[]): Uint8Array {
  return graphType.encode(graphType.fromObject({ node, versions })).finish();
}

export function decodeOperator(bytes: Uint8Array): Operator {
  return operatorType.decode(bytes) as unknown as Operator;
}

export function shapeOf(shape: readonly number[]): TensorShape {
  return { dim: shape.map((size) => ({ size })) };
}
