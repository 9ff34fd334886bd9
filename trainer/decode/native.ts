/** The operators of decoding as our own, for the processor. */
import type { Tensor } from '@tensorflow/tfjs-node';
import { knowShapes } from '../graph/shapes.ts';
import { backend, flag, integer, number, run, type } from '../native.ts';
import { tf } from '../tf.ts';
import type { DecodingOperators } from './operators.ts';

export const native: DecodingOperators = {
  columnsOf: (table, rows) => run('DescentColumns', [], table, rows),
  product(weight, x, epsilon, residual) {
    const residuals = residual === undefined ? [] : [residual];
    const attributes = [number('epsilon', epsilon), integer('count', residuals.length)];
    return run('DescentColumnProduct', attributes, weight, x, ...residuals);
  },
  gatedProduct: (weight, x, epsilon) => run('DescentGatedColumnProduct', [number('epsilon', epsilon)], weight, x),
  attend(projected, { keys, values }, places, { cos, sin }) {
    const [kvHeads, , , headSize] = keys.shape as [number, number, number, number];
    const heads = (projected.shape[0] as number) / headSize - 2 * kvHeads;
    const attributes = [integer('heads', heads)];
    return run('DescentAttendCached', attributes, projected, cos, sin, places, keys, values);
  },
  room(shape) {
    return run('Empty', [type('dtype'), flag('init', false)], tf.tensor1d([...shape], 'int32'));
  },
  fill(cache, slots, latest) {
    run('DescentFillCache', [], cache, slots, latest);
  },
  likeliest(scores) {
    const [tokens, logProbs] = backend.executeMultipleOutputs('DescentLikeliest', [], [scores], 2) as [Tensor, Tensor];
    return { tokens, logProbs };
  },
};

type Matrix = readonly [number, number];

knowShapes('DescentColumns', ([table, rows]) => [[table[1] as number, rows?.[0] as number]]);
knowShapes('DescentColumnProduct', ([[out], x]) => [[out as number, (x as Matrix)[1]]]);
knowShapes('DescentGatedColumnProduct', ([[out], x]) => [[(out as number) / 2, (x as Matrix)[1]]]);
knowShapes('DescentAttendCached', ([[, slots], cos], attribute) => [
  [attribute('heads') * (cos as Matrix)[1], slots as number],
]);
knowShapes('DescentLikeliest', ([[, count]]) => [[count as number], [count as number]]);
