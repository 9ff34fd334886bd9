import type { Random } from '../random.ts';
import { cooking, hiding, journey, kindness, outing, practice } from './stories/adventures.ts';
import {
  counting,
  courage,
  creature,
  day,
  fable,
  lesson,
  letter,
  portrait,
  race,
  riddle,
  trade,
} from './stories/pieces.ts';
import { broken, gift, lost, quarrel, trades, treasure } from './stories/possessions.ts';
import { createTeller, type Tale } from './stories/teller.ts';

/** All kinds of stories with their shares: 55 % long tales, 45 % short pieces. */
const kinds: readonly [Tale, number][] = [
  [lost, 8],
  [broken, 5],
  [cooking, 5],
  [kindness, 5],
  [quarrel, 4],
  [gift, 4],
  [trades, 4],
  [journey, 4],
  [outing, 4],
  [practice, 4],
  [hiding, 4],
  [treasure, 4],
  [portrait, 6],
  [creature, 5],
  [riddle, 4],
  [counting, 5],
  [letter, 4],
  [race, 3],
  [trade, 4],
  [day, 4],
  [courage, 4],
  [fable, 3],
  [lesson, 3],
];
const shares = kinds.reduce((sum, [, share]) => sum + share, 0);

/** One story of 20 to 150 words, drawn from a grammar of 23 plots over one fixed world of people, places and things. */
export function story(random: Random): string {
  return told(random, kindOfStory(random));
}

/** A kind of story, drawn by its share. */
export function kindOfStory(random: Random): Tale {
  let at = random.integer(shares);
  for (const [tale, share] of kinds) {
    if (at < share) return tale;
    at -= share;
  }
  throw new RangeError('The shares of the stories do not add up.');
}

/** A story of one kind. */
export function told(random: Random, kind: Tale): string {
  const teller = createTeller(random);
  return teller.render(kind(teller));
}
