import type { Change, LineageView, Standing } from '../protocol.ts';

/** A lineage after a change: the view that was given stays as it is. What concerns one node alone changes nothing here. */
export function changed(view: LineageView, change: Change): LineageView {
  switch (change.kind) {
    case 'standings':
      return withStandings(view, change);
    case 'progress':
      return { ...view, progress: change.progress };
    case 'state': {
      const { kind, ...state } = change;
      return { ...view, ...state };
    }
    case 'points':
    case 'sample':
    case 'replaced':
      return view;
    default:
      return change satisfies never;
  }
}

function withStandings(view: LineageView, change: Change & { kind: 'standings' }): LineageView {
  const standing = [...view.nodes.standing];
  const reasons = { ...view.reasons };
  for (const [place, node] of change.nodes.entries()) {
    standing[node] = change.standing[place] as Standing;
    delete reasons[node];
  }
  return {
    ...view,
    counts: change.counts,
    nodes: { ...view.nodes, standing },
    reasons: { ...reasons, ...change.reasons },
    progress: view.progress.filter(({ node }) => standing[node] === 'running'),
  };
}

/** What changed between two moments, in words for who cannot see it: `2 nodes done, 1 failed`; empty where nothing did. */
export function newsOf(before: LineageView, after: LineageView): string {
  if (before.plan !== after.plan) return 'The plan is another one now.';
  const news = (['done', 'failed', 'blocked', 'interrupted'] as const).flatMap((word) => {
    const more = after.counts[word] - before.counts[word];
    return more > 0 ? [`${more} ${word}`] : [];
  });
  const state =
    before.paused !== after.paused
      ? [after.paused ? 'paused' : 'going on']
      : before.running !== after.running
        ? [after.running ? 'running' : 'ended']
        : [];
  if (news.length === 0) return state.length === 0 ? '' : `The lineage is ${state[0]}.`;
  const nodes = `${news.join(', ')} since; ${after.counts.done} of ${after.nodes.key.length} done.`;
  return state.length === 0 ? nodes : `${nodes} The lineage is ${state[0]}.`;
}
