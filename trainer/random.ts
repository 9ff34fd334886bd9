import { createHash } from 'node:crypto';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';

/** A stream of draws that depends on nothing but the seed and the purpose it was made for. */
export interface Random {
  /** A number in [0, 1), 53 random bits. */
  uniform(): number;
  /** An integer in [0, n), all equally likely; n is at least 1. */
  integer(n: number): number;
  /** A draw from the standard normal distribution (Box and Muller, 1958). */
  normal(): number;
  /** A new array with the items in a random order (Fisher and Yates); the given one is left as it is. */
  shuffle<T>(items: readonly T[]): T[];
}

/**
 * The stream of random draws of one purpose: `random(job.seed, 'sft', 'order', epoch)`.
 *
 * Randomness is counter-based: whoever needs a draw names it (a purpose, an index) instead of passing a generator
 * along, so a resumed run needs no saved generator state and no draw depends on what was drawn before for something
 * else. Seed and purpose are hashed with SHA-256 into the 128 bits of state of a xoroshiro128+ generator.
 */
export function random(seed: number, ...purpose: (string | number)[]): Random {
  const digest = createHash('sha256')
    .update(JSON.stringify([seed, ...purpose]))
    .digest();
  const generator = xoroshiro128plusFromState([0, 4, 8, 12].map((offset) => digest.readInt32LE(offset)));
  const uniform = () => uniformFloat64(generator);
  const integer = (n: number) => uniformInt(generator, 0, n - 1);
  let spare: number | undefined;

  return {
    uniform,
    integer,
    normal() {
      if (spare !== undefined) {
        const value = spare;
        spare = undefined;
        return value;
      }
      const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
      const angle = 2 * Math.PI * uniform();
      spare = radius * Math.sin(angle);
      return radius * Math.cos(angle);
    },
    shuffle(items) {
      const shuffled = [...items];
      for (let last = shuffled.length - 1; last > 0; last--) {
        const other = integer(last + 1);
        [shuffled[last], shuffled[other]] = [
          shuffled[other] as (typeof shuffled)[0],
          shuffled[last] as (typeof shuffled)[0],
        ];
      }
      return shuffled;
    },
  };
}
