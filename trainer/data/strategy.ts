import type { Random } from '../random.ts';
import { between, capital, inWords, listed, pick, pickSeveral, withArticle } from './draw.ts';
import type { ProblemContent } from './problem.ts';
import { type Animal, animals } from './stories/animals.ts';
import { type Person, people } from './stories/people.ts';
import { recipes, sources, things, weekdays } from './stories/world.ts';

const strategyLabels = ['True', 'False'] as const;

/** Two facts, and a question that needs both; `truth` is the answer that is asked for. */
type Strategy = (random: Random, truth: boolean) => { facts: [string, string]; question: string; reason: string };

/**
 * Facts, then a question that only their combination answers. After StrategyQA (Geva et al., 2021), with the facts
 * given as EvoLM does. True and False are equally likely, before anything else is drawn.
 */
export function strategyProblem(random: Random): ProblemContent {
  const truth = random.integer(2) === 0;
  const { facts, question, reason } = pick(random, strategies)(random, truth);
  const answer = truth ? 'True' : 'False';
  return {
    prompt: `Facts: ${facts.join(' ')} ${question} True or False?`,
    solution: `${reason} The answer is ${answer}.`,
    answer,
    kind: 'label',
    labels: strategyLabels,
  };
}

const strategies: readonly Strategy[] = [legs, crossing, meal, gathering, age, hours, weight, material, calendar];

function legs(random: Random, truth: boolean) {
  const [more, less] = differing(random, (animal) => animal.legs);
  const [asked, other] = truth ? [more, less] : [less, more];
  const facts = random.shuffle([legsOf(more), legsOf(less)]) as [string, string];
  return {
    facts,
    question: `Does ${withArticle(asked.noun)} have more legs than ${withArticle(other.noun)}?`,
    reason: `${capital(inWords(asked.legs))} is ${truth ? 'more' : 'less'} than ${inWords(other.legs)}.`,
  };
}

function crossing(random: Random, truth: boolean) {
  const bySwimming = random.integer(2) === 0;
  const can = (animal: Animal) => (bySwimming ? animal.swims : animal.flies);
  const animal = pick(
    random,
    animals.filter((candidate) => can(candidate) === truth),
  );
  const ability = bySwimming ? 'swim' : 'fly';
  const { name } = pick(random, people);
  const goal = pick(
    random,
    bySwimming
      ? ['island', 'boat on the lake', 'other bank']
      : ['top of the tower', 'roof of the church', 'nest in the cliff'],
  );
  return {
    facts: [
      `The ${goal} is reached only by those who can ${ability}.`,
      `${capital(withArticle(animal.noun))} ${truth ? 'can' : 'cannot'} ${ability}.`,
    ] as [string, string],
    question: `Can the ${animal.noun} of ${name} get to the ${goal}?`,
    reason: `The ${animal.noun} ${truth ? 'can' : 'cannot'} ${ability}.`,
  };
}

function meal(random: Random, truth: boolean) {
  const { name } = pick(random, people);
  const recipe = pick(random, recipes);
  const others = recipes.flatMap(({ parts }) => parts).filter((part) => !recipe.parts.includes(part));
  const refused = pick(random, truth ? others : recipe.parts);
  return {
    facts: random.shuffle([
      `${name} does not eat ${refused}.`,
      `For ${recipe.dish} one needs ${listed(recipe.parts)}.`,
    ]) as [string, string],
    question: `Would ${name} eat ${recipe.dish}?`,
    reason: `One needs ${truth ? 'no ' : ''}${refused} for ${recipe.dish}.`,
  };
}

function gathering(random: Random, truth: boolean) {
  const { name } = pick(random, people);
  const recipe = pick(random, recipes);
  const part = pick(random, recipe.parts);
  const place = sources[part] as string;
  const elsewhere = pick(
    random,
    [...new Set(Object.values(sources))].filter((source) => source !== place),
  );
  return {
    facts: [`${name} makes ${recipe.dish} and needs ${part}.`, `You get ${part} ${place}.`] as [string, string],
    question: `Does ${name} get something ${truth ? place : elsewhere}?`,
    reason: `You get ${part} ${place}.`,
  };
}

