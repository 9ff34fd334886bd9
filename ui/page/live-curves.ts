import { useEffect, useRef, useState } from 'preact/hooks';
import type { Key } from '../../planner/plan.ts';
import { withPoints } from '../model/curves.ts';
import type { Curve, LineageView, Points } from '../protocol.ts';
import type { Refused } from './api.ts';
import { useAsked } from './asked.tsx';
import { arrivals, onChange } from './state.ts';

/** Curves as they grow; `problem` is why they could not be had. */
export interface LiveCurves {
  curves: readonly Curve[] | null;
  problem: Refused | null;
}

/** How often at most a chart is drawn anew: eyes see no more, and a page of many charts stays quick. */
const drawEveryMs = 500;

/**
 * Asks for curves, and adds what comes. `nodeOf` gives the node of points that belong to them, null for those of others;
 * `metric` is the only one wanted, or null for all.
 */
export function useLiveCurves(
  path: string | null,
  nodeOf: (points: Points) => { key: Key; address: string } | null,
  metric: string | null,
  version: unknown,
): LiveCurves {
  const { value, problem } = useAsked<Curve[]>(path, `${arrivals.value} ${version}`);
  const [curves, setCurves] = useState<readonly Curve[] | null>(null);
  const newest = useRef<readonly Curve[] | null>(null);
  const find = useRef(nodeOf);
  find.current = nodeOf;
  useEffect(() => {
    newest.current = value;
    setCurves(value);
    if (value === null) return;
    let timer: ReturnType<typeof setTimeout> | null = null;
    const draw = () => {
      timer = null;
      setCurves(newest.current);
    };
    const forget = onChange((change) => {
      if (change.kind !== 'points' || newest.current === null) return;
      const node = find.current(change);
      if (node === null) return;
      newest.current = withPoints(newest.current, change, node, (one) => metric === null || one === metric);
      timer ??= setTimeout(draw, drawEveryMs);
    });
    return () => {
      forget();
      if (timer !== null) clearTimeout(timer);
    };
  }, [value, metric]);
  return { curves, problem };
}

/** Whose points they are. */
export function nodeAt({ nodes }: LineageView, index: number): { key: Key; address: string } {
  return { key: nodes.key[index] as Key, address: nodes.address[index] as string };
}
