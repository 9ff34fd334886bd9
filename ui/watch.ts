import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { LineageNow, Live } from './live.ts';
import type { Change } from './protocol.ts';
import { countsOf, progressOf, reasonsOf } from './standings.ts';
import { openTails, type Tails } from './tails.ts';

/** Milliseconds between two looks at a lineage that runs, and at one that does not or is paused. */
export interface LookTiming {
  runningMs: number;
  restingMs: number;
}

/** Looks at lineages for everybody who shows them: one look at a time, however many pages there are. */
export interface Watch {
  /** How a lineage stands, as subscribers were told last where there are any; undefined where it was not run here. */
  look(lineage: string): Promise<LineageNow | undefined>;
  /** Tells of what changes from the newest look on; gives how to end that. Nobody looks where nobody listens. */
  subscribe(lineage: string, tell: (change: Change) => void): () => void;
  /** Looks at once, as something was done. */
  lookSoon(lineage: string): void;
  /** Looks once more for whoever listens, as far as that takes a moment only, and ends. */
  close(): Promise<void>;
}

/** How long that last look may take. */
const lastLookMs = 2000;

interface Watched {
  listeners: Set<(change: Change) => void>;
  newest: LineageNow | undefined;
  /** Ends the waiting between two looks. */
  wake: () => void;
  /** Whether the next look is the last. */
  last: boolean;
  /** Ends the looking at once. */
  stopped: AbortController;
  /** Resolves when nobody looks any more. */
  ended: Promise<void>;
}

/** Watches the lineages of a home. */
export function openWatch(home: string, live: Live, timing: LookTiming): Watch {
  const watched = new Map<string, Watched>();
  const looks = new Map<string, Promise<LineageNow | undefined>>();

  const lookOnce = (lineage: string): Promise<LineageNow | undefined> => {
    const under = looks.get(lineage);
    if (under !== undefined) return under;
    const look = live.lineage(lineage).finally(() => looks.delete(lineage));
    looks.set(lineage, look);
    return look;
  };

  const stop = (lineage: string): void => {
    const one = watched.get(lineage);
    one?.stopped.abort();
    one?.wake();
    watched.delete(lineage);
  };

  return {
    look: async (lineage) => watched.get(lineage)?.newest ?? (await lookOnce(lineage)),
    subscribe(lineage, tell) {
      const before = watched.get(lineage);
      const one = before ?? newlyWatched();
      one.listeners.add(tell);
      watched.set(lineage, one);
      if (before === undefined) one.ended = follow(home, one, timing, () => lookOnce(lineage));
      return () => {
        one.listeners.delete(tell);
        if (one.listeners.size === 0 && watched.get(lineage) === one) stop(lineage);
      };
    },
    lookSoon: (lineage) => watched.get(lineage)?.wake(),
    async close() {
      const ends = [...watched.values()].map((one) => {
        one.last = true;
        one.wake();
        return one.ended;
      });
      const patience = new AbortController();
      await Promise.race([
        Promise.all(ends),
        sleep(lastLookMs, undefined, { signal: patience.signal }).catch(() => {}),
      ]);
      patience.abort();
      for (const lineage of [...watched.keys()]) stop(lineage);
    },
  };
}

function newlyWatched(): Watched {
  return {
    listeners: new Set(),
    newest: undefined,
    wake: () => {},
    last: false,
    stopped: new AbortController(),
    ended: Promise.resolve(),
  };
}

/** Looks again and again until nobody listens any more, and tells what is different from the look before. */
async function follow(
  home: string,
  one: Watched,
  { runningMs, restingMs }: LookTiming,
  look: () => Promise<LineageNow | undefined>,
): Promise<void> {
  const { signal } = one.stopped;
  const tell = (change: Change): void => {
    if (!signal.aborted) for (const listener of one.listeners) listener(change);
  };
  const tails = openTails(home);
  for (let last = false; !last && !signal.aborted; ) {
    last = one.last;
    // Who wakes while it is looked wants a look that begins after that.
    const waking = new AbortController();
    one.wake = () => waking.abort();
    try {
      const now = await look();
      // One that was published, or is gone: nothing happens to it.
      if (now !== undefined) {
        const before = one.newest;
        one.newest = now;
        for (const change of changesBetween(before, now)) tell(change);
        await tellTails(tails, before, now, tell);
      }
    } catch (error) {
      const note = error instanceof Error ? error.message : String(error);
      if (one.newest !== undefined && one.newest.note !== note) {
        one.newest = { ...one.newest, note };
        tell(stateOf(one.newest));
      }
    }
    if (last) return;
    const pause = one.newest?.running && !one.newest.paused ? runningMs : restingMs;
    await sleep(pause, undefined, { signal: waking.signal }).catch(() => {});
  }
}

function stateOf({ running, paused, note, temporal }: LineageNow): Change {
  return { kind: 'state', running, paused, note, temporal };
}

/** What is different between two looks; nothing at the first. */
function* changesBetween(before: LineageNow | undefined, now: LineageNow): Generator<Change> {
  if (before === undefined) return;
  if (before.digest !== now.digest) {
    yield { kind: 'replaced' };
    return;
  }
  const { running, paused, note, temporal } = now;
  const sameState =
    before.running === running && before.paused === paused && before.note === note && before.temporal === temporal;
  if (!sameState) yield stateOf(now);
  if (before.nodes !== now.nodes) {
    const nodes: number[] = [];
    for (const [index, { state, reason }] of now.nodes.entries()) {
      const was = before.nodes[index];
      if (was?.state !== state || was.reason !== reason) nodes.push(index);
    }
    if (nodes.length > 0) {
      const standing = nodes.map((index) => (now.nodes[index] as (typeof now.nodes)[number]).state);
      yield { kind: 'standings', nodes, standing, reasons: reasonsOf(now.nodes, nodes), counts: countsOf(now.nodes) };
    }
  }
  const progress = progressOf(now.nodes);
  if (!isDeepStrictEqual(progress, progressOf(before.nodes))) yield { kind: 'progress', progress };
}

/** Tells what the trainers of the nodes that run, or ran at the look before, have said since. Another plan has other nodes. */
async function tellTails(
  tails: Tails,
  before: LineageNow | undefined,
  now: LineageNow,
  tell: (change: Change) => void,
): Promise<void> {
  if (!now.running && !before?.running) return;
  const { nodes } = await now.plan();
  const ran = before?.digest === now.digest ? before.nodes : [];
  const followed = now.nodes.flatMap(({ state }, index) =>
    state === 'running' || ran[index]?.state === 'running' ? [index] : [],
  );
  for await (const change of tails.next(followed.flatMap((node) => ({ node, key: nodes[node]?.key ?? '' }))))
    tell(change);
}
