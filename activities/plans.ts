import type { Plan, PlanNode } from '../planner/plan.ts';
import { readPlan } from '../store/plans.ts';
import { bringPlan } from '../store/remote/plans.ts';
import type { Storage } from '../store/remote/storage.ts';

/** Frozen plans by digest. The last few stay in memory: a plan of 10,000 nodes takes a moment to read. */
export interface PlanReader {
  plan(digest: string): Promise<Plan>;
  /** One node by its place. Throws where the plan is shorter. */
  node(digest: string, index: number): Promise<PlanNode>;
}

const kept = 8;

/** Reads the plans of a home; those that only the storage has are brought into it. */
export function planReader(home: string, storage?: Storage): PlanReader {
  const plans = new Map<string, Promise<Plan>>();
  const plan = (digest: string): Promise<Plan> => {
    const known = plans.get(digest);
    if (known !== undefined) return known;
    const reading = bringPlan(home, storage, digest).then(() => readPlan(home, digest));
    // What could not be read may be there at the next try.
    reading.catch(() => plans.delete(digest));
    plans.set(digest, reading);
    for (const oldest of [...plans.keys()].slice(0, -kept)) plans.delete(oldest);
    return reading;
  };
  return {
    plan,
    async node(digest, index) {
      const node = (await plan(digest)).nodes[index];
      if (node === undefined) throw new RangeError(`the plan ${digest.slice(0, 12)} has no node ${index}`);
      return node;
    },
  };
}
