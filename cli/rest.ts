import { existsSync } from 'node:fs';
import { needsOf } from '../planner/kinship.ts';
import type { Key, Plan, PlanNode } from '../planner/plan.ts';
import { reasonText } from '../planner/reason.ts';
import type { RestState } from '../planner/select.ts';
import { judge, type NodeState, type Verdict } from '../planner/verdict.ts';
import { type QueryOptions, runQuery } from '../results/query.ts';
import { nodesInspector } from '../store/artifact.ts';
import { databasePath } from '../store/home.ts';

/** How a node stands while nothing runs. */
export interface AtRest {
  state: RestState;
  /** Why it failed, is blocked, has to go on, or need not be there. */
  reason: string | null;
}

/**
 * Tells how each node of a plan stands while nothing runs: as the store has it; of those that failed, why; and what is
 * blocked because something that it needs failed. `inspect` tells what the store has of a key.
 */
export async function lookAtRest(
  home: string,
  plan: Plan,
  options: Pick<QueryOptions, 'patienceSeconds' | 'besideForSeconds'> = {},
  inspect: (key: Key, from?: number) => NodeState = nodesInspector(home),
): Promise<(node: PlanNode) => AtRest> {
  const failures = existsSync(databasePath(home)) ? await readFailures(home, options) : new Map<string, string>();
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

function ownState(node: PlanNode, verdict: Verdict | undefined, failure: string | undefined): AtRest {
  if (!verdict) throw new Error(`no verdict for ${node.address}`);
  if (verdict.verdict === 'reuse')
    return { state: 'done', reason: verdict.reason.kind === 'spared' ? reasonText(node, verdict) : null };
  if (failure !== undefined) return { state: 'failed', reason: failure };
  const begun = verdict.verdict === 'resume' || verdict.reason.kind === 'stopped';
  return begun ? { state: 'interrupted', reason: reasonText(node, verdict) } : { state: 'waiting', reason: null };
}

async function readFailures(
  home: string,
  options: Pick<QueryOptions, 'patienceSeconds' | 'besideForSeconds'>,
): Promise<Map<string, string>> {
  const { rows } = await runQuery(
    home,
    "SELECT key, arg_max(message, attempt) FROM attempts GROUP BY key HAVING arg_max(state, attempt) = 'failed'",
    {},
    options,
  );
  return new Map(rows.map(([key, message]) => [String(key), String(message)]));
}
