/** How products in bfloat16 are taken. */
import { readFileSync } from 'node:fs';
import { runtime } from '../tf.ts';
import { knowShapes } from './shapes.ts';

/** An operator of our own: the float32 nearest to each number that bfloat16 has as well. */
export const roundToBfloat16 = 'DescentRoundToBfloat16';
knowShapes(roundToBfloat16, ([x]) => [x]);

/**
 * Whether there are units that multiply matrices of bfloat16: a GPU's, AMX, or those of ARM. Others multiply float32 twice
 * as fast, and may: a product of two bfloat16 numbers is exact in float32, so of rounded matrices they give the same, up
 * to the order of sums.
 */
export const multipliesBfloat16: boolean = runtime === 'gpu' || /\b(amx_bf16|bf16)\b/.test(processorFlags());

/** What the processor can do, as Linux says it; nothing where nobody does. */
function processorFlags(): string {
  try {
    return /^(flags|Features)\s*:.*$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[0] ?? '';
  } catch {
    return '';
  }
}
