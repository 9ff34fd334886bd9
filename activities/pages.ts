import { setImmediate as nextTurn } from 'node:timers/promises';
import { heartbeat } from '@temporalio/activity';
import type { Key, NodeType, Plan, PlanNode } from '../planner/plan.ts';
import { type Sparing, sparing } from '../planner/spared.ts';
import { newestWhole } from '../store/artifact.ts';
import { attemptNumbers } from '../store/home.ts';
import type { Storage } from '../store/remote/storage.ts';
import type { Page, PageNode } from '../workflows/messages.ts';
import type { PlanReader } from './plans.ts';
import { countsForAll } from './shared.ts';

/** Temporal warns at 256 KB a payload and counts them all into the history; 48 KB is some 300 nodes. */
const pageBytes = 48 * 1024;

/** Long trainings are workflows of their own, shared between lineages; what takes minutes is an activity. */
export const runsAs: Record<NodeType, PageNode['runsAs']> = {
  data: 'activity',
  tokenizer: 'activity',
  overlap: 'activity',
  adopt: 'workflow',
  pretrain: 'workflow',
  cpt: 'workflow',
  trunk: 'workflow',
  checkpoint: 'workflow',
  sft: 'workflow',
  dpo: 'workflow',
  rl: 'workflow',
  reward: 'workflow',
  generate: 'workflow',
  build: 'activity',
  evaluate: 'activity',
};

/** Device class of a node: `device` where the lineage says `auto`. */
export function deviceOf(node: PlanNode, device: string): string {
  return node.placement.device === 'auto' ? device : node.placement.device;
}

/** Evaluations are what nobody waits for: trainings go before them, so that a lineage takes as long as its longest path. */
export function priorityOf(node: PlanNode): number {
  return node.type === 'evaluate' ? 4 : 3;
}

/**
 * The activity `readPage`: the nodes of a plan from `from` on, as many as fit into one payload, each with whether the
 * store has it now, or it is a trunk that is spared. The verdicts that a plan was shown with may be old; this is what
 * counts. With a storage, what that does not have is not published, wherever it was made: who executes it uploads it.
 */
export function pageActivity(home: string, plans: PlanReader, storage?: Storage) {
  return async ({ planDigest, from, device }: { planDigest: string; from: number; device: string }): Promise<Page> => {
    const plan = await plans.plan(planDigest);
    const { places, isSpared } = surveyOf(plan);
    const elsewhere = await storage?.lately();
    const isDone = (key: Key): boolean => {
      const from = plan.nodes[places.get(key) as number]?.attempt ?? 1;
      const here = newestWhole(home, key, from);
      if (here !== undefined) return countsForAll(storage, here);
      // What is unfinished or damaged here is replaced by whoever executes the node.
      const isBegun = (attemptNumbers(home, key)[0] ?? 0) >= from;
      return !isBegun && elsewhere?.state(key, from).state === 'done';
    };
    const page: Page = { from, nodes: [] };
    for (let bytes = 0, index = from; index < plan.nodes.length && bytes < pageBytes; index += 1) {
      const node = plan.nodes[index] as PlanNode;
      const pageNode: PageNode = {
        address: node.address,
        runsAs: runsAs[node.type],
        device: deviceOf(node, device),
        timeoutSeconds: node.placement.timeoutSeconds,
        priority: priorityOf(node),
        parents: [...Object.values(node.parents), ...Object.values(node.gates ?? {})].map(
          (key) => places.get(key) as number,
        ),
        published:
          isDone(node.key) || (node.type === 'trunk' && node.attempt === undefined && isSpared(node.key, isDone)),
      };
      page.nodes.push(pageNode);
      bytes += Buffer.byteLength(JSON.stringify(pageNode)) + 1;
      // Looking into the store is synchronous; others on this worker want their turn.
      await nextTurn();
      heartbeat();
    }
    return page;
  };
}

/** What is known of a plan as a whole. */
interface Survey {
  /**
   * Each key's first place: what stands at two addresses is made at the first, and a place after a node is none to wait
   * for, as the nodes between may be more than a lineage holds at once.
   */
  places: ReadonlyMap<Key, number>;
  isSpared: Sparing;
}

const surveys = new WeakMap<Plan, Survey>();

function surveyOf(plan: Plan): Survey {
  const known = surveys.get(plan);
  if (known) return known;
  const places = new Map<Key, number>();
  for (const [index, { key }] of plan.nodes.entries()) if (!places.has(key)) places.set(key, index);
  const survey = { places, isSpared: sparing(plan.nodes) };
  surveys.set(plan, survey);
  return survey;
}
