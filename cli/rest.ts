import { existsSync } from 'node:fs';
import type { Plan, PlanNode } from '../planner/plan.ts';
import type { RestState } from '../planner/select.ts';
import { judge, type Verdict } from '../planner/verdict.ts';
import { runQuery } from '../results/query.ts';
import { inspectNode } from '../store/artifact.ts';
import { databasePath } from '../store/home.ts';

/** How a node stands while nothing runs. */
export interface AtRest {
  state: RestState;
  verdict: Verdict;
  /** Why it failed, where it did. */
  failure: string | null;
}

/** Tells how each node of a plan stands while nothing runs: as the store has it, and of those that failed, why. */
export async function lookAtRest(home: string, plan: Plan): Promise<(node: PlanNode) => AtRest> {
  const failures = existsSync(databasePath(home)) ? await readFailures(home) : new Map<string, string>();
  const verdicts = judge(plan, (key) => inspectNode(home, key));
  return ({ key, address }) => {
    const verdict = verdicts.get(key);
    if (!verdict) throw new Error(`no verdict for ${address}`);
    const failure = verdict.verdict === 'reuse' ? null : (failures.get(key) ?? null);
    return { state: failure === null ? statesOf[verdict.verdict] : 'failed', verdict, failure };
  };
}

const statesOf: Readonly<Record<Verdict['verdict'], RestState>> = {
  reuse: 'done',
  resume: 'interrupted',
  run: 'waiting',
};

async function readFailures(home: string): Promise<Map<string, string>> {
  const { rows } = await runQuery(home, "SELECT key, message FROM latest_attempts WHERE state = 'failed'");
  return new Map(rows.map(([key, message]) => [String(key), String(message)]));
}
