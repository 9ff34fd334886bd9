import TinyQueue from 'tinyqueue';
import { needsOf } from './kinship.ts';
import type { Key, PlanNode } from './plan.ts';

/** What of a node the order of things depends on. */
type Node = Pick<PlanNode, 'key' | 'address' | 'parents' | 'gates'>;

/** How long nodes take together. */
export interface ExpectedTime<N extends Node = PlanNode> {
  /** Of all nodes one after another, in device seconds. */
  total: number;
  /** The chain of nodes that takes longest, and how long: no number of devices is faster. */
  critical: { seconds: number; nodes: N[] };
  /** From the first start to the last end, in seconds. */
  elapsed: number;
}

/** Devices of several classes: how many there are of each, and which class a node waits for. */
export interface Fleet<N extends Node = PlanNode> {
  devices: ReadonlyMap<string, number>;
  classOf: (node: N) => string;
}

/**
 * How long nodes take on so many equal devices, each of which runs one at a time, when whatever is ready and has the
 * longest way to the end starts first (list scheduling; Graham 1969, SIAM J. Appl. Math. 17): at most
 * `critical + (total - critical) / devices`, less than twice what the best schedule would take. Of a fleet, each class
 * does so for the nodes that wait for it: at most `critical` and the sum of each class's total by its devices. What a
 * node needs that is not among `nodes` counts as done. An estimate: a run starts what is ready first come, first served.
 *
 * @param nodes what has to run, parents before children, as in a plan; a key that comes twice runs once
 * @param secondsOf a node's time on one device. Throws a RangeError where that is negative or not finite
 * @param devices how many equal ones, or a fleet. Throws a RangeError for what is no number of devices
 */
export function expectedTime<N extends Node>(
  nodes: readonly N[],
  secondsOf: (node: N) => number,
  devices: number | Fleet<N>,
): ExpectedTime<N> {
  const fleet = typeof devices === 'number' ? { devices: new Map([['', devices]]), classOf: () => '' } : devices;
  const jobs = jobsOf(nodes, secondsOf);
  const critical = criticalChain(jobs);
  return {
    total: jobs.reduce((sum, { seconds }) => sum + seconds, 0),
    critical: { seconds: critical[0]?.left ?? 0, nodes: critical.map(({ node }) => node) },
    elapsed: listSchedule(jobs, fleet),
  };
}

/** A node to run, once. */
interface Job<N extends Node = Node> {
  node: N;
  /** Position in the plan, which settles what would else be a tie. */
  place: number;
  seconds: number;
  /** Seconds from its start to the end of the longest chain that begins with it. */
  left: number;
  /** How many of those that it needs are not done: counted down as they end. */
  missing: number;
  children: Job<N>[];
}

function jobsOf<N extends Node>(nodes: readonly N[], secondsOf: (node: N) => number): Job<N>[] {
  const jobs = new Map<Key, Job<N>>();
  for (const node of nodes) {
    if (jobs.has(node.key)) continue;
    const seconds = secondsOf(node);
    if (!(seconds >= 0 && seconds < Number.POSITIVE_INFINITY)) {
      throw new RangeError(`${node.address} cannot take ${seconds} seconds`);
    }
    const job: Job<N> = { node, place: jobs.size, seconds, left: seconds, missing: 0, children: [] };
    for (const key of new Set(Object.values(needsOf(node)))) {
      const parent = jobs.get(key);
      if (parent === undefined) continue;
      parent.children.push(job);
      job.missing += 1;
    }
    jobs.set(node.key, job);
  }
  const all = [...jobs.values()];
  for (const job of all.toReversed()) {
    for (const child of job.children) job.left = Math.max(job.left, job.seconds + child.left);
  }
  return all;
}

/** The longest chain, from its first job to its last. */
function criticalChain<N extends Node>(jobs: readonly Job<N>[]): Job<N>[] {
  const chain: Job<N>[] = [];
  let next = longest(jobs);
  while (next !== undefined) {
    chain.push(next);
    next = longest(next.children);
  }
  return chain;
}

function longest<N extends Node>(jobs: readonly Job<N>[]): Job<N> | undefined {
  let found = jobs[0];
  for (const job of jobs) if (found !== undefined && job.left > found.left) found = job;
  return found;
}

/** The devices of one class, and what waits for them. */
interface Pool<N extends Node> {
  free: number;
  ready: TinyQueue<Job<N>>;
}

/** When the last of them ends. */
function listSchedule<N extends Node>(jobs: readonly Job<N>[], { devices, classOf }: Fleet<N>): number {
  const pools = new Map([...devices].map(([name, count]) => [name, poolOf<N>(count)]));
  const pool = ({ node }: Job<N>): Pool<N> => {
    const found = pools.get(classOf(node));
    if (found === undefined) throw new RangeError(`there are no devices for ${node.address}`);
    return found;
  };
  const running = new TinyQueue<{ end: number; job: Job<N> }>([], (a, b) => a.end - b.end || a.job.place - b.job.place);
  for (const job of jobs) if (job.missing === 0) pool(job).ready.push(job);
  let now = 0;
  for (;;) {
    // First all that end now, so that the choice is among all that they make ready.
    if (running.peek()?.end === now) {
      const { job } = running.pop() as { job: Job<N> };
      pool(job).free += 1;
      for (const child of job.children) {
        child.missing -= 1;
        if (child.missing === 0) pool(child).ready.push(child);
      }
      continue;
    }
    let started = false;
    for (const each of pools.values()) {
      const next = each.free > 0 ? each.ready.pop() : undefined;
      if (next === undefined) continue;
      running.push({ end: now + next.seconds, job: next });
      each.free -= 1;
      started = true;
    }
    if (started) continue;
    const soonest = running.peek();
    if (soonest === undefined) return now;
    now = soonest.end;
  }
}

function poolOf<N extends Node>(devices: number): Pool<N> {
  if (!Number.isInteger(devices) || devices < 1) throw new RangeError(`${devices} is no number of devices`);
  return { free: devices, ready: new TinyQueue<Job<N>>([], (a, b) => b.left - a.left || a.place - b.place) };
}
