import type { Random } from '../../random.ts';
import { capital, pick, pickSeveral } from '../draw.ts';
import type { ProblemContent } from '../problem.ts';
import { type Person, people } from '../stories/people.ts';
import { colours, weekdays } from '../stories/world.ts';
import { type Calculation, calculation, continuation, equation } from './calculation.ts';

/**
 * A word problem of as many steps. A problem of one step asks in one of 28 ways; of more steps, things come and go.
 * Its solution is the calculations and the answer: `12 + 7 = 19. The answer is 19.`
 */
export function wordProblem(random: Random, maximum: number, steps: number): ProblemContent {
  const scene = draw(random);
  const first = calculation(random, maximum, 1);
  const calculations = [first];
  let prompt: string;
  if (steps === 1) {
    prompt = pick(random, first.sign === '+' ? sums : differences)(scene, first);
  } else {
    while (calculations.length < steps)
      calculations.push(continuation(random, calculations.at(-1)?.result ?? 0, maximum, 1));
    const events = calculations.map(({ sign, b }) => pick(random, sign === '+' ? gains : losses)(scene, b));
    prompt = `${scene.who.name} has ${scene.count(first.a)}. ${events.join(' ')} How many ${scene.things} does ${scene.who.name} have now?`;
  }
  const answer = String(calculations.at(-1)?.result);
  return {
    prompt,
    solution: `${calculations.map(equation).join('. ')}. The answer is ${answer}.`,
    answer,
    kind: 'number',
  };
}

/** Who and what a problem is about. */
interface Scene {
  who: Person;
  other: Person;
  /** `apples`. */
  things: string;
  /** `1 apple`, `7 apples`. */
  count(number: number): string;
  place: string;
  otherPlace: string;
  days: [string, string];
  colours: [string, string];
}

const objects: readonly (readonly [one: string, many: string])[] = [
  ['apple', 'apples'],
  ['nut', 'nuts'],
  ['egg', 'eggs'],
  ['shell', 'shells'],
  ['stone', 'stones'],
  ['coin', 'coins'],
  ['book', 'books'],
  ['ball', 'balls'],
  ['flower', 'flowers'],
  ['cup', 'cups'],
  ['button', 'buttons'],
  ['candle', 'candles'],
  ['bottle', 'bottles'],
  ['cookie', 'cookies'],
  ['carrot', 'carrots'],
  ['plum', 'plums'],
  ['marble', 'marbles'],
  ['card', 'cards'],
  ['pencil', 'pencils'],
  ['stamp', 'stamps'],
  ['sticker', 'stickers'],
  ['leaf', 'leaves'],
  ['bead', 'beads'],
  ['feather', 'feathers'],
  ['key', 'keys'],
  ['kite', 'kites'],
  ['hat', 'hats'],
  ['bell', 'bells'],
  ['ribbon', 'ribbons'],
  ['block', 'blocks'],
];
const containers = [
  'in the box',
  'in the basket',
  'on the table',
  'in the bag',
  'on the shelf',
  'in the drawer',
  'in the kitchen',
  'in the garden',
  'at the market',
  'in the cellar',
];

function draw(random: Random): Scene {
  const [who, other] = pickSeveral(random, people, 2) as [Person, Person];
  const [one, many] = pick(random, objects);
  const [place, otherPlace] = pickSeveral(random, containers, 2) as [string, string];
  return {
    who,
    other,
    things: many,
    count: (number) => `${number} ${number === 1 ? one : many}`,
    place,
    otherPlace,
    days: pickSeveral(random, weekdays, 2) as [string, string],
    colours: pickSeveral(random, colours.slice(0, 8), 2) as [string, string],
  };
}

type Asking = (scene: Scene, calculation: Calculation) => string;

