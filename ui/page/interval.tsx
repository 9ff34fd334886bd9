/** An effect with its interval; the ends are null where there are none. */
export interface Effect {
  effect: number | null;
  low: number | null;
  high: number | null;
}

const width = 120;

/** An effect as a dot, its interval as a line (to the edge where it has no end), and nothing as an upright: on the scale of those `among` which it stands. */
export function IntervalMark({ part: { effect, low, high }, among }: { part: Effect; among: readonly Effect[] }) {
  const ends = among.flatMap((one) => [one.effect, one.low, one.high]).filter((one) => one !== null);
  const most = Math.max(...ends.map(Math.abs), 0);
  if (effect === null || most === 0) return null;
  const x = (value: number) => width / 2 + (value / most) * (width / 2 - 5);
  return (
    <svg class="interval" viewBox={`0 0 ${width} 16`} width={width} height={16} aria-hidden="true">
      <path class="zero" d={`M${x(0)} 0V16`} />
      {(low !== null || high !== null) && (
        <path class="whisker" d={`M${low === null ? 0 : x(low)} 8H${high === null ? width : x(high)}`} />
      )}
      <circle cx={x(effect)} cy={8} r={3.5} />
    </svg>
  );
}
