import assert from 'node:assert/strict';
import { test } from 'node:test';
import { animals } from '../../../trainer/data/stories/animals.ts';
import { people } from '../../../trainer/data/stories/people.ts';
import { menderOf, places, recipes, sources, things, workers } from '../../../trainer/data/stories/world.ts';
import { story } from '../../../trainer/data/stories.ts';
import { random } from '../../../trainer/random.ts';

const stories = Array.from({ length: 4000 }, (_, i) => story(random(11, 'test', i)));

test('stories are well-formed English sentences', () => {
  for (const text of stories) {
    assert.doesNotMatch(text, /undefined|null|NaN|[\ue000-\uf8ff]|THEIR|THEM|THEY/, text);
    assert.doesNotMatch(text, / {2}| [.,!?]|^\s|\s$/, text);
    assert.doesNotMatch(text, /\ba [aeiou]|\ban [^aeiou]/, text);
    assert.match(text, /^["A-Z0-9]/, text);
    assert.doesNotMatch(text, /[.!?] [a-z]/, text);
  }
});

test('stories count, but never calculate', () => {
  for (const text of stories) assert.doesNotMatch(text, /\d+ ?[-+=]|[-+=] ?\d+|\b(plus|minus)\b/, text);
  assert.ok(stories.filter((text) => /\d/.test(text)).length > 400);
});

test('the vocabulary has some hundreds to 1,500 words', () => {
  const words = new Set(stories.flatMap((text) => text.toLowerCase().match(/\p{L}+/gu) ?? []));
  assert.ok(words.size > 900 && words.size < 1500, String(words.size));
});

test('no pronoun comes before somebody it can stand for', () => {
  const she = new Set(people.filter(({ they }) => they === 'she').map(({ name }) => name));
  const he = new Set(people.filter(({ they }) => they === 'he').map(({ name }) => name));
  for (const text of stories) {
    const seen = { she: false, he: false };
    for (const word of text.match(/\p{L}+/gu) ?? []) {
      if (she.has(word)) seen.she = true;
      if (he.has(word)) seen.he = true;
      if (word === 'She') assert.ok(seen.she, text);
      if (word === 'He') assert.ok(seen.he, text);
    }
  }
});

test('what is lost is what is found', () => {
  const found = stories.flatMap((text) =>
    [...text.matchAll(/And there, [\w ]+, lay the (\w+ \w+)\./g)].map((match) => [text, match[1]] as const),
  );
  assert.ok(found.length > 100);
  for (const [text, thing] of found) {
    const noun = thing?.split(' ')[1];
    assert.match(text, new RegExp(`(lost|without|find) (the|her|his) (${thing}|${noun})`), text);
  }
});

test('the way home of a journey is the way out in reverse', () => {
  const journeys = stories.filter((text) => text.includes('On the way home'));
  assert.ok(journeys.length > 50);
  for (const text of journeys) {
    const out = [...text.matchAll(/(?:First|Then) (?:she|he) came to the (\w+)/g)].map((match) => match[1]);
    const home = [...(/On the way home \w+ passed ([^.]*)\./.exec(text)?.[1] ?? '').matchAll(/the (\w+)/g)].map(
      (match) => match[1],
    );
    assert.deepEqual(home, out.reverse(), text);
  }
});

test('the world holds together', () => {
  assert.equal(new Set(people.map(({ name }) => name)).size, 60);
  for (const list of [things, animals, workers]) assert.equal(new Set(list.map(({ noun }) => noun)).size, list.length);
  for (const place of places) assert.ok(place.spots.length === 3 && place.sights.length === 3, place.the);
  for (const recipe of recipes) for (const part of recipe.parts) assert.ok(sources[part] !== undefined, part);
  for (const thing of things)
    assert.ok([menderOf(thing.material).mends, 'wood'].includes(thing.material), thing.material);
  for (const row of [...people, ...things, ...places, ...animals, ...workers, ...recipes]) {
    for (const [name, value] of Object.entries(row))
      assert.ok(value !== '' && value !== undefined && !Number.isNaN(value), `${JSON.stringify(row)} ${name}`);
  }
});
