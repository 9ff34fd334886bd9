import { figure, nats, percent } from './figures.ts';

/** Whether figures of a metric are shares, which are told in per cent: `pass@1`, `acc_norm`, `correctRatio`. */
export function isShare(metric: string): boolean {
  return /^((pass|maj|rm)@\d+(\(sampled\))?|acc\w*|correctRatio|truncated|chance|majority)$/.test(metric);
}

/** A figure of a metric: `31.5 %`, a loss `1.234`. */
export function measured(metric: string, value: number): string {
  return isShare(metric) ? percent(value) : bareMeasured(metric, value);
}

/** The same without its unit. */
export function bareMeasured(metric: string, value: number): string {
  return isShare(metric) ? (value * 100).toFixed(1) : metric === 'loss' ? nats(value) : figure(value);
}
