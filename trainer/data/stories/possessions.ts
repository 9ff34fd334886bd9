/** Tales about things: what somebody loses, breaks, wants, gives, trades and finds. The end is what the beginning decides. */
import { inWords, withArticle } from '../draw.ts';
import { type Person, people } from './people.ts';
import { type Tale, type Teller, text } from './teller.ts';
import { menderOf, type Place, places, seasons, times, weekdays } from './world.ts';

const opening = (t: Teller, who: Person): string =>
  t.one(
    `Once there was a ${who.they === 'she' ? 'girl' : 'boy'} called ${who.name} who lived ${who.home}.`,
    `One ${t.some(times)} in ${t.some(seasons)}, ${who.name} was at home.`,
    `${who.name} lived ${who.home}.`,
    `It was ${t.some(weekdays)}.`,
    `It was a quiet ${t.some(times)}.`,
    '',
  );

/** Somebody misses a thing, looks for it, asks, and finds it where it was seen. */
export const lost: Tale = (t) => {
  const who = t.person();
  const helper = t.other(who);
  const thing = t.possession();
  const [here, there] = t.several(places, 2) as [Place, Place];
  const looking = t
    .several(here.spots, t.number(1, 2))
    .map((spot) =>
      t.tell(
        who,
        `looked ${spot}, but ${t.one(`there was only ${t.some(here.sights)}`, 'it was not there', 'found nothing')}`,
      ),
    );
  const spot = t.some(there.spots);
  return text(
    opening(t, who),
    t.tell(who, `had ${withArticle(thing.full)}`),
    t.maybe(0.6, t.tell(who, `${thing.used} it ${here.at} every ${t.some(times)}`)),
    t.tell(
      who,
      t.one(
        `could not find THEIR ${thing.noun} one day`,
        `lost the ${thing.short}`,
        `came home without the ${thing.noun}`,
      ),
    ),
    t.feel(who, 'sad'),
    ...looking,
    t.say(helper, t.one(`What are you looking for, ${who.name}?`, 'Why are you so sad?', 'Can I help you?'), 'asked'),
    t.say(who, t.one(`I lost my ${thing.short}`, `My ${thing.noun} is gone`, `Have you seen my ${thing.noun}?`)),
    t.say(
      helper,
      t.one(
        `I saw ${withArticle(thing.short)} ${there.at}`,
        `Look ${there.at}, ${spot}`,
        `There is ${withArticle(thing.noun)} ${there.at}`,
      ),
    ),
    t.tell(who, `ran to ${there.the}`),
    t.maybe(0.4, t.tell(who, `saw ${t.some(there.sights)} there`)),
    `And there, ${spot}, lay the ${thing.short}.`,
    t.feel(who, 'happy'),
    t.one(
      t.tell(who, `thanked ${helper.name}`),
      t.say(who, `Thank you, ${helper.name}!`),
      `From that day on, ${who.name} took good care of the ${thing.noun}.`,
    ),
  );
};

/** Somebody breaks what a friend has lent; the material says who can mend it. */
export const broken: Tale = (t) => {
  const who = t.person();
  const owner = t.other(who);
  const thing = t.possession();
  const mender = menderOf(thing.material);
  const honest = t.happens(0.6);
  return text(
    t.tell(
      owner,
      t.one(
        `had ${withArticle(thing.full)} of ${thing.material}`,
        `owned ${withArticle(thing.full)} made of ${thing.material}`,
      ),
    ),
    t.tell(who, `wanted to ${thing.use} it too, so ${owner.name} lent it to THEM`),
    t.tell(who, t.one('was not careful', 'ran too fast', `fell over a stone`, 'forgot to look')),
    `The ${thing.part} of the ${thing.noun} broke.`,
    t.feel(who, 'sorry'),
    honest
      ? text(
          t.tell(who, `went to ${owner.name} at once`),
          t.say(who, `I broke the ${thing.part} of your ${thing.noun}. I am sorry`),
        )
      : text(
          t.tell(who, `hid the ${thing.noun} ${t.some(t.some(places).spots)} and said nothing`),
          t.say(owner, `Where is my ${thing.short}?`, 'asked'),
          t.tell(who, 'had to tell the truth'),
        ),
    t.feel(owner, honest ? 'sad' : 'angry'),
    t.say(
      owner,
      t.one(
        `We need somebody who works with ${thing.material}`,
        `Who can mend ${thing.material}?`,
        `Let us go to the ${mender.noun}`,
      ),
    ),
    `So they took it to the ${mender.noun}.`,
    `The ${mender.noun} took ${t.one(`the ${mender.tool}`, withArticle(mender.tool))} and mended the ${thing.part}${t.maybe(0.5, ` in ${inWords(t.number(2, 9))} minutes`)}.`,
    t.one(`Now the ${thing.noun} was as good as new.`, `The ${thing.noun} looked better than before.`),
    honest
      ? t.say(owner, `You told me the truth, and that is what counts`)
      : t.say(owner, 'Next time, tell me at once'),
    t.feel(who, t.one('happy', 'proud', 'happy')),
  );
};

