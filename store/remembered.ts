import { statSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { NodeState } from '../planner/verdict.ts';
import { inspectNode } from './artifact.ts';
import { attemptFolder, keyFolder, keysBeginning } from './home.ts';

/** Tells how nodes stand, again and again. */
export interface RememberingInspector {
  /**
   * Looks at some keys, and gives what `nodesInspector` gives for these. Others have their turn in between. `pending`: what
   * was found done before is taken for done, as nothing has been removed since.
   */
  look(
    nodes: Iterable<{ key: string; attempt?: number }>,
    at?: 'all' | 'pending',
  ): Promise<(key: string, from?: number) => NodeState>;
}

/** Milliseconds that are looked without a break. */
const sliceMs = 15;

/**
 * `nodesInspector` for whoever looks at thousands of nodes every few seconds. What was found done is not read again for as
 * long as its attempts are the same and nothing came into their folder or went: a file deeper in it that somebody changes
 * by hand is noticed by a new inspector only, as large files are by `verifyArtifact` only.
 */
export function rememberingInspector(home: string): RememberingInspector {
  const remembered = new Map<string, { stamp: string; state: Extract<NodeState, { state: 'done' }> }>();
  const inspect = (id: string, key: string, from: number | undefined, at: 'all' | 'pending'): NodeState => {
    const before = remembered.get(id);
    if (before && (at === 'pending' || before.stamp === stampOf(home, key, before.state.attempt))) return before.state;
    const state = inspectNode(home, key, from);
    if (state.state === 'done') remembered.set(id, { stamp: stampOf(home, key, state.attempt), state });
    else remembered.delete(id);
    return state;
  };
  return {
    async look(nodes, at = 'all') {
      const there = new Set(keysBeginning(home, ''));
      const found = new Map<string, NodeState>();
      let begun = performance.now();
      for (const { key, attempt } of nodes) {
        const id = idOf(key, attempt);
        if (there.has(key)) found.set(id, inspect(id, key, attempt, at));
        if (performance.now() - begun < sliceMs) continue;
        await nextTurn();
        begun = performance.now();
      }
      return (key, from) => found.get(idOf(key, from)) ?? { state: 'none' };
    },
  };
}

function idOf(key: string, from: number | undefined): string {
  return from === undefined ? key : `${key} ${from}`;
}

/** Changes when an attempt comes or goes, and when something comes into this one's folder, or goes, or is replaced. */
function stampOf(home: string, key: string, attempt: number): string {
  const times = [keyFolder(home, key), attemptFolder(home, key, attempt)].map(
    (folder) => statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? 'none',
  );
  return times.join(' ');
}
