/**
 * The shapes of padded batches. A captured step is made anew for every shape of a batch that occurs, which takes as long as
 * an eager step and a moment. So time is rounded up on a ladder of eight rungs an octave, which pads by an eighth at most,
 * and the places that logits are taken of to eighths of all places. How full a batch is follows mostly from its longest
 * sequence, so that the second adds few shapes to those of the first: the two, each rounded up on its own, multiply.
 */

/** How long the sequences of a batch are, and of how many places the logits are taken. */
export interface PaddedShape {
  /** Tokens of each sequence. */
  time: number;
  /** Places that are predicted at, padding among them; undefined where it is all of them, in their order. */
  places: number | undefined;
}

/**
 * The shape of a batch of `sequences`, the longest of which has `longest` tokens, and which predicts `predictions` in all.
 * No longer than `context`, and never smaller than what it has to hold.
 */
export function paddedShape(sequences: number, longest: number, predictions: number, context: number): PaddedShape {
  const time = Math.min(rung(longest), context);
  const eighths = Math.ceil((8 * predictions) / (sequences * time));
  return { time, places: eighths > fullest ? undefined : Math.ceil((eighths * sequences * time) / 8) };
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
