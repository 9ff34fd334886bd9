/**
 * The shapes of padded batches. A captured step is made anew for every shape of a batch that occurs, which takes as long as
 * an eager step and a moment. So time is rounded up on a ladder of eight rungs an octave, which pads by an eighth at most,
 * and the places that logits are taken of to eighths of all places. How full a batch is follows mostly from its longest
 * sequence, so that the second adds few shapes to those of the first: the two, each rounded up on its own, multiply.
 */
/** Tokens of each sequence of a batch whose longest has `longest`: padded, but not beyond `context`. */
export function paddedTime(longest: number, context: number): number {
  return Math.min(rung(longest), context);
}

/** Of how many places of `all` logits are taken where `predictions` of them are predicted at; undefined for all of them. */
export function paddedPlaces(all: number, predictions: number): number | undefined {
  const eighths = Math.ceil((8 * predictions) / all);
  return eighths > fullest ? undefined : Math.ceil((Math.max(eighths, 1) * all) / 8);
}

/** Where more eighths than these are predicted at, choosing places saves less than it costs in shapes. */
const fullest = 4;

/** The lowest rung: shorter is not faster. */
const least = 16;

/** The lowest rung of time that is not below `value`. */
function rung(value: number): number {
  if (value <= least) return least;
  const step = 2 ** (31 - Math.clz32(value - 1)) / 8;
  return Math.ceil(value / step) * step;
}
