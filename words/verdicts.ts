import type { PartVerdict } from '../results/verdicts/verdict.ts';
import { amount, figure } from './figures.ts';
import { isShare } from './measured.ts';

/** What is told of a part of a takeaway. */
export type Effect = Pick<
  PartVerdict,
  'metric' | 'effectOf' | 'effect' | 'low' | 'high' | 'points' | 'seeds' | 'pCorrected'
>;

/** A part of a takeaway in words: where it points, effect, interval, seeds, corrected p; each empty where there is none. */
export function partCells(part: Effect, alpha: number): string[] {
  const { effect, low, high, seeds, pCorrected } = part;
  const shown = (value: number | null, open: string) => (value === null ? open : amountOf(part, value));
  const interval =
    low === null && high === null
      ? ''
      : `${Number(((1 - alpha) * 100).toFixed(4))} % [${shown(low, '-∞')}, ${shown(high, '∞')}]`;
  return [
    effect === null ? '' : { for: 'as claimed', against: 'against', neither: 'neither' }[part.points],
    effect === null ? '' : `${sign(part, effect)}${amountOf(part, effect)}${unit(part)}`,
    interval,
    String(seeds),
    pCorrected === null ? '' : shownP(pCorrected),
  ];
}

function sign({ effectOf }: Effect, value: number): string {
  return effectOf === 'saturation' ? 'at ' : value > 0 ? '+' : '';
}

/** Shares in percentage points, levels in three digits, all else as it is. */
function amountOf(part: Effect, value: number): string {
  if (part.effectOf === 'saturation') return value < 10_000 ? figure(Number(value.toPrecision(3))) : amount(value);
  return isShareOf(part) ? (value * 100).toFixed(1) : figure(value);
}

function unit(part: Effect): string {
  return isShareOf(part) ? ' pp' : '';
}

function isShareOf({ metric, effectOf }: Effect): boolean {
  const isOfFigure = effectOf === 'difference' || effectOf === 'change';
  return isOfFigure && isShare(metric.slice(metric.lastIndexOf('.') + 1));
}

/** A p-value: `0.031`, `<0.001`. */
export function shownP(p: number): string {
  return p < 0.001 ? '<0.001' : p.toFixed(3);
}
