/** What a look at a file tells that somebody touches for as long as he lives. */
export interface Look {
  /** Of whoever has the file now. */
  id: string;
  touchedAt: number;
}

/** What counts of the time between two looks: who watches may have stood still itself, and saw nothing of it. */
const longestLookMs = 1000;

/**
 * Watches a file, look by look: whether it was touched since the look before, was watched untouched for more than so many
 * seconds, or neither. No time of day is compared: machines that share a store have clocks of their own, and clocks are set.
 */
export function watchTouches(seconds: number): (look: Look) => 'touched' | 'untouched' | 'unknown' {
  let seen: (Look & { at: number; watchedMs: number }) | undefined;
  return ({ id, touchedAt }) => {
    const at = performance.now();
    const before = seen?.id === id ? seen : undefined;
    const touched = before !== undefined && before.touchedAt !== touchedAt;
    const watchedMs = before && !touched ? before.watchedMs + Math.min(at - before.at, longestLookMs) : 0;
    seen = { id, touchedAt, at, watchedMs };
    if (touched) return 'touched';
    return watchedMs > seconds * 1000 ? 'untouched' : 'unknown';
  };
}