/** Two want one thing. */
export const quarrel: Tale = (t) => {
  const who = t.person();
  const other = t.other(who);
  const third = t.other(who, other);
  const thing = t.possession();
  const minutes = t.number(3, 12);
  return text(
    `${who.name} and ${other.name} found ${withArticle(thing.full)} ${t.some(places).at}.`,
    t.say(who, `I want to ${thing.use} it first!`),
    t.say(other, `No, it is mine. I saw it first!`, 'shouted'),
    t.feel(who, 'angry'),
    t.maybe(0.5, text('They pulled and pulled.', `The ${thing.part} almost broke.`)),
    t.tell(third, t.one('heard them', 'came by', 'laughed')),
    t.say(
      third,
      t.one(
        `${who.name} can ${thing.use} it for ${minutes} minutes, and then it is ${other.name}'s turn`,
        `Why do you not take turns?`,
      ),
    ),
    `So ${who.name} ${thing.used} it for ${minutes} minutes, and then ${other.name} ${thing.used} it for ${minutes} minutes.`,
    t.one(
      t.say(other, 'It is more fun with you'),
      t.say(who, `I am sorry, ${other.name}`),
      'Nobody was angry any more.',
    ),
    t.maybe(0.4, `In the evening they gave the ${thing.short} to ${third.name}.`),
  );
};

/** The right present is the one in the friend's own color. */
export const gift: Tale = (t) => {
  const who = t.person();
  const friend = t.other(who);
  const [first, second, third] = t.several(
    [
      friend.colour,
      ...t.several(
        ['red', 'blue', 'green', 'white', 'brown'].filter((colour) => colour !== friend.colour),
        2,
      ),
    ],
    3,
  ) as [string, string, string];
  const thing = t.possession(friend.colour);
  const age = t.number(5, 12);
  return text(
    `${friend.name} would be ${t.one(inWords(age), String(age))} years old on ${t.some(weekdays)}.`,
    t.tell(who, t.one('wanted to find the right present', 'had saved some coins', 'went to the market')),
    t.tell(who, `knew that ${friend.name} liked ${friend.colour} things`),
    `In the shop there were three kinds of ${thing.noun}: ${withArticle(first)} one, ${withArticle(second)} one and ${withArticle(third)} one.`,
    t.tell(who, `took the ${friend.colour} one`),
    t.maybe(
      0.5,
      t.say({ name: 'the seller', they: 'she', them: 'her', their: 'her' }, `That is ${inWords(t.number(2, 9))} coins`),
    ),
    `On the birthday there was a cake with ${t.one(inWords(age), String(age))} candles.`,
    t.tell(friend, `opened the box and saw ${withArticle(thing.short)}`),
    t.say(
      friend,
      t.one(
        `${friend.colour.charAt(0).toUpperCase() + friend.colour.slice(1)} is my favorite color!`,
        `How did you know, ${who.name}?`,
        `Now I can ${thing.use} it every day!`,
      ),
    ),
    t.feel(friend, 'happy'),
    t.feel(who, t.one('proud', 'happy')),
  );
};

/** One thing is traded for another until the wished-for one is won. */
export const trades: Tale = (t) => {
  const who = t.person();
  const partners = t.several(
    people.filter((person) => person !== who),
    t.number(2, 4),
  );
  const goods = [t.possession(), ...partners.map(() => t.possession())];
  const wanted = goods.at(-1)?.short ?? '';
  const swaps = partners.map((partner, i) => {
    const given = goods[i]?.short;
    const got = goods[i + 1]?.short;
    return text(
      t.maybe(0.5, t.tell(partner, `wanted to ${goods[i]?.use} ${withArticle(goods[i]?.noun ?? '')}`)),
      t.one(
        `${who.name} gave the ${given} to ${partner.name} and got the ${got}.`,
        `${partner.name} took the ${given}, and ${who.name} took the ${got}.`,
        `So the ${given} went to ${partner.name}, and the ${got} went to ${who.name}.`,
      ),
    );
  });
  return text(
    t.tell(who, `had nothing but ${withArticle(goods[0]?.full ?? '')}`),
    t.tell(who, `dreamed of the ${wanted} that belonged to ${partners.at(-1)?.name}`),
    ...swaps,
    `After ${inWords(partners.length)} trades, ${who.name} had the ${wanted}.`,
    t.feel(who, t.one('happy', 'proud')),
    t.maybe(0.4, t.tell(who, `never forgot the ${goods[0]?.short}, which ${partners[0]?.name} has to this day`)),
  );
};

/** A map gives three steps, and the seeker takes them in order. */
export const treasure: Tale = (t) => {
  const who = t.person();
  const thing = t.possession(t.one('golden', 'silver'));
  const way = t.several(places, 3) as [Place, Place, Place];
  const steps = t.number(3, 15);
  const spot = t.some(way[2].spots);
  return text(
    t.tell(who, `found an old map ${t.some(t.some(places).spots)}`),
    `It said: "Begin at ${way[0].the}. Go to ${way[1].the}. Walk ${steps} steps to ${way[2].the} and look ${spot}."`,
    t.tell(who, `began at ${way[0].the}${t.maybe(0.4, `, where THEY saw ${t.some(way[0].sights)}`)}`),
    t.tell(who, `went on to ${way[1].the}`),
    t.maybe(0.4, t.tell(who, `was afraid of ${who.fear}, but went on`)),
    t.tell(who, `walked ${steps} steps and came to ${way[2].the}`),
    t.tell(who, `looked ${spot}`),
    `There lay ${withArticle(thing.full)}${t.maybe(0.4, ` and ${t.number(3, 20)} coins`)}!`,
    t.feel(who, t.one('happy', 'proud')),
    t.tell(who, t.one(`gave it to THEIR ${who.sibling}`, `kept it ${who.home}`, `showed it to ${t.other(who).name}`)),
  );
};
