import { engineOf } from '../schemas/engines.ts';
import type { Engine } from '../schemas/types/job.ts';
import { type Memory, type MemoryKind, memoryOf } from './memory.ts';
import type { Key, PlanNode } from './plan.ts';
import { allFlops, type Price, partLeft, partOfPrice, priceOf, sumOfPrices } from './price.ts';
import { type Savings, savings, type TrunkSavings, trunkSavings } from './sharing.ts';
import { type Expected, isRough, kindOfWork, type Speed, timeOn, type Work } from './speed.ts';
import { expectedTime } from './time.ts';
import type { Verdict } from './verdict.ts';

/** Devices of one class. */
export interface DeviceClass {
  /** Nodes at once. */
  slots: number;
  /** What is known of the speed of one slot, the best first; of each kind of work the first that knows it counts. */
  speeds: readonly Speed[];
  /** Where the tensors of its nodes are. Default: in the machine's own memory. */
  memoryKind?: MemoryKind;
  /** Bytes of that memory that one slot may take, where it is known. */
  memory?: number;
}

/** What one node costs. */
export interface NodeCost {
  node: PlanNode;
  /** From its beginning to its end. */
  price: Price;
  /** How much of it is left to do, from 0 to 1. */
  part: number;
  /** The class of devices that it runs on. */
  device: string;
  /** About what it takes of its device's memory where it takes most; null where it loads no model. */
  memory: Memory | null;
  /** The memory that a slot of its device has, in bytes, and what kind that is; null where it is not known. */
  room: { bytes: number; kind: MemoryKind } | null;
  /** From its beginning to its end, and how that is known; null where nothing is known of such work on its device. */
  time: (Expected & { from: Speed['kind'] }) | null;
  /** The node that is the same and came before it: what is at two addresses is done once. Null for all others. */
  same: PlanNode | null;
}

/** Work without a known speed. */
export interface UnknownWork {
  work: Work;
  device: string;
  nodes: number;
}

/** What an engine has left to do on a class of devices. */
export interface EngineWork {
  /** Undefined: the built-in trainer. */
  engine: Engine | undefined;
  device: string;
  nodes: number;
  flops: number;
  /** Device seconds; null where the time of some of it is not known. */
  seconds: number | null;
}

/** What nodes cost together. */
export interface Estimate {
  nodes: NodeCost[];
  /** What is left to do. `seconds` are device seconds of the nodes whose time is known; null where there is none. */
  left: { price: Price; seconds: number | null };
  /** What is left without a known time. */
  unknown: UnknownWork[];
  /** What is left, by who does it and where, in the order of the plan. */
  engines: EngineWork[];
  /** What is done already, by nodes that are reused and by checkpoints. */
  done: { flops: number; seconds: number | null };
  /** What the same would cost where nothing is shared or reused: a run for each final model, and every evaluation. */
  alone: { flops: number; seconds: number | null };
  sharing: Savings;
  /** What trunks save of the runs under wsd among `nodes`; null where there are none. */
  trunks: TrunkSavings | null;
  /** From the first start to the last end of what is left: at least so long where `unknown` has something; null as `left`. */
  elapsedSeconds: number | null;
  /** The chain that bounds it on any number of devices: by time, or by operations where some time is not known. */
  critical: { nodes: PlanNode[]; by: 'seconds' | 'flops'; length: number };
  /** Whether some of what is left is far from what its time was measured by. */
  rough: boolean;
  /** Devices of the classes that something is left for. */
  slots: Map<string, number>;
  /** Bytes that stay, and most bytes of checkpoints while as many nodes run as there are slots. */
  disk: { published: number; checkpoints: number };
  /** Of each class that something is left for, the node that takes the most memory, and as many as there are slots together. */
  memory: { device: string; largest: NodeCost; together: number }[];
}

/**
 * What nodes of a plan cost, given what will happen to each: price, time on their devices, and what sharing saves. A key
 * counts once. Savings compare with a run for each final model among `nodes`.
 *
 * @param nodes parents before children; what they need and is not among them counts as done
 * @param classOf the class of a node's device, which has to be in `classes`
 */
