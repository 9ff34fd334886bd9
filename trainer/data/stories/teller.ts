import type { Random } from '../../random.ts';
import { between, capital, chance, pick, pickEarly, pickSeveral } from '../draw.ts';
import { type Person, people } from './people.ts';
import { colours, type FeelingName, feelings, looks, type Thing, things } from './world.ts';

/** A thing in one story: the same words every time it is spoken of. */
export interface Possession extends Thing {
  colour: string;
  /** `little red kite`. */
  full: string;
  /** `red kite`. */
  short: string;
}

/** Somebody to be spoken of: a person, or an animal with its article. */
export type Character = Pick<Person, 'name' | 'they' | 'them' | 'their'>;

/**
 * Words for a story. `tell`, `say` and `feel` leave marks where somebody is named, because sentences are made in any
 * order; `render` reads the finished story and decides between names and pronouns.
 */
export interface Teller {
  random: Random;
  one<T>(...options: T[]): T;
  some<T>(items: readonly T[]): T;
  several<T>(items: readonly T[], count: number): T[];
  number(low: number, high: number): number;
  happens(probability: number): boolean;
  /** The text, or nothing. */
  maybe(probability: number, text: string): string;
  person(): Person;
  /** Somebody who is none of these. */
  other(...known: Person[]): Person;
  possession(colour?: string): Possession;
  /** `Mia lost her hat.` or, when the sentence before was about her too, `She lost her hat.` THEIR, THEM and THEY agree. */
  tell(who: Character, predicate: string): string;
  /** Direct speech. */
  say(who: Character, words: string, verb?: string): string;
  /** A sentence about a feeling. */
  feel(who: Character, feeling: FeelingName): string;
  /** The story with everybody named. */
  render(story: string): string;
}

/** A kind of story: how it goes, for any draws. */
export type Tale = (teller: Teller) => string;

// Marks from the private use area, one range a role, one mark a character.
const subject = 0xe000;
const speakerFirst = 0xe400;
const speakerLast = 0xe800;

export function createTeller(random: Random): Teller {
  const characters: Character[] = [];
  const mark = (role: number, who: Character) => {
    const known = characters.indexOf(who);
    return String.fromCharCode(role + (known < 0 ? characters.push(who) - 1 : known));
  };
  const agree = (who: Character, text: string) =>
    text.replace(/THEIR|THEM|THEY/g, (word) => (word === 'THEIR' ? who.their : word === 'THEM' ? who.them : who.they));

  const teller: Teller = {
    random,
    one: (...options) => pick(random, options),
    some: (items) => pick(random, items),
    several: (items, count) => pickSeveral(random, items, count),
    number: (low, high) => between(random, low, high),
    happens: (probability) => chance(random, probability),
    maybe: (probability, text) => (chance(random, probability) ? text : ''),
    person: () => pickEarly(random, people),
    other(...known) {
      let person = pickEarly(random, people);
      while (known.includes(person)) person = pickEarly(random, people);
      return person;
    },
    possession(colour = pickEarly(random, colours)) {
      const thing = pickEarly(random, things);
      const short = `${colour} ${thing.noun}`;
      return { ...thing, colour, short, full: chance(random, 0.5) ? `${pickEarly(random, looks)} ${short}` : short };
    },
    tell: (who, predicate) => `${mark(subject, who)} ${agree(who, predicate)}.`,
    say(who, words, verb = 'said') {
      const whole = /[?!]$/.test(words);
      return chance(random, 0.5)
        ? `"${words}${whole ? '' : ','}" ${verb} ${mark(speakerLast, who)}.`
        : `${mark(speakerFirst, who)} ${verb}, "${words}${whole ? '' : '.'}"`;
    },
    feel(who, name) {
      const { feeling, showed } = feelings[name];
      const shown = pick(random, showed);
      return teller.tell(
        who,
        pick(random, [`was ${feeling} and ${shown}`, `felt ${feeling}`, shown, `was so ${feeling} that THEY ${shown}`]),
      );
    },
    render(story) {
      let last: Character | undefined;
      return story.replace(/[\ue000-\uf8ff]/g, (character) => {
        const code = character.charCodeAt(0);
        const role = code & 0xfc00;
        const who = characters[code & 0x3ff] as Character;
        const again = last === who && role === subject && chance(random, 0.8);
        last = who;
        if (role === speakerLast) return who.name;
        return capital(again ? who.they : who.name);
      });
    },
  };
  return teller;
}

/** Sentences to text; empty ones are left out. */
export function text(...sentences: string[]): string {
  return sentences.filter((sentence) => sentence !== '').join(' ');
}
