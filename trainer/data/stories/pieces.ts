import { capital, inWords, listed, withArticle } from '../draw.ts';
import { animals } from './animals.ts';
import { type Tale, text } from './teller.ts';
import { flocks, places, recipes, seasons, sources, times, weathers, weekdays, workers } from './world.ts';

/** What is known of a person; true in every story. */
export const portrait: Tale = (t) => {
  const who = t.person();
  const facts = [
    t.tell(who, `lives ${who.home} with THEIR ${who.sibling}`),
    t.tell(who, `has a ${who.pet} called ${who.petName}`),
    t.tell(who, `likes ${who.colour} things`),
    t.tell(who, `likes to eat ${who.food}`),
    t.tell(who, `is afraid of ${who.fear}`),
    t.tell(who, `wants ${who.wish}`),
    t.tell(who, `is ${who.virtue}`),
  ];
  return text(...t.several(facts, t.number(3, 6)));
};

/** What is known of an animal. */
export const creature: Tale = (t) => {
  const animal = t.some(animals);
  const it = { name: withArticle(animal.noun), they: 'it', them: 'it', their: 'its' };
  const bigger = animals.filter((other) => other.size > animal.size);
  const facts = [
    `It eats ${animal.food}.`,
    `Its home is ${withArticle(animal.home)}.`,
    animal.legs === 0 ? 'It has no legs.' : `It has ${inWords(animal.legs)} legs.`,
    `It has ${animal.cover}.`,
    animal.swims ? 'It can swim.' : 'It cannot swim.',
    animal.flies ? 'It can fly.' : 'It cannot fly.',
    bigger.length > 0
      ? `It is smaller than ${withArticle(t.some(bigger).noun)}.`
      : 'It is one of the biggest animals on the farm.',
  ];
  return text(
    t.tell(
      it,
      t.one(
        `${animal.moved} by and ${animal.said}`,
        `${animal.said} in its ${animal.home}`,
        `${animal.moved} ${t.some(places).at}`,
      ),
    ),
    ...t.several(facts, t.number(2, 5)),
  );
};

/** A riddle about an animal, and its answer. */
export const riddle: Tale = (t) => {
  const animal = t.some(animals);
  const asker = t.person();
  const other = t.other(asker);
  const wrong = t.some(animals.filter((candidate) => candidate !== animal && candidate.legs !== animal.legs));
  const hints = t.several(
    [
      animal.legs === 0 ? 'I have no legs' : `I have ${inWords(animal.legs)} legs`,
      `I have ${animal.cover}`,
      animal.flies ? 'I can fly' : 'I cannot fly',
      animal.swims ? 'I can swim' : 'I cannot swim',
    ],
    2,
  );
  return text(
    t.tell(asker, `asked ${other.name} a riddle`),
    `"${hints.join('. ')}. I eat ${animal.food}. What am I?"`,
    t.maybe(
      0.4,
      text(
        t.say(other, `You are ${withArticle(wrong.noun)}!`),
        t.say(
          asker,
          `No, ${withArticle(wrong.noun)} ${wrong.legs === 0 ? 'has no legs' : `has ${inWords(wrong.legs)} legs`} and eats ${wrong.food}`,
        ),
      ),
    ),
    t.say(other, `You are ${withArticle(animal.noun)}!`),
    t.one(t.say(asker, 'That is right!'), t.tell(asker, 'laughed and nodded'), ''),
  );
};

