/** Tales about what people do: cook, help, travel, learn and play. The end is what the beginning decides. */
import { inWords, listed, withArticle } from '../draw.ts';
import { animals } from './animals.ts';
import { people } from './people.ts';
import { type Tale, text } from './teller.ts';
import { type Place, places, recipes, seasons, sources, weathers, weekdays } from './world.ts';

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