const sums: readonly Asking[] = [
  ({ who, other, things, count }, { a, b }) =>
    `${who.name} has ${count(a)}. ${other.name} gives ${who.them} ${b} more. How many ${things} does ${who.name} have now?`,
  ({ who, things, count, place, otherPlace }, { a, b }) =>
    `${who.name} found ${count(a)} ${place} and ${b} ${otherPlace}. How many ${things} did ${who.they} find in all?`,
  ({ who, things, count, place }, { a, b }) =>
    `There ${be(a)} ${count(a)} ${place}. ${who.name} adds ${b} more. How many ${things} are there now?`,
  ({ who, other, things, count }, { a, b }) =>
    `${who.name} has ${count(a)} and ${other.name} has ${count(b)}. How many ${things} do they have together?`,
  ({ who, things, count, days }, { a, b }) =>
    `${who.name} bought ${count(a)} on ${days[0]} and ${b} on ${days[1]}. How many ${things} did ${who.they} buy altogether?`,
  ({ who, other, things, count }, { a, b }) =>
    `${who.name} has ${count(a)}. ${other.name} has ${b} more than ${who.name}. How many ${things} does ${other.name} have?`,
  ({ who, things, count }, { a, b }) =>
    `${who.name} gave away ${count(a)} and has ${b} left. How many ${things} did ${who.they} have at first?`,
  ({ things, place, colours }, { a, b }) =>
    `${capital(place)} there are ${a} ${colours[0]} and ${b} ${colours[1]} ${things}. How many ${things} are there in all?`,
  ({ who, things, count, place }, { a, b }) =>
    `${who.name} saw ${count(a)} ${place} and then ${b} more. How many ${things} did ${who.they} see?`,
  ({ who, other, things, count }, { a, b }) =>
    `${who.name} carried ${count(a)}, and ${other.name} carried ${b}. How many ${things} did they carry?`,
  ({ who, things, count }, { a, b }) =>
    `${who.name} made ${count(a)} in the morning and ${b} in the evening. How many ${things} did ${who.they} make that day?`,
  ({ who, other, things, count }, { a, b }) =>
    `${who.name} sold ${count(a)} to ${other.name} and kept ${b}. How many ${things} were there before?`,
  ({ who, things, count }, { a, b }) =>
    `${who.name} needs ${count(a)} today and ${b} tomorrow. How many ${things} does ${who.they} need?`,
  ({ who, things, count, place }, { a, b }) =>
    `${who.name} puts ${count(a)} ${place}, where ${b} already ${b === 1 ? 'lies' : 'lie'}. How many ${things} lie there now?`,
];

const differences: readonly Asking[] = [
  ({ who, other, things, count }, { a, b }) =>
    `${who.name} has ${count(a)}. ${capital(who.they)} gives ${b} to ${other.name}. How many ${things} does ${who.name} have left?`,
  ({ who, things, count, place }, { a, b }) =>
    `There were ${count(a)} ${place}. ${who.name} took ${b}. How many ${things} are left?`,
  ({ who, other, things, count }, { a, b }) =>
    `${who.name} has ${count(a)} and ${other.name} has ${b}. How many more ${things} does ${who.name} have than ${other.name}?`,
  ({ who, things, count }, { a, b }) =>
    `${who.name} needs ${count(a)} and has ${b}. How many more ${things} does ${who.they} need?`,
  ({ who, other, things }, { a, b }) =>
    `${who.name} had some ${things}. ${other.name} gave ${who.them} ${b} more, and now ${who.they} has ${a}. How many ${things} did ${who.name} have at first?`,
  ({ who, other, things, count }, { a, b }) =>
    `${who.name} has ${count(a)}. ${other.name} has ${b} fewer. How many ${things} does ${other.name} have?`,
  ({ things, count, place, colours }, { a, b }) =>
    `There are ${count(a)} ${place}. ${b} of them ${be(b)} ${colours[0]}, the others ${colours[1]}. How many ${things} are ${colours[1]}?`,
  ({ who, things, count, days }, { a, b }) =>
    `${who.name} had ${count(a)} on ${days[0]} and lost ${b} on ${days[1]}. How many ${things} were left?`,
  ({ who, other, things, count }, { a, b }) =>
    `${who.name} and ${other.name} have ${count(a)} together. ${other.name} has ${b}. How many ${things} does ${who.name} have?`,
  ({ who, things, count }, { a, b }) =>
    `${who.name} wants to sell ${count(a)} and has sold ${b}. How many ${things} are still to be sold?`,
  ({ who, things, count, place }, { a, b }) =>
    `${who.name} put ${count(a)} ${place}, but ${b} fell down. How many ${things} stayed there?`,
  ({ who, other, things, count }, { a, b }) =>
    `${who.name} bought ${count(a)}. ${other.name} used ${b} of them. How many ${things} can ${who.name} still use?`,
  ({ who, other, things, count }, { a, b }) =>
    `${who.name} found ${count(a)}, ${b} more than ${other.name}. How many ${things} did ${other.name} find?`,
  ({ who, things, count }, { a, b }) =>
    `${who.name} broke ${b} of ${who.their} ${count(a)}. How many ${things} are whole?`,
];

type Event = (scene: Scene, number: number) => string;

const gains: readonly Event[] = [
  ({ who, other }, b) => `${other.name} gives ${who.them} ${b} more.`,
  ({ who }, b) => `Then ${who.they} finds ${b}.`,
  ({ who, days }, b) => `On ${days[0]} ${who.they} buys ${b}.`,
  ({ who, place }, b) => `${capital(who.they)} gets ${b} that lay ${place}.`,
];

const losses: readonly Event[] = [
  ({ who, other }, b) => `${capital(who.they)} gives ${b} to ${other.name}.`,
  ({ who }, b) => `Then ${who.they} loses ${b}.`,
  ({ who, days }, b) => `On ${days[1]} ${who.they} sells ${b}.`,
  ({ who, otherPlace }, b) => `${capital(who.they)} leaves ${b} ${otherPlace}.`,
];

function be(number: number): string {
  return number === 1 ? 'is' : 'are';
}