/** Counting, in words and digits; never a sum. */
export const counting: Tale = (t) => {
  const who = t.person();
  const flock = t.some(flocks);
  const count = t.number(2, 12);
  const days = t.several(weekdays, 2) as [string, string];
  const [first, second] = t.several(
    Array.from({ length: 19 }, (_, i) => i + 2),
    2,
  ) as [number, number];
  return t.one(
    text(
      t.tell(who, `counted the ${flock.noun} ${flock.at}`),
      `${capital(Array.from({ length: count }, (_, i) => (count % 2 === 0 ? inWords(i + 1) : String(i + 1))).join(', '))}.`,
      `There were ${t.one(inWords(count), String(count))} ${flock.noun}.`,
      t.feel(who, t.one('happy', 'proud')),
    ),
    text(
      `On ${days[0]} there were ${first} ${flock.noun} ${flock.at}.`,
      `On ${days[1]} there were ${second}.`,
      `So there were more ${flock.noun} on ${first > second ? days[0] : days[1]}.`,
    ),
    text(
      t.tell(who, `had ${first} ${flock.noun} and ${t.other(who).name} had ${second}`),
      t.say(who, first > second ? `I have more than you` : `You have more than me`),
      `${Math.max(first, second)} is more than ${Math.min(first, second)}.`,
    ),
    text(
      `Which number comes after ${count}? It is ${count + 1}.`,
      `Which number comes before ${first}? It is ${first - 1}.`,
    ),
  );
};

/** A letter from a journey. */
export const letter: Tale = (t) => {
  const from = t.person();
  const to = t.other(from);
  const place = t.some(places);
  const weather = t.some(weathers);
  const thing = t.possession();
  return text(
    `Dear ${to.name},`,
    t.one(
      `I am ${place.at} with my ${from.sibling}.`,
      `We have been ${place.at} for ${inWords(t.number(2, 10))} days.`,
    ),
    `It is ${weather.day} here.`,
    `Yesterday I saw ${listed(t.several(place.sights, 2))}.`,
    t.maybe(0.5, `Every ${t.some(times)} I eat ${from.food}.`),
    t.maybe(0.5, `Somebody gave me ${withArticle(thing.full)}, and now I can ${thing.use} it.`),
    t.maybe(0.5, `${from.petName} is fine, but my ${from.pet} does not like the ${weather.day} weather.`),
    t.maybe(0.5, `Have you learned ${to.wish}?`),
    t.one(`I will be home on ${t.some(weekdays)}.`, `How is your ${to.pet} ${to.petName}?`, 'I miss you.'),
    `Your friend ${from.name}`,
  );
};

/** A race; the places are told again at the end. */
export const race: Tale = (t) => {
  const runners = t.several(animals, 3);
  const order = t.random.shuffle(runners);
  const start = t.some(places);
  const [first, second, third] = order.map((animal) => animal.noun) as [string, string, string];
  return text(
    `${capital(withArticle(runners[0]?.noun ?? ''))}, ${withArticle(runners[1]?.noun ?? '')} and ${withArticle(runners[2]?.noun ?? '')} ran a race ${start.at}.`,
    t.one(
      `The ${third} was tired because it had eaten too much.`,
      `The ${third} ${order[2]?.moved} the wrong way.`,
      `The ${third} stopped to look at ${t.some(start.sights)}.`,
    ),
    `The ${second} ${order[1]?.moved} as fast as it could.`,
    `But the ${first} ${order[0]?.moved} faster.`,
    `The ${first} was first, the ${second} was second and the ${third} was third.`,
    `The prize was ${order[0]?.food}, and the ${first} ${order[0]?.said}.`,
  );
};

/** What a worker does. */
export const trade: Tale = (t) => {
  const worker = t.some(workers);
  const who = t.person();
  return text(
    t.tell(
      who,
      t.one(
        `visited the ${worker.noun} in the ${worker.place}`,
        `wants to become a ${worker.noun}`,
        `met the ${worker.noun} on ${t.some(weekdays)}`,
      ),
    ),
    `The ${worker.noun} makes ${worker.makes}${t.one(` with the ${worker.tool}`, ` out of ${worker.mends}`, '')}.`,
    t.say(
      { name: `the ${worker.noun}`, they: 'he', them: 'him', their: 'his' },
      t.one(
        `A good ${worker.tool} is half the work`,
        `I made ${t.number(2, 20)} ${worker.makes} this week`,
        `Everybody needs ${worker.makes}`,
      ),
    ),
    t.maybe(
      0.5,
      t.tell(
        who,
        t.one(`bought some ${worker.makes}`, `was allowed to hold the ${worker.tool}`, 'watched until it was dark'),
      ),
    ),
  );
};

