import { type Diagnostic, diagnose } from './diagnostic.ts';
import type { NodeCost } from './estimate.ts';
import { memoryOf } from './memory.ts';
import type { Source } from './syntax.ts';

/**
 * Refuses what is to be done and takes more memory than a slot of its device has: a diagnostic for each stage, at the stage, of the
 * node that takes the most.
 */
export function refuseOversized(source: Source, costs: readonly NodeCost[]): Diagnostic[] {
  const worst = new Map<string, NodeCost>();
  for (const cost of costs) {
    if (cost.part === 0 || excessOf(cost) <= 0) continue;
    const place = placeOf(cost).join(' ');
    const before = worst.get(place);
    if (before === undefined || excessOf(cost) > excessOf(before)) worst.set(place, cost);
  }
  return [...worst.values()].map((cost) => {
    const { node, device, memory, room } = cost;
    const message = `\`${node.address}\` takes up to ${gigabytes(memory?.peak)} of memory, and a slot of \`${device}\` has ${gigabytes(room?.bytes)}`;
    return diagnose(source.file, source.keyPlace(placeOf(cost)), 'over-memory', message, { hint: remedyFor(cost) });
  });
}

function excessOf({ memory, room }: NodeCost): number {
  return memory === null || room === null ? 0 : memory.peak - room.bytes;
}

function placeOf({ node }: NodeCost): string[] {
  return node.type === 'evaluate' ? ['evaluate'] : ['stages', node.stage];
}

/** What would make it fit, with what it would take then where that is known. */
function remedyFor({ node, room }: NodeCost): string {
  const larger =
    'give it a device with more memory (`placement`), and say how much a slot has in temporal.config (`memory`)';
  if (node.type === 'evaluate' || node.type === 'rl') return `give the model a shorter context, or ${larger}`;
  const smaller = 'give the model a shorter context or the stage a smaller `batch`';
  if (node.placement.recomputeActivations) return `${smaller}, or ${larger}`;
  const recomputing = memoryOf({ ...node, placement: { ...node.placement, recomputeActivations: true } }, room?.kind);
  const entry = `placement: { ${node.stage}: { recomputeActivations: true } }`;
  const enough = recomputing !== null && room !== null && recomputing.peak <= room.bytes;
  return enough
    ? `with ${entry} it takes ${gigabytes(recomputing.peak)}; or ${smaller}, or ${larger}`
    : `even with ${entry} it would take ${gigabytes(recomputing?.peak)}: ${smaller}, or ${larger}`;
}

function gigabytes(bytes = 0): string {
  return `${(bytes / 1e9).toLocaleString('en', { maximumSignificantDigits: 3 })} GB`;
}
