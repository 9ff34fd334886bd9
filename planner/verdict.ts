import type { Key, Plan, PlanNode, Verdict } from './plan.ts';

/** What the store holds under a key. */
export type NodeState =
  | { state: 'none' }
  | { state: 'partial'; attempt: number; step: number | null }
  | { state: 'done'; attempt: number; finishedAt: string }
  | { state: 'damaged'; reason: string };

/**
 * What will happen to each node of a plan, and why. A finished node is reused though its parent runs again: its key covers
 * the parent's, so the parent would come out the same.
 */
export function judge(plan: Plan, state: (key: Key) => NodeState): Map<Key, Verdict> {
  const verdicts = new Map<Key, Verdict>();
  for (const node of plan.nodes) {
    if (!verdicts.has(node.key)) verdicts.set(node.key, verdictOf(node, state(node.key)));
  }
  return verdicts;
}

function verdictOf(node: PlanNode, found: NodeState): Verdict {
  switch (found.state) {
    case 'none':
      return { verdict: 'run', reason: 'new' };
    case 'done':
      return { verdict: 'reuse', reason: `attempt ${found.attempt}, done ${found.finishedAt.slice(0, 10)}` };
    case 'damaged':
      return { verdict: 'run', reason: found.reason };
    case 'partial':
      if (found.step === null)
        return { verdict: 'run', reason: `attempt ${found.attempt} stopped before its first checkpoint` };
      return {
        verdict: 'resume',
        step: found.step,
        reason: `attempt ${found.attempt}, step ${found.step.toLocaleString('en')}${ofSteps(node)}`,
      };
  }
}

function ofSteps(node: PlanNode): string {
  return node.type === 'pretrain' || node.type === 'cpt' ? ` of ${node.recipe.steps.toLocaleString('en')}` : '';
}
