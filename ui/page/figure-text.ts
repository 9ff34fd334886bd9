import { bareMeasured, measured } from '../../words/measured.ts';
import { type ModelColumn, type ModelRow, metricOf } from '../model/models.ts';

/** A figure with its 95 % interval; of several seeds the mean with the deviation, and how many there are where some lack it. */
export function figureText(
  { cells, deviations, counts, rows }: ModelRow,
  { name, low, high }: ModelColumn,
  at: number,
): string {
  const value = cells[at];
  if (typeof value !== 'number') return '';
  const metric = metricOf(name);
  const deviation = deviations[at] ?? null;
  if (rows.length > 1) {
    const missing = counts[at] === rows.length ? '' : ` (n ${counts[at]})`;
    return `${measured(metric, value)}${deviation === null ? '' : ` ± ${bareMeasured(metric, deviation)}`}${missing}`;
  }
  const [from, to] = [rows[0]?.[low], rows[0]?.[high]];
  const interval =
    typeof from === 'number' && typeof to === 'number'
      ? ` [${bareMeasured(metric, from)}, ${bareMeasured(metric, to)}]`
      : '';
  return `${measured(metric, value)}${interval}`;
}
