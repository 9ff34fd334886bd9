import { existsSync } from 'node:fs';
import { needsOf } from '../planner/kinship.ts';
import type { Key, Plan, PlanNode } from '../planner/plan.ts';
import { reasonText } from '../planner/reason.ts';
import type { RestState } from '../planner/select.ts';
import { judge, judgeAlone, type NodeState, type Verdict } from '../planner/verdict.ts';
import { type QueryOptions, runQuery } from '../results/query.ts';
import { inspectNode, nodesInspector } from '../store/artifact.ts';
import { databasePath } from '../store/home.ts';

/** How a node stands while nothing runs. */
export interface AtRest {
  state: RestState;
  /** Why it failed, is blocked, has to go on, or need not be there. */
  reason: string | null;
}

/** What ended the newest attempts that failed, by their keys. */
export type Failures = ReadonlyMap<string, string>;

/** What is known already: what the store has of a key, and why nodes failed. */
interface Known {
  inspect?: (key: Key, from?: number) => NodeState;
  failures?: Failures;
}

/**
 * Tells how each node of a plan stands while nothing runs: as the store has it; of those that failed, why; and what is
 * blocked because something that it needs failed.
 */
export async function lookAtRest(home: string, plan: Plan, known: Known = {}): Promise<(node: PlanNode) => AtRest> {
  const { inspect = nodesInspector(home), failures = await readFailures(home) } = known;
  const verdicts = judge(plan, inspect);
  const found = new Map<Key, AtRest & { address: string }>();
  // In the plan's order, which has what a node needs before it.
  for (const node of plan.nodes) {
    const { key, address } = node;
    if (found.has(key)) continue;
    const own = ownState(node, verdicts.get(key), failures.get(key));
    const needed = Object.values(needsOf(node)).map((parent) => found.get(parent));
    const failed = needed.find((one) => one?.state === 'failed');
    const blocked = needed.find((one) => one?.state === 'blocked');
    if (own.state !== 'waiting' || !(failed ?? blocked)) found.set(key, { address, ...own });
    else
      found.set(key, {
        address,
        state: 'blocked',
        reason: failed ? `${failed.address} failed` : (blocked?.reason ?? null),
      });
  }
  return ({ key, address }) => {
    const one = found.get(key);
    if (!one) throw new Error(`${address} is not in the plan that was looked at`);
    return one;
  };
}

/** How one node stands that was begun and is executed by nobody now, though its lineage goes on or is paused. */
export function stoppedAs(home: string, node: PlanNode): AtRest {
  return ownState(node, judgeAlone(node, inspectNode(home, node.key, node.attempt)), undefined);
}

function ownState(node: PlanNode, verdict: Verdict | undefined, failure: string | undefined): AtRest {
  if (!verdict) throw new Error(`no verdict for ${node.address}`);
  if (verdict.verdict === 'reuse')
    return { state: 'done', reason: verdict.reason.kind === 'spared' ? reasonText(node, verdict) : null };
  if (failure !== undefined) return { state: 'failed', reason: failure };
  const begun = verdict.verdict === 'resume' || verdict.reason.kind === 'stopped';
  return begun ? { state: 'interrupted', reason: reasonText(node, verdict) } : { state: 'waiting', reason: null };
}

/** Why nodes failed, as the results have it; of none where there are no results yet. */
export async function readFailures(
  home: string,
  options: Pick<QueryOptions, 'patienceSeconds' | 'besideForSeconds'> = {},
): Promise<Failures> {
  if (!existsSync(databasePath(home))) return new Map();
  const { rows } = await runQuery(
    home,
    "SELECT key, arg_max(message, attempt) FROM attempts GROUP BY key HAVING arg_max(state, attempt) = 'failed'",
    {},
    options,
  );
  return new Map(rows.map(([key, message]) => [String(key), String(message)]));
}
