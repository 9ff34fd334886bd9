/** What this machine multiplies bfloat16 with. Loads no TensorFlow. */
import { existsSync, readFileSync } from 'node:fs';

/**
 * Whether there are units that multiply matrices of bfloat16: a GPU's, AMX, or those of ARM. Others multiply float32 twice
 * as fast, and may: a product of two bfloat16 numbers is exact in float32, so of rounded matrices they give the same, up
 * to the order of sums.
 */
export function hasBfloat16Units(device: 'cpu' | 'gpu'): boolean {
  return device === 'gpu' || /\b(amx_bf16|bf16)\b/.test(processorFlags());
}

/** What the processor can do, as Linux says it; nothing where nobody does. */
function processorFlags(): string {
  const path = '/proc/cpuinfo';
  return existsSync(path) ? (/^(flags|Features)\s*:.*$/m.exec(readFileSync(path, 'utf8'))?.[0] ?? '') : '';
}
