import type { LineageNow, NodeNow } from '../../ui/live.ts';
import type { Standing } from '../../ui/protocol.ts';
import { smallPlan } from '../fixtures/plans.ts';

/** A lineage `made` of a tokenizer, a model, and its evaluation. */
export const madePlan = smallPlan('made', [
  { address: 'tokenizer:made', type: 'tokenizer' },
  { address: 'base', needs: ['tokenizer:made'] },
  { address: 'base/heldout', type: 'evaluate', needs: ['base'] },
]);

/** It, as all or each of its nodes stand. */
export function nowOf(
  standing: Standing | (Standing | Partial<NodeNow>)[],
  more: Partial<LineageNow> = {},
): LineageNow {
  const each = Array.isArray(standing) ? standing : madePlan.nodes.map(() => standing);
  return {
    lineage: 'made',
    title: null,
    file: '/lineages/made.yaml',
    digest: 'f'.repeat(64),
    plan: async () => madePlan,
    lastRun: '2026-01-01T00:00:00.000Z',
    running: each.some((one) => one === 'running'),
    paused: false,
    note: null,
    temporal: null,
    nodes: each.map((one) => ({
      state: 'waiting',
      reason: null,
      progress: null,
      ...(typeof one === 'string' ? { state: one } : one),
    })),
    ...more,
  };
}
