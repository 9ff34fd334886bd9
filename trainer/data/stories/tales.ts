import { inWords, listed, withArticle } from '../draw.ts';
import { type Teller, text } from './teller.ts';
import {
  animals,
  menderOf,
  type Person,
  type Place,
  people,
  places,
  recipes,
  seasons,
  sources,
  times,
  weathers,
  weekdays,
} from './world.ts';

/** A tale with an end that its beginning decides: what is lost is what is found, who asked for red is given red. */
export type Tale = (t: Teller) => string;

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

/** A dish needs its ingredients, each from its own place, and then a guest who likes it. */
export const cooking: Tale = (t) => {
  const who = t.person();
  const guest = t.other(who);
  const recipe = t.some(recipes);
  const parts = t.several(recipe.parts, recipe.parts.length);
  const missing = t.some(parts);
  const fetched = parts
    .filter((part) => part !== missing)
    .map((part) =>
      t.tell(
        who,
        t.one(`got ${part} ${sources[part]}`, `fetched the ${part} ${sources[part]}`, `found ${part} ${sources[part]}`),
      ),
    );
  return text(
    t.tell(
      who,
      t.one(
        `wanted to ${recipe.verb} ${recipe.dish} for ${guest.name}`,
        `invited ${guest.name} and promised to ${recipe.verb} ${recipe.dish}`,
      ),
    ),
    `For ${recipe.dish}, ${who.they} needed ${listed(parts)}.`,
    ...fetched,
    t.one(`Only the ${missing} ${/s$/.test(missing) ? 'were' : 'was'} missing.`, `But there was no ${missing} left.`),
    t.tell(guest, t.one(`came early and brought some ${missing}`, `knew where to get ${missing}: ${sources[missing]}`)),
    t.tell(
      who,
      t.one(
        `put everything into the ${recipe.tool}`,
        `took the ${recipe.tool} and began`,
        `mixed the ${parts[0]} and the ${parts[1]}`,
      ),
    ),
    `Soon the whole house smelled of ${recipe.smell}.`,
    t.one(
      `They ate ${recipe.dish} together.`,
      `${guest.name} ate ${inWords(t.number(2, 6))} bowls of it.`,
      t.say(guest, `This is the best ${recipe.dish.replace(/^a /, '')} I know`),
    ),
    t.feel(who, t.one('proud', 'happy', 'tired')),
  );
};

