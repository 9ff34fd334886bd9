import { needsOf } from '../planner/kinship.ts';
import { type Mark, marksOf } from '../planner/marks.ts';
import type { Key } from '../planner/plan.ts';
import { isModel } from '../planner/stages.ts';
import { StoreError } from '../store/errors.ts';
import { lineagesRun, plansByAge, readPlan } from '../store/plans.ts';

/** Where a node stood in some plan. */
export interface KnownPlace {
  lineage: string;
  address: string;
}

/** What the frozen plans of a home tell. */
export interface History {
  /** By name, each with the files that it was planned from, the newest first; none where its plans are gone. */
  lineages: ReadonlyMap<string, readonly string[]>;
  /**
   * Of each key that was asked for and that some plan has: its places, the newest first, and all that any plan had it need;
   * of a model what has to be known before it is compared.
   */
  nodes: ReadonlyMap<string, { places: KnownPlace[]; needs: Set<Key>; marks: Set<Mark> }>;
  /** Plans that cannot be read, a sentence each. */
  unreadable: readonly string[];
}

/** Reads all frozen plans of a home, one after the other; of their nodes it keeps those with one of these keys. */
export async function readHistory(home: string, keys: readonly string[]): Promise<History> {
  const asked = new Set(keys);
  const lineages = new Map<string, string[]>((await lineagesRun(home)).map((name) => [name, []]));
  const nodes = new Map<string, { places: KnownPlace[]; needs: Set<Key>; marks: Set<Mark> }>();
  const unreadable: string[] = [];
  for (const digest of (await plansByAge(home)).reverse()) {
    const plan = await readPlan(home, digest).catch((error: unknown) => {
      if (!(error instanceof StoreError)) throw error;
      unreadable.push(error.message);
    });
    if (!plan) continue;
    const { lineage, file } = plan;
    const marks = marksOf(plan.nodes);
    const files = lineages.get(lineage) ?? [];
    if (!files.includes(file)) files.push(file);
    lineages.set(lineage, files);
    for (const node of plan.nodes) {
      if (!asked.has(node.key)) continue;
      const known = nodes.get(node.key) ?? { places: [], needs: new Set(), marks: new Set() };
      nodes.set(node.key, known);
      const { address } = node;
      if (!known.places.some((one) => one.lineage === lineage && one.address === address))
        known.places.push({ lineage, address });
      for (const mark of (isModel(node.type) && marks.get(address)) || []) known.marks.add(mark);
      for (const parent of Object.values(needsOf(node))) known.needs.add(parent);
    }
  }
  return { lineages, nodes, unreadable };
}
