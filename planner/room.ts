import { engines } from '../schemas/engines.ts';
import type { DrivenEngine } from '../schemas/types/job.ts';
import { type Diagnostic, diagnose } from './diagnostic.ts';
import { refusedBy } from './engines.ts';
import type { NodeCost } from './estimate.ts';
import { memoryOf } from './memory.ts';
import type { Task } from './plan.ts';
import type { Source } from './syntax.ts';

/**
 * Refuses what is to be done and takes more memory than a slot of its device has: a diagnostic at each stage, of the node of it
 * that takes the most. Stages of one device that the same would help have one, at the first of them, which names the others.
 */
export function refuseOversized(source: Source, costs: readonly NodeCost[]): Diagnostic[] {
  const worst = new Map<string, NodeCost>();
  for (const cost of costs) {
    if (cost.part === 0 || excessOf(cost) <= 0) continue;
    const place = placeOf(cost).join(' ');
    const before = worst.get(place);
    if (before === undefined || excessOf(cost) > excessOf(before)) worst.set(place, cost);
  }
  const alike = new Map<string, [NodeCost, ...NodeCost[]]>();
  for (const cost of worst.values()) {
    const remedy = `${cost.device}: ${remedyFor(cost)}`;
    const group = alike.get(remedy);
    if (group === undefined) alike.set(remedy, [cost]);
    else group.push(cost);
  }
  return [...alike.values()].map(([first, ...others]) => {
    const message = `${takes(first)}, and a slot of \`${first.device}\` has ${gigabytes(first.room?.bytes)}`;
    const related = others.map((cost) => ({ ...source.keyPlace(placeOf(cost)), message: takes(cost) }));
    const place = source.keyPlace(placeOf(first));
    return diagnose(source.file, place, 'over-memory', message, { hint: remedyFor(first), related });
  });
}

function takes({ node, memory }: NodeCost): string {
  return `\`${node.address}\` takes up to ${gigabytes(memory?.peak)} of memory`;
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
  if (node.type === 'evaluate') return `give the model a shorter context, or ${larger}`;
  const otherwise = [larger, ...anotherEngine(node)].join(', or ');
  if (node.type === 'rl') return `give the model a shorter context, or ${otherwise}`;
  const smaller = 'give the model a shorter context or the stage a smaller `batch`';
  if (node.placement.recomputeActivations) return `${smaller}, or ${otherwise}`;
  const recomputing = memoryOf({ ...node, placement: { ...node.placement, recomputeActivations: true } }, room?.kind);
  const entry = `placement: { ${node.stage}: { recomputeActivations: true } }`;
  const enough = recomputing !== null && room !== null && recomputing.peak <= room.bytes;
  return enough
    ? `with ${entry} it takes ${gigabytes(recomputing.peak)}; or ${smaller}, or ${otherwise}`
    : `even with ${entry} it would take ${gigabytes(recomputing?.peak)}: ${smaller}, or ${otherwise}`;
}

/** The engines that train such a stage, with what of its recipe each does not take; their memory is their own matter. */
function anotherEngine(node: Task): string[] {
  const able = (Object.keys(engines) as DrivenEngine[]).flatMap((name) => {
    const refused = refusedBy(name, node);
    if (refused === undefined) return [];
    const without = refused.map(({ option, value }) => `\`${option}: ${value}\``);
    return [`\`engine: ${name}\`${without.length > 0 ? ` (without ${without.join(', ')})` : ''}`];
  });
  return able.length === 0 ? [] : [`have another engine train it, whose memory is not judged: ${able.join(', ')}`];
}

function gigabytes(bytes = 0): string {
  return `${(bytes / 1e9).toLocaleString('en', { maximumSignificantDigits: 3 })} GB`;
}
