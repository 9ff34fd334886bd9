import type { Pin } from '../../store/pins.ts';
import { shortKey } from '../../words/figures.ts';
import { columns } from './columns.ts';

/** What is pinned, one a line. */
export function renderPins(pins: readonly Pin[]): string {
  if (pins.length === 0) return 'nothing is pinned';
  return columns(
    pins.map(({ key, address, reason, pinnedAt }) => [address || '?', shortKey(key), pinnedAt.slice(0, 10), reason]),
  );
}
