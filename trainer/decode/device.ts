/** The operators of decoding for the device that this process computes on. */
import { runtime } from '../tf.ts';
import { composed } from './composed.ts';
import { native } from './native.ts';
import type { DecodingOperators } from './operators.ts';

export const { columnsOf, product, gatedProduct, attend, room, fill, likeliest }: DecodingOperators =
  runtime === 'cpu' ? native : composed;