function age(random: Random, truth: boolean) {
  const [person, other] = pickSeveral(random, people, 2) as [Person, Person];
  const [low, high] = ordered(random, 4, 15);
  const [mine, theirs] = truth ? [high, low] : [low, high];
  return {
    facts: random.shuffle([`${person.name} is ${mine} years old.`, `${other.name} is ${theirs} years old.`]) as [
      string,
      string,
    ],
    question: `Was ${person.name} born before ${other.name}?`,
    reason: `${person.name} is ${truth ? 'older' : 'younger'}.`,
  };
}

function hours(random: Random, truth: boolean) {
  const { name } = pick(random, people);
  const [low, high] = ordered(random, 2, 11);
  const place = pick(random, [
    'library',
    'market',
    'bakery',
    'school',
    'mill',
    'station',
    'workshop',
    'park',
    'castle',
  ]);
  return {
    facts: random.shuffle([
      `The ${place} closes at ${truth ? high : low}.`,
      `${name} gets there at ${truth ? low : high}.`,
    ]) as [string, string],
    question: `Is the ${place} still open for ${name}?`,
    reason: `${truth ? low : high} is ${truth ? 'before' : 'after'} ${truth ? high : low}.`,
  };
}

function weight(random: Random, truth: boolean) {
  const thing = pick(random, things).noun;
  const { name } = pick(random, people);
  const [low, high] = ordered(random, 2, 20);
  return {
    facts: random.shuffle([
      `The ${thing} weighs ${truth ? low : high} pounds.`,
      `${name} can lift ${truth ? high : low} pounds.`,
    ]) as [string, string],
    question: `Can ${name} lift the ${thing}?`,
    reason: `${truth ? low : high} is ${truth ? 'less' : 'more'} than ${truth ? high : low}.`,
  };
}

const materialFacts: readonly { claim: string; question: string; holds: readonly string[] }[] = [
  { claim: 'burn in a fire', question: 'burn in the fire', holds: ['wood', 'paper', 'straw', 'cloth', 'wool', 'rope'] },
  { claim: 'break when they fall', question: 'break if it falls', holds: ['glass', 'clay'] },
  { claim: 'rust in the rain', question: 'rust in the rain', holds: ['iron', 'tin'] },
];

function material(random: Random, truth: boolean) {
  const { name } = pick(random, people);
  const { claim, question, holds } = pick(random, materialFacts);
  const thing = pick(
    random,
    things.filter((candidate) => holds.includes(candidate.material) === truth),
  );
  const made = truth ? thing.material : pick(random, holds);
  return {
    facts: random.shuffle([
      `The ${thing.noun} of ${name} is made of ${thing.material}.`,
      `Things of ${made} ${claim}, others do not.`,
    ]) as [string, string],
    question: `Does the ${thing.noun} ${question}?`,
    reason: `It is ${truth ? '' : 'not '}made of ${made}.`,
  };
}

function calendar(random: Random, truth: boolean) {
  const { name, pet } = pick(random, people);
  const [low, high] = ordered(random, 0, 6);
  const [feast, visit] = (truth ? [high, low] : [low, high]).map((index) => weekdays[index]) as [string, string];
  const event = pick(random, ['feast', 'market', 'race', 'concert', 'wedding', 'puppet show']);
  return {
    facts: random.shuffle([
      `The ${event} is on ${feast}.`,
      `${name} and the ${pet} come on ${visit} of the same week.`,
    ]) as [string, string],
    question: `Does ${name} come before the ${event}?`,
    reason: `${visit} is ${truth ? 'before' : 'after'} ${feast}.`,
  };
}

function legsOf(animal: Animal): string {
  return `${capital(withArticle(animal.noun))} has ${animal.legs === 0 ? 'no' : inWords(animal.legs)} legs.`;
}

/** Two animals that differ in a figure, the larger first. */
function differing(random: Random, figure: (animal: Animal) => number): [Animal, Animal] {
  for (;;) {
    const [a, b] = pickSeveral(random, animals, 2) as [Animal, Animal];
    if (figure(a) !== figure(b)) return figure(a) > figure(b) ? [a, b] : [b, a];
  }
}

/** Two different numbers, the smaller first. */
function ordered(random: Random, low: number, high: number): [number, number] {
  const a = between(random, low, high);
  const b = between(random, low, high - 1);
  return a <= b ? [a, b + 1] : [b, a];
}
