import { TrainerFailure } from '../failure.ts';
import type { Random } from '../random.ts';
import { calculation, continuation, equation } from './arithmetic/calculation.ts';
import { wordProblem } from './arithmetic/worded.ts';
import { between, capital, chance, inWords, pick } from './draw.ts';
import { type ProblemContent, problemSplit } from './problem.ts';

export interface ArithmeticOptions {
  /** Largest number in a sum or a problem. */
  maximum: number;
  /** Most steps that a word problem takes. */
  steps: number;
}

/** The kinds of documents and their shares: mostly bare sums, like a page of exercises. */
const kinds: readonly [(random: Random, options: ArithmeticOptions) => string, number][] = [
  [bare, 76],
  [twoSteps, 10],
  [inSentences, 10],
  [solved, 4],
];

const leastMaximum = 4;
const mostSteps = 8;

/**
 * One page of mathematics: bare sums and differences (76 % of the pages), sums of three numbers done in two steps
 * (10 %), sums and differences in sentences (10 %), or a word problem with its solution (4 %; one that no problem set
 * has). A third of the pages keep to numbers up to half of the maximum.
 *
 * @throws TrainerFailure `bad-job` for options out of range; so does `arithmeticProblem`.
 */
export function arithmeticDocument(random: Random, options: ArithmeticOptions): string {
  check(options);
  const maximum = chance(random, 1 / 3) ? Math.ceil(options.maximum / 2) : options.maximum;
  let at = random.integer(100);
  for (const [kind, share] of kinds) {
    if (at < share) return kind(random, { ...options, maximum });
    at -= share;
  }
  throw new RangeError('The shares of the arithmetic documents do not add up to 100.');
}

/** A word problem of one to `options.steps` steps; its solution writes every calculation out. */
export function arithmeticProblem(random: Random, options: ArithmeticOptions): ProblemContent {
  check(options);
  return wordProblem(random, options.maximum, between(random, 1, options.steps));
}

function bare(random: Random, { maximum }: ArithmeticOptions): string {
  return Array.from({ length: between(random, 4, 10) }, () => `${equation(calculation(random, maximum))}.`).join(' ');
}

function twoSteps(random: Random, { maximum }: ArithmeticOptions): string {
  return Array.from({ length: between(random, 2, 5) }, () => {
    const first = calculation(random, maximum);
    const second = continuation(random, first.result, maximum);
    return `${first.a} ${first.sign} ${first.b} ${second.sign} ${second.b} = ${equation(second)}.`;
  }).join(' ');
}

function inSentences(random: Random, { maximum }: ArithmeticOptions): string {
  return Array.from({ length: between(random, 2, 4) }, () => {
    const done = calculation(random, maximum);
    const spoken = maximum <= 20 && chance(random, 0.4);
    const [a, b, result] = [done.a, done.b, done.result].map((number) => (spoken ? inWords(number) : String(number)));
    const ways = {
      '+': [
        `${a} and ${b} make ${result}: ${equation(done)}.`,
        `Add ${b} to ${a}: ${equation(done)}.`,
        `${a} plus ${b} is ${result}.`,
        `${b} more than ${a} is ${result}, because ${equation(done)}.`,
      ],
      '-': [
        `Take ${b} away from ${a}: ${equation(done)}.`,
        `From ${a} down by ${b} leads to ${result}: ${equation(done)}.`,
        `${a} minus ${b} is ${result}.`,
        `${b} less than ${a} is ${result}, because ${equation(done)}.`,
      ],
    };
    return capital(pick(random, ways[done.sign]));
  }).join(' ');
}

function solved(random: Random, { maximum, steps }: ArithmeticOptions): string {
  for (;;) {
    const { prompt, solution } = wordProblem(random, Math.max(maximum, leastMaximum), between(random, 1, steps));
    if (problemSplit(prompt) === 'text') return `${prompt} ${solution}`;
  }
}

function check({ maximum, steps }: ArithmeticOptions): void {
  if (!Number.isInteger(maximum) || maximum < leastMaximum || maximum > 1e9) {
    throw new TrainerFailure(
      'bad-job',
      `\`maximum\` of the arithmetic generator is ${maximum}; it takes a whole number from ${leastMaximum} to 1000000000.`,
    );
  }
  if (!Number.isInteger(steps) || steps < 1 || steps > mostSteps) {
    throw new TrainerFailure(
      'bad-job',
      `\`steps\` of the arithmetic generator is ${steps}; it takes a whole number from 1 to ${mostSteps}.`,
    );
  }
}
