import type { Key, PlanNode } from './plan.ts';
import { allFlops, type Price, partLeft, partOfPrice, priceOf, sumOfPrices } from './price.ts';
import { type Savings, savings, type TrunkSavings, trunkSavings } from './sharing.ts';
import { kindOfWork, type Speed, secondsOf, type Work } from './speed.ts';
import { expectedTime } from './time.ts';
import type { Verdict } from './verdict.ts';

/** Devices of one class. */
export interface DeviceClass {
  /** Nodes at once. */
  slots: number;
  /** What is known of the speed of one slot, the best first; of each kind of work the first that knows it counts. */
  speeds: readonly Speed[];
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
  /** From its beginning to its end, and how that is known; null where nothing is known of such work on its device. */
  time: { seconds: number; from: Speed['kind'] } | null;
  /** The node that is the same and came before it: what is at two addresses is done once. Null for all others. */
  same: PlanNode | null;
}

/** Work without a known speed. */
export interface UnknownWork {
  work: Work;
  device: string;
  nodes: number;
}

/** What nodes cost together. */
export interface Estimate {
  nodes: NodeCost[];
  /** What is left to do. `seconds` are device seconds of the nodes whose time is known; null where there is none. */
  left: { price: Price; seconds: number | null };
  /** What is left without a known time. */
  unknown: UnknownWork[];
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
  /** Devices of the classes that something is left for. */
  slots: Map<string, number>;
  /** Bytes that stay, and most bytes of checkpoints while as many nodes run as there are slots. */
  disk: { published: number; checkpoints: number };
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
    slots,
    disk: { published: price.bytes.published, checkpoints: peakOfCheckpoints(toDo, slots) },
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
    const time = timeOf(node, deviceOf(node, classOf, classes));
    return { node, price: priceOf(node), part, device: classOf(node), time, same };
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
    const seconds = secondsOf(node, speed);
    if (seconds !== undefined) return { seconds, from: speed.kind };
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

function criticalByFlops(nodes: readonly PlanNode[], of: (node: PlanNode) => NodeCost): Estimate['critical'] {
  const flops = (node: PlanNode) => allFlops(of(node).price) * of(node).part;
  const { critical } = expectedTime(nodes, flops, 1);
  return { nodes: critical.nodes, by: 'flops', length: critical.seconds };
}

/** The largest checkpoints, as many of each class as it has slots. */
function peakOfCheckpoints(costs: readonly NodeCost[], slots: ReadonlyMap<string, number>): number {
  const byClass = new Map<string, number[]>();
  for (const { device, price } of costs) {
    const sizes = byClass.get(device);
    if (sizes) sizes.push(price.bytes.checkpoints);
    else byClass.set(device, [price.bytes.checkpoints]);
  }
  const peaks = [...byClass].map(([device, sizes]) =>
    sum(sizes.sort((a, b) => b - a).slice(0, slots.get(device) ?? 1)),
  );
  return sum(peaks);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
