/** The memory of this process: what it has taken, and whether what comes has room. */
import { readFileSync } from 'node:fs';
import { freemem } from 'node:os';
import { allocatorShare } from '../schemas/passes.ts';
import { TrainerFailure } from './failure.ts';

/** The most that this process has had in memory at once, in bytes. */
export function peakMemory(): number {
  // On Linux the system's figure of resource usage begins with what the process had that started this one.
  const kilobytes = process.platform === 'linux' && /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'));
  return 1024 * (kilobytes ? Number(kilobytes[1]) : process.resourceUsage().maxRSS);
}

/** What this process could still take, in bytes: of the machine's memory, and of the container's where it is in one. */
function memoryLeft(): number {
  const ofContainer = process.availableMemory?.() ?? Number.POSITIVE_INFINITY;
  return Math.min(freemem(), ofContainer);
}

/**
 * A function that throws an `out-of-memory` failure, which says what to do, where new tensors of so many bytes are more than
 * there is room for: what this process could still take, and what it took since this was called and has no tensors in any
 * more, which TensorFlow uses again.
 *
 * @param held the bytes of all tensors that there are; where some share memory and count twice, less room is seen than there is
 * @param left the bytes that the process could still take
 */
export function roomForTensors(
  held: () => number,
  left: () => number = memoryLeft,
): (bytes: number, what: string) => void {
  const outsideTensors = () => process.memoryUsage.rss() - held();
  const before = outsideTensors();
  let largest = 0;
  return (bytes, what) => {
    if (bytes <= largest) return;
    const needed = bytes * (1 + allocatorShare);
    const room = left() + Math.max(0, outsideTensors() - before);
    if (needed > room) {
      throw new TrainerFailure(
        'out-of-memory',
        `${what} takes ${gigabytes(needed)} of memory, and there are ${gigabytes(room)} for it. ${remedy}`,
      );
    }
    largest = bytes;
  };
}

const remedy =
  'Set `recomputeActivations: true` in the placement of the stage, where it is not; take a shorter context, or a smaller ' +
  'batch, where that is of fewer than 16,384 tokens (a larger one goes in parts already); run fewer nodes at once ' +
  '(`slots` in temporal.config); or take a machine with more memory.';

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toLocaleString('en', { maximumSignificantDigits: 3 })} GB`;
}
