/** The fused operators as our own, for the processor: scripts/setup/kernels/ computes them. */
import type { Tensor } from '@tensorflow/tfjs-node';
import { knowShapes } from '../graph/shapes.ts';
import { type Attribute, integer, number, run, several } from '../native.ts';
import type { Heads, Operators } from './operators.ts';

/** What the operators on heads are told of how they lie. */
function layout({ batch, heads, kvHeads, blocks }: Heads): Attribute[] {
  return [
    integer('batch', batch),
    integer('heads', heads),
    integer('kv_heads', kvHeads),
    integer('block', blocks[0] as number),
    integer('count', blocks.length),
  ];
}

/** What the causal softmax is told of the keys that a query sees. */
function seen(block: number, documents: readonly Tensor[]): Attribute[] {
  return [integer('block', block), integer('count', documents.length)];
}

export const native: Operators = {
  rmsNorm(x, gain, epsilon) {
    const [y, r] = several('DescentRmsNorm', [number('epsilon', epsilon)], [x, gain], 2) as [Tensor, Tensor];
    return { y, r };
  },
  rmsNormGradient(dy, x, gain, r, residual) {
    const residuals = residual === undefined ? [] : [residual];
    const attributes = [integer('count', residuals.length)];
    const inputs = [dy, x, gain, r, ...residuals];
    const [dx, dGain] = several('DescentRmsNormGradient', attributes, inputs, 2) as [Tensor, Tensor];
    return { dx, dGain };
  },
  swiGlu: (au) => run('DescentSwiGlu', [], au),
  swiGluGradient: (dy, au) => run('DescentSwiGluGradient', [], dy, au),
  causalSoftmax(scores, block, begins) {
    const documents = begins === undefined ? [] : [begins];
    return run('DescentCausalSoftmax', seen(block, documents), scores, ...documents);
  },
  causalSoftmaxGradient(p, dp, block, begins) {
    const documents = begins === undefined ? [] : [begins];
    return run('DescentCausalSoftmaxGradient', seen(block, documents), p, dp, ...documents);
  },
  splitHeads(projected, scale, heads) {
    const { cos, sin } = heads.rotary;
    const attributes = [number('scale', scale), ...layout(heads)];
    const split = several('DescentSplitHeads', attributes, [projected, cos, sin], heads.blocks.length + 2);
    const [k, v] = split.slice(-2) as [Tensor, Tensor];
    return { q: split.slice(0, -2), k, v };
  },
  splitHeadsGradient({ q, k, v }, scale, heads) {
    const { cos, sin } = heads.rotary;
    return run('DescentSplitHeadsGradient', [number('scale', scale), ...layout(heads)], ...q, k, v, cos, sin);
  },
  mergeHeads: (o, heads) => run('DescentMergeHeads', layout(heads), ...o),
  mergeHeadsGradient: (dMerged, heads) =>
    several('DescentMergeHeadsGradient', layout(heads), [dMerged], heads.blocks.length),
  adamW({ theta, m, v }, gradient, rates, clip, [beta1, beta2]) {
    const attributes = [
      number('beta1', beta1),
      number('rest1', 1 - beta1),
      number('beta2', beta2),
      number('rest2', 1 - beta2),
    ];
    const updated = several('DescentAdamW', attributes, [theta, m, v, gradient, rates, clip], 3);
    const [newTheta, newM, newV] = updated as [Tensor, Tensor, Tensor];
    return { theta: newTheta, m: newM, v: newV };
  },
};

type Shape = readonly number[];

/** The shapes of queries in blocks. */
function queriesOf(batch: number, time: number, headSize: number, attribute: (name: string) => number): Shape[] {
  const [heads, kvHeads, block] = ['heads', 'kv_heads', 'block'].map(attribute) as [number, number, number];
  return Array.from({ length: attribute('count') }, (_, i) => [
    kvHeads,
    batch,
    heads / kvHeads,
    Math.min(block, time - i * block),
    headSize,
  ]);
}

knowShapes('DescentRmsNorm', ([x]) => [x, x.slice(0, 1)]);
knowShapes('DescentRmsNormGradient', ([, x, gain]) => [x as Shape, gain as Shape]);
knowShapes('DescentSwiGlu', ([[rows, , ffn]]) => [[rows as number, ffn as number]]);
knowShapes('DescentSwiGluGradient', ([, au]) => [au as Shape]);
knowShapes('DescentCausalSoftmax', ([scores]) => [scores]);
knowShapes('DescentCausalSoftmaxGradient', ([p]) => [p]);
knowShapes('DescentSplitHeads', ([[tokens], cos], attribute) => {
  const [batch, kvHeads] = [attribute('batch'), attribute('kv_heads')];
  const [time, headSize] = [(tokens as number) / batch, cos?.at(-1) as number];
  const keys = [kvHeads, batch, time, headSize];
  return [...queriesOf(batch, time, headSize, attribute), keys, keys];
});
knowShapes('DescentSplitHeadsGradient', (inputs, attribute) => {
  const [kvHeads, batch, time, headSize] = inputs[attribute('count')] as [number, number, number, number];
  return [[batch * time, (attribute('heads') + 2 * kvHeads) * headSize]];
});
knowShapes('DescentMergeHeads', (inputs, attribute) => {
  const [kvHeads, batch, group, , headSize] = inputs[0] as [number, number, number, number, number];
  const blocks = inputs.slice(0, attribute('count'));
  const time = blocks.reduce((sum, shape) => sum + (shape[3] as number), 0);
  return [[batch * time, kvHeads * group * headSize]];
});
knowShapes('DescentMergeHeadsGradient', ([[tokens, wide]], attribute) => {
  const batch = attribute('batch');
  return queriesOf(batch, (tokens as number) / batch, (wide as number) / attribute('heads'), attribute);
});
knowShapes('DescentAdamW', ([theta]) => [theta, theta, theta]);