/** A day from morning to night. */
export const day: Tale = (t) => {
  const who = t.person();
  const [before, after] = t.several(places, 2) as [(typeof places)[number], (typeof places)[number]];
  const thing = t.possession();
  return text(
    `In the morning, ${who.name} ${t.one(`ate ${who.food}`, `fed ${who.petName}, ${who.their} ${who.pet}`, 'got up late', 'washed and dressed')}.`,
    `At noon, ${who.they} went to ${before.the} and saw ${t.some(before.sights)}.`,
    `In the afternoon, ${who.they} ${thing.used} the ${thing.full} ${after.at}.`,
    `In the evening, ${who.they} told ${who.their} ${who.sibling} about ${t.one(before.the, `${after.the}`, `the ${thing.noun}`)}.`,
    t.feel(who, 'tired'),
  );
};

/** Fear, and what helps against it. */
export const courage: Tale = (t) => {
  const who = t.person();
  const friend = t.other(who);
  const place = t.some(places);
  return text(
    t.tell(who, `was afraid of ${who.fear}`),
    t.one(
      `One ${t.some(times)}, ${who.they} had to go to ${place.the} alone.`,
      `One night, ${who.they} heard something ${place.at}.`,
    ),
    t.feel(who, 'scared'),
    t.say(friend, t.one('Hold my hand', 'I am afraid too, but we are two', `It is only ${t.some(place.sights)}`)),
    `Together they ${t.one('looked', 'went and looked')} ${t.some(place.spots)}.`,
    t.one(`There was nothing but ${t.some(place.sights)}.`, 'There was nothing at all.'),
    t.tell(
      who,
      t.one(`is not afraid of ${who.fear} any more`, 'laughed', `thanked ${friend.name}, who is ${friend.virtue}`),
    ),
  );
};

/** A fable of two animals: one wants what the other eats. */
export const fable: Tale = (t) => {
  const [sly, proud] = t.several(animals, 2) as [(typeof animals)[number], (typeof animals)[number]];
  const it = { name: `the ${sly.noun}`, they: 'it', them: 'it', their: 'its' };
  const other = { name: `the ${proud.noun}`, they: 'it', them: 'it', their: 'its' };
  const clever = t.happens(0.5);
  return text(
    `${capital(withArticle(proud.noun))} had ${inWords(t.number(2, 9))} pieces of food in its ${proud.home}: it was ${proud.food}.`,
    t.tell(it, `${sly.moved} by and was hungry`),
    t.say(
      it,
      t.one(
        `How well you ${proud.flies ? 'fly' : 'run'}! Show it to me`,
        `Nobody has such fine ${proud.cover} as you`,
        `I have ${sly.food}. Shall we share?`,
      ),
    ),
    clever
      ? text(
          t.tell(other, `knew the ${sly.noun} and stayed in its ${proud.home}`),
          t.say(other, `You only want my ${proud.food}`),
          t.tell(it, `went home to its ${sly.home}, still hungry`),
        )
      : text(
          t.tell(other, `was proud and ${proud.moved} around`),
          t.tell(it, `took the ${proud.food} and ${sly.moved} away`),
          t.tell(other, `${proud.said}, but it was too late`),
        ),
    clever ? 'Whoever is careful keeps his food.' : 'Whoever listens to flattery pays for it.',
  );
};

/** A lesson in where things come from. */
export const lesson: Tale = (t) => {
  const who = t.person();
  const recipe = t.some(recipes);
  const parts = t.several(recipe.parts, 2);
  return text(
    t.say(who, `What do we need for ${recipe.dish}?`, 'asked'),
    t.say(t.other(who), `We need ${listed(recipe.parts)}`),
    ...parts.map((part) => text(t.say(who, `Where do we get ${part}?`, 'asked'), `"${capital(sources[part] ?? '')}."`)),
    t.maybe(0.5, `In ${t.some(seasons)} they made ${recipe.dish} with the ${recipe.tool}.`),
  );
};
