import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** Whole numbers from 0 to below `count`, each as likely. */
export type Draw = (count: number) => number;

/** Draws that are the same whenever the seed is: what is resampled gives the same answer each time it is asked. */
export function seededDraw(seed = 1): Draw {
  const generator = xoroshiro128plus(seed);
  return (count) => uniformInt(generator, 0, count - 1);
}

/** Puts items into a random order, in place (Fisher and Yates). */
export function shuffle<Items extends unknown[] | Float64Array>(items: Items, draw: Draw): Items {
  for (let last = items.length - 1; last > 0; last -= 1) {
    const other = draw(last + 1);
    const item = items[last];
    items[last] = items[other];
    items[other] = item;
  }
  return items;
}
