import type { Random } from '../random.ts';
import { chance, pick, pickSeveral } from './draw.ts';
import type { ProblemContent } from './problem.ts';

const boardgameLabels = ['True', 'False', 'Uncertain'] as const;

const players = 'cat dog fox bear owl duck frog hen cow pig goat bee wolf crow horse mouse deer goose'.split(' ');
const traits = 'old young happy sad tired proud hungry quick kind brave strong clever lonely quiet'.split(' ');
const deeds = 'help like follow know hear thank visit find'.split(' ');

/**
 * Facts, two rules that disagree, and which rule is stronger; does a statement follow? After BoardgameQA (Kazemi et
 * al., 2023). Each of True, False and Uncertain is the answer of a third of the problems; which rule says yes, and
 * which is stronger, is drawn apart from the answer.
 */
export function boardgameProblem(random: Random): ProblemContent {
  const answer = pick(random, boardgameLabels);
  const [player, other, goal] = pickSeveral(random, players, 3) as [string, string, string];
  const conditions = pickSeveral(random, traits, 2) as [string, string];
  const beside = pick(
    random,
    traits.filter((trait) => !conditions.includes(trait)),
  );
  const deed = pick(random, deeds);
  const stronger = random.integer(2);
  // Of the two rules, 0 and 1: those whose condition holds for the player, the one that decides, the one that says yes.
  const both = chance(random, 0.4);
  const applying = answer === 'Uncertain' ? [] : both ? [0, 1] : [random.integer(2)];
  const deciding = both ? stronger : (applying[0] ?? 0);
  const affirmative = answer === 'Uncertain' ? random.integer(2) : answer === 'True' ? deciding : 1 - deciding;

  const facts =
    applying.length === 2
      ? [`The ${player} is ${random.shuffle(conditions).join(' and ')}.`]
      : random.shuffle([
          `The ${player} is ${applying.length === 1 ? conditions[deciding] : beside}.`,
          `The ${other} is ${pick(random, conditions)}.`,
        ]);
  const rules = conditions.map(
    (condition, i) => `Who is ${condition} ${i === affirmative ? `${deed}s` : `does not ${deed}`} the ${goal}.`,
  );
  const reason =
    applying.length === 0
      ? `No rule holds for the ${player}.`
      : applying.length === 2
        ? `Both rules hold and the ${ordinals[stronger]} is stronger.`
        : `The ${player} is ${conditions[deciding]}.`;
  return {
    prompt: `${facts.join(' ')} ${rules.join(' ')} The ${ordinals[stronger]} rule is stronger. Does the ${player} ${deed} the ${goal}? True, False or Uncertain?`,
    solution: `${reason} The answer is ${answer}.`,
    answer,
    kind: 'label',
    labels: boardgameLabels,
  };
}

const ordinals = ['first', 'second'];
