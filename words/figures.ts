import prettyMilliseconds from 'pretty-ms';

/** A whole number with thousands apart: `1,234,567`. */
export function whole(value: number): string {
  return wholes.format(value);
}

/** A count in the units of lineage files: `400K`, `1.6M`, `8B`; below ten thousand as it is. */
export function amount(value: number): string {
  if (Math.abs(value) < 10_000) return whole(value);
  for (const [unit, size] of UNITS) {
    if (Math.abs(value) >= size * 0.99995) return `${trim((value / size).toPrecision(3))}${unit}`;
  }
  return whole(value);
}

/** `1 node`, `12 nodes`. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${whole(count)} ${count === 1 ? noun : plural}`;
}

/** A measured figure with as many digits as a person compares: `1.234`, `0.01235`, `12.35`, `3e-4`. */
export function figure(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return whole(value);
  if (Math.abs(value) >= 1e6 || Math.abs(value) < 1e-3)
    return Number(value.toPrecision(3)).toExponential().replace('e+', 'e');
  return Math.abs(value) >= 100 ? value.toFixed(1) : Number(value.toPrecision(4)).toString();
}

/** Floating-point operations, as papers write them: `2.24e12`. */
export function operations(flops: number): string {
  return flops < 1e6 ? whole(flops) : flops.toExponential(2).replace('e+', 'e');
}

/** A size on disk: `512 B`, `3.41 MB`. */
export function bytes(size: number): string {
  const power = Math.min(SIZES.length - 1, Math.floor(Math.log10(Math.max(1, size)) / 3));
  return `${trim((size / 1000 ** power).toPrecision(3))} ${SIZES[power]}`;
}

/** A loss in nats a token: three decimals, so that losses compare at a glance. */
export function nats(loss: number): string {
  return loss.toFixed(3);
}

/** A share from 0 to 1 in per cent: `31.5 %`. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** A time in its two largest units: `0 s`, `850 ms`, `1.2 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `1 d 3 h`, `12 d`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?';
  if (seconds < 0.001) return '0 s';
  const short = prettyMilliseconds(seconds * 1000, {
    hideYear: true,
    unitCount: seconds < 10 * 86_400 ? 2 : 1,
    secondsDecimalDigits: seconds < 10 ? 1 : 0,
  });
  return short.replace(
    /([\d.]+)([a-z]+)/g,
    (_, count: string, unit: string) => `${count} ${unit === 'm' ? 'min' : unit}`,
  );
}

/** The first 12 of a key's 64 hex digits. */
export function shortKey(key: string): string {
  return key.slice(0, 12);
}

/** Made once: `toLocaleString` would make one a call. */
const wholes = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

const UNITS: readonly (readonly [string, number])[] = [
  ['T', 1e12],
  ['B', 1e9],
  ['M', 1e6],
  ['K', 1e3],
];

const SIZES = ['B', 'kB', 'MB', 'GB', 'TB'];

function trim(digits: string): string {
  return Number(digits).toString();
}
