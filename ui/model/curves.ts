import type { Key } from '../../planner/plan.ts';
import type { Curve, Points } from '../protocol.ts';

/** A curve gets coarser when it has twice as many points: more than these no screen shows. */
const mostPoints = 600;

/** A node's curves with what came after them; a metric that is new begins one, unless others alone are wanted. */
export function withPoints(
  curves: readonly Curve[],
  { voidAfter, steps, values }: Points,
  node: { key: Key; address: string },
  wanted: (metric: string) => boolean = () => true,
): Curve[] {
  const known = new Set(curves.flatMap(({ key, metric }) => (key === node.key ? [metric] : [])));
  const begun = Object.keys(values)
    .filter((metric) => !known.has(metric) && wanted(metric))
    .map((metric): Curve => ({ ...node, metric, steps: [], values: [] }));
  return [...curves, ...begun].map((curve) => {
    if (curve.key !== node.key) return curve;
    const kept = voidAfter === null ? curve : upTo(curve, voidAfter);
    const last = kept.steps.at(-1) ?? -1;
    const from = steps.findIndex((step) => step > last);
    const added = values[curve.metric];
    if (added === undefined || from < 0) return kept;
    return thinned({
      ...kept,
      steps: [...kept.steps, ...steps.slice(from)],
      values: [...kept.values, ...added.slice(from)],
    });
  });
}

/** The newest point that has a value; null where none has. */
export function lastOf({
  steps,
  values,
}: {
  steps: readonly number[];
  values: readonly (number | null)[];
}): { step: number; value: number } | null {
  for (let at = steps.length - 1; at >= 0; at--) {
    const value = values[at];
    if (value !== null && value !== undefined) return { step: steps[at] as number, value };
  }
  return null;
}

/** Metrics in the order that one asks for them: what is learned from first, what is measured of the machine last. */
export function ranked(metrics: readonly string[]): string[] {
  const rank = (metric: string) => {
    const at = first.findIndex((pattern) => pattern.test(metric));
    return at >= 0 ? at : last.some((pattern) => pattern.test(metric)) ? 1000 : 100;
  };
  return [...new Set(metrics)].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
}

const first = [/^loss$/, /^reward$/, /loss/i, /reward/i, /^(accuracy|correct)/, /^kl/i, /entropy/i];
const last = [/seconds?$/i, /^lr$/, /learningRate/i, /norm/i, /PerSecond/, /^tokens/];

function upTo(curve: Curve, step: number): Curve {
  const end = curve.steps.findIndex((one) => one > step);
  return end < 0 ? curve : { ...curve, steps: curve.steps.slice(0, end), values: curve.values.slice(0, end) };
}

/** Means of two points each where there are too many; a point stands where its last step is. */
function thinned(curve: Curve): Curve {
  if (curve.steps.length < 2 * mostPoints) return curve;
  const steps: number[] = [];
  const values: (number | null)[] = [];
  for (let at = 0; at < curve.steps.length; at += 2) {
    const pair = curve.values.slice(at, at + 2).filter((value) => value !== null);
    steps.push(curve.steps[Math.min(at + 1, curve.steps.length - 1)] as number);
    values.push(pair.length === 0 ? null : pair.reduce((sum, value) => sum + value, 0) / pair.length);
  }
  return { ...curve, steps, values };
}
