/** The fused operators for the device that this process computes on. */
import { runtime } from '../tf.ts';
import { composed } from './composed.ts';
import { native } from './native.ts';
import type { Operators } from './operators.ts';

export const {
  rmsNorm,
  rmsNormGradient,
  swiGlu,
  swiGluGradient,
  causalSoftmax,
  causalSoftmaxGradient,
  splitHeads,
  splitHeadsGradient,
  mergeHeads,
  mergeHeadsGradient,
  adamW,
}: Operators = runtime === 'cpu' ? native : composed;
