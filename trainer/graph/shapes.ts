/** The shapes of what operations give, without running them: TensorFlow's own shape inference. */
import { backend } from '../native.ts';
import { type AttributeValue, encodeGraph, type Node, shapeOf } from './protobuf.ts';

/** What is known of an operation's input. */
export interface Known {
  dtype: number;
  shape: readonly number[];
  /** Attributes of the Const that it is, where its values can say what a shape is: lengths, axes, places. */
  constant?: Record<string, AttributeValue> | undefined;
}

type Shape = readonly number[];

/** The shapes of an operator's outputs, from those of its inputs, at least one, and its integer attributes. */
type ShapeFunction = (inputs: readonly [Shape, ...Shape[]], attribute: (name: string) => number) => readonly Shape[];

/** Of operators that TensorFlow knows nothing of but how to run them. */
const known = new Map<string, ShapeFunction>();

/** Says what shapes an operator of our own gives: its attributes cannot be read where TensorFlow would ask for them. */
export function knowShapes(operator: string, shapes: ShapeFunction): void {
  known.set(operator, shapes);
}

/**
 * Gives the shapes of an operation's outputs from its operator, attributes and inputs. -1 is a length that does not follow
 * from these, and null a shape of which not even the rank does. The layers of a model are alike, so each answer is kept.
 *
 * @throws Error of TensorFlow where the inputs do not fit the operator
 */
export function shapeInference(): (
  op: string,
  attr: Record<string, AttributeValue>,
  inputs: readonly Known[],
) => readonly (Shape | null)[] {
  const answers = new Map<string, readonly (Shape | null)[]>();
  return (op, attr, inputs) => {
    const own = known.get(op);
    if (own !== undefined) {
      const shapes = inputs.map(({ shape }) => shape) as [Shape, ...Shape[]];
      return own(shapes, (name) => Number(attr[name]?.i));
    }
    const operation: Node = { name: asked, op, input: inputs.map((_, index) => inputName(index)), attr };
    const graph = encodeGraph([...inputs.map(inputNode), operation]);
    const question = Buffer.from(graph).toString('latin1');
    const answer = answers.get(question) ?? backend.binding.inferShapes(graph, asked);
    answers.set(question, answer);
    return answer;
  };
}

const asked = 'asked';
const inputName = (index: number) => `in${index}`;

function inputNode({ dtype, shape, constant }: Known, index: number): Node {
  const name = inputName(index);
  if (constant !== undefined) return { name, op: 'Const', input: [], attr: constant };
  return { name, op: 'Placeholder', input: [], attr: { dtype: { type: dtype }, shape: { shape: shapeOf(shape) } } };
}