export function estimate(
  nodes: readonly PlanNode[],
  verdictOf: (node: PlanNode) => Verdict,
  classOf: (node: PlanNode) => string,
  classes: ReadonlyMap<string, DeviceClass>,
): Estimate {
  const costs = costsOf(nodes, verdictOf, classOf, classes);
  const once = costs.filter(({ same }) => same === null);
  const toDo = once.filter(({ part }) => part > 0);
  const unknown = unknownOf(toDo);
  const secondsToDo = ({ time, part }: NodeCost) => (time?.seconds ?? 0) * part;
  const byKey = new Map(once.map((cost) => [cost.node.key, cost]));
  const of = ({ key }: PlanNode) => byKey.get(key) as NodeCost;
  const slots = new Map<string, number>();
  for (const { device } of toDo) slots.set(device, classes.get(device)?.slots ?? 1);

  const left = toDo.map(({ node }) => node);
  const times = expectedTime(left, (node) => secondsToDo(of(node)), { devices: slots, classOf });
  const timed = toDo.length === 0 || toDo.some(({ time }) => time !== null);
  const allTimed = once.every(({ time }) => time !== null);
  const sharing = savings({ nodes }, (node) => of(node).time?.seconds ?? 0);
  const whole = {
    flops: sum(once.map(({ price }) => allFlops(price))),
    seconds: allTimed ? sum(once.map(({ time }) => time?.seconds ?? 0)) : null,
  };
  const price = sumOfPrices(toDo.map((cost) => partOfPrice(cost.price, cost.part)));
  return {
    nodes: costs,
    left: { price, seconds: timed ? times.total : null },
    unknown,
    engines: enginesOf(toDo),
    done: {
      flops: sum(once.map((cost) => allFlops(cost.price) * (1 - cost.part))),
      seconds: whole.seconds === null ? null : Math.max(0, whole.seconds - times.total),
    },
    alone: {
      flops: whole.flops + sharing.saved.flops,
      seconds: whole.seconds === null ? null : whole.seconds + sharing.saved.seconds,
    },
    sharing,
    trunks: trunkSavings({ nodes }, (node) => timeOf(node, deviceOf(node, classOf, classes))?.seconds ?? 0) ?? null,
    elapsedSeconds: timed ? times.elapsed : null,
    critical:
      unknown.length === 0
        ? { nodes: times.critical.nodes, by: 'seconds', length: times.critical.seconds }
        : criticalByFlops(left, of),
    rough: toDo.some(({ node, time }) => time?.by != null && isRough(node, time.by)),
    slots,
    disk: {
      published: price.bytes.published,
      checkpoints: sum(
        [...largestOf(toDo, slots, ({ price }) => price.bytes.checkpoints).values()].map(({ together }) => together),
      ),
    },
    memory: [...largestOf(toDo, slots, ({ memory }) => memory?.peak ?? 0)]
      .map(([device, found]) => ({ device, ...found }))
      .filter(({ together }) => together > 0),
  };
}

/** How much of a node is left to do: nothing of one that is reused, and of one that resumes what its checkpoint lacks. */
export function partToDo(node: PlanNode, { verdict, reason }: Verdict): number {
  if (verdict === 'reuse') return 0;
  return reason.kind === 'checkpoint' ? partLeft(node, reason.step) : 1;
}

function costsOf(
  nodes: readonly PlanNode[],
  verdictOf: (node: PlanNode) => Verdict,
  classOf: (node: PlanNode) => string,
  classes: ReadonlyMap<string, DeviceClass>,
): NodeCost[] {
  const first = new Map<Key, PlanNode>();
  return nodes.map((node) => {
    const same = first.get(node.key) ?? null;
    if (same === null) first.set(node.key, node);
    const part = partToDo(node, verdictOf(node));
    const device = deviceOf(node, classOf, classes);
    const [memory, time] = [memoryOf(node, device.memoryKind), timeOf(node, device)];
    const room = device.memory === undefined ? null : { bytes: device.memory, kind: device.memoryKind ?? 'machine' };
    return { node, price: priceOf(node), part, device: classOf(node), memory, room, time, same };
  });
}

function deviceOf(
  node: PlanNode,
  classOf: (node: PlanNode) => string,
  classes: ReadonlyMap<string, DeviceClass>,
): DeviceClass {
  const known = classes.get(classOf(node));
  if (known === undefined) throw new Error(`nothing is known of the device class ${classOf(node)}`);
  return known;
}

function timeOf(node: PlanNode, { speeds }: DeviceClass): NodeCost['time'] {
  for (const speed of speeds) {
    const expected = timeOn(node, speed);
    if (expected !== undefined) return { ...expected, from: speed.kind };
  }
  return null;
}

function unknownOf(costs: readonly NodeCost[]): UnknownWork[] {
  const found = new Map<string, UnknownWork>();
  for (const { node, device, time } of costs) {
    if (time !== null) continue;
    const work = kindOfWork(node);
    const entry = found.get(`${work} ${device}`) ?? { work, device, nodes: 0 };
    entry.nodes += 1;
    found.set(`${work} ${device}`, entry);
  }
  return [...found.values()];
}

function enginesOf(costs: readonly NodeCost[]): EngineWork[] {
  const found = new Map<string, EngineWork>();
  for (const { node, device, price, part, time } of costs) {
    const engine = engineOf(node.recipe);
    const before = found.get(`${engine} ${device}`) ?? { engine, device, nodes: 0, flops: 0, seconds: 0 };
    found.set(`${engine} ${device}`, {
      ...before,
      nodes: before.nodes + 1,
      flops: before.flops + allFlops(price) * part,
      seconds: time === null || before.seconds === null ? null : before.seconds + time.seconds * part,
    });
  }
  return [...found.values()];
}

function criticalByFlops(nodes: readonly PlanNode[], of: (node: PlanNode) => NodeCost): Estimate['critical'] {
  const flops = (node: PlanNode) => allFlops(of(node).price) * of(node).part;
  const { critical } = expectedTime(nodes, flops, 1);
  return { nodes: critical.nodes, by: 'flops', length: critical.seconds };
}

/** By class the node that takes the most of something, and what those take together that take the most, as many as it has slots. */
function largestOf(
  costs: readonly NodeCost[],
  slots: ReadonlyMap<string, number>,
  sizeOf: (cost: NodeCost) => number,
): Map<string, { largest: NodeCost; together: number }> {
  const byClass = new Map<string, NodeCost[]>();
  for (const cost of costs) {
    const others = byClass.get(cost.device);
    if (others) others.push(cost);
    else byClass.set(cost.device, [cost]);
  }
  const largest = new Map<string, { largest: NodeCost; together: number }>();
  for (const [device, ofClass] of byClass) {
    const sorted = ofClass.sort((a, b) => sizeOf(b) - sizeOf(a));
    const together = sum(sorted.slice(0, slots.get(device) ?? 1).map(sizeOf));
    largest.set(device, { largest: sorted[0] as NodeCost, together });
  }
  return largest;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