/** A kindness to an animal is returned. */
export const kindness: Tale = (t) => {
  const who = t.person();
  const animal = t.some(animals);
  const place = t.some(places);
  const it = { name: `the ${animal.noun}`, they: 'it', them: 'it', their: 'its' };
  const trouble = t.one('hungry', 'stuck', 'hurt');
  const met =
    trouble === 'hungry'
      ? text(t.tell(it, `was hungry and could not find any ${animal.food}`), t.tell(who, `gave it ${animal.food}`))
      : trouble === 'stuck'
        ? text(
            t.tell(it, `was stuck ${t.some(place.spots)}`),
            t.tell(who, t.one('pulled it out', 'set it free', 'lifted the plank')),
          )
        : text(
            t.tell(it, animal.legs > 0 ? 'had a thorn in its foot' : 'was cold and weak'),
            t.tell(who, animal.legs > 0 ? 'took the thorn out' : 'kept it warm'),
          );
  return text(
    t.tell(who, t.one(`walked around ${place.at}`, `was ${place.at} on ${t.some(weekdays)}`)),
    t.one(
      `There was ${withArticle(animal.noun)}.`,
      `Suddenly ${withArticle(animal.noun)} ${animal.moved} by.`,
      `${who.name} heard how ${withArticle(animal.noun)} ${animal.said}.`,
    ),
    met,
    t.tell(
      it,
      t.one(
        `${animal.said} and ${animal.moved} away`,
        `looked at ${who.name} for a long time`,
        `went back to its ${animal.home}`,
      ),
    ),
    t.one('Many days went by.', `In ${t.some(seasons)}, something happened.`, 'A week later, there was a storm.'),
    t.tell(
      who,
      t.one(`lost THEIR way ${place.at}`, `fell into a hole ${place.at}`, `could not get home because it was dark`),
    ),
    t.feel(who, 'scared'),
    `Then ${who.they} heard a sound: something ${animal.said}.`,
    t.one(`It was the ${animal.noun}!`, `The ${animal.noun} had not forgotten ${who.them}.`),
    t.tell(
      it,
      animal.flies ? 'flew ahead and showed the way' : t.one('led the way home', `called for help`, 'stayed all night'),
    ),
    t.say(
      who,
      trouble === 'hungry' ? `I gave you ${animal.food}, and you saved me` : 'I helped you, and now you helped me',
    ),
    t.maybe(0.5, `Since then, ${who.name} and the ${animal.noun} are friends.`),
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

/** Out through some places, and home through the same in reverse. */
export const journey: Tale = (t) => {
  const who = t.person();
  const way = t.several(places, t.number(3, 4));
  const goal = way.at(-1) as Place;
  return text(
    t.tell(who, `wanted to visit THEIR ${who.sibling}, who lived near ${goal.the}`),
    t.maybe(0.5, t.tell(who, `took THEIR ${who.pet} ${who.petName} along`)),
    ...way.map((place, i) =>
      text(
        `${i === 0 ? 'First' : i === way.length - 1 ? 'At last' : 'Then'} ${who.they} came to ${place.the}${t.maybe(0.6, ` and saw ${t.some(place.sights)}`)}.`,
      ),
    ),
    t.one(
      `The ${who.sibling} was waiting with ${who.food}.`,
      `The ${who.sibling} hugged ${who.them}.`,
      `${who.name} stayed for ${inWords(t.number(2, 9))} days.`,
    ),
    `On the way home ${who.they} passed ${listed(
      way
        .slice(0, -1)
        .reverse()
        .map((place) => place.the),
    )}.`,
    t.feel(who, t.one('tired', 'happy')),
  );
};

/** The weather turns; whoever dressed for it is glad. */
export const outing: Tale = (t) => {
  const who = t.person();
  const weather = t.some(weathers);
  const place = t.some(places);
  const hours = t.number(2, 6);
  const wore = t.happens(0.5);
  return text(
    `It was a ${weather.day} day in ${t.some(weather.seasons)}.`,
    `${t.some(weather.sky)}.`,
    t.tell(who, wore ? `put on a ${weather.wear}` : `left THEIR ${weather.wear} at home`),
    t.tell(who, `went out to play ${place.at}${t.maybe(0.5, ` with ${who.petName}, THEIR ${who.pet}`)}`),
    t.tell(who, `saw ${listed(t.several(place.sights, 2))}`),
    `Then the weather changed and it became ${weather.turns}.`,
    wore
      ? t.tell(who, `was glad to have the ${weather.wear}`)
      : text(t.tell(who, `had no ${weather.wear} and was cold`), t.tell(who, `hid ${t.some(place.spots)}`)),
    t.tell(who, `waited for ${t.one(inWords(hours), String(hours))} hours`),
    t.one('At last it was over.', 'Then the clouds went away.', 'It did not stop before night.'),
    wore ? t.feel(who, 'happy') : t.say(who, `Next time I will take my ${weather.wear}`),
  );
};

/** Practice: fewer mistakes every day. */
export const practice: Tale = (t) => {
  const who = t.person();
  let mistakes = t.number(10, 14);
  const days = weekdays.slice(0, t.number(3, 5)).map((day) => {
    const line = `On ${day}, ${who.they} failed ${mistakes} times.`;
    mistakes -= t.number(1, 2);
    return line;
  });
  return text(
    t.tell(who, `had one wish: ${who.wish}`),
    t.say(t.other(who), t.one('That is too hard for you', 'You will never learn it', 'It takes a lot of work')),
    t.tell(who, `was ${who.virtue} and ${t.one('did not give up', 'tried all the same', 'began at once')}`),
    ...days,
    t.one(
      `And then, on ${weekdays[days.length]}, it worked.`,
      `On ${weekdays[days.length]}, there was not one mistake.`,
    ),
    t.tell(who, `had learned ${who.wish}`),
    t.feel(who, 'proud'),
  );
};

/** Who hides where, and is found there. */
export const hiding: Tale = (t) => {
  const who = t.person();
  const place = t.some(places);
  const spots = t.several(place.spots, t.number(2, 3));
  const hidden = t.several(
    people.filter((person) => person !== who),
    spots.length,
  );
  const order = t.random.shuffle(hidden.map((_, i) => i));
  const limit = t.one(5, 10);
  return text(
    `${listed([who, ...hidden].map((person) => person.name))} played hide and seek ${place.at}.`,
    t.tell(
      who,
      `closed THEIR eyes and counted to ${inWords(limit)}: ${Array.from({ length: limit }, (_, i) => inWords(i + 1)).join(', ')}`,
    ),
    ...hidden.map((person, i) => t.tell(person, `hid ${spots[i]}`)),
    t.say(who, t.one('I am coming!', 'Where are you?')),
    ...order.map(
      (i, nth) =>
        `${nth === 0 ? 'First' : nth === order.length - 1 ? 'Last' : 'Then'}, ${who.they} looked ${spots[i]} and found ${hidden[i]?.name}.`,
    ),
    t.maybe(0.6, `${hidden[order.at(-1) as number]?.name} had the best place and won.`),
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
