import type { Random } from '../random.ts';
import { between, pick, pickSeveral } from './draw.ts';
import type { ProblemContent } from './problem.ts';
import { people } from './stories/people.ts';
import { flocks, weekdays } from './stories/world.ts';

interface Row {
  name: string;
  value: number;
}

/**
 * A question about a table of three or four rows. After TabMWP (Lu et al., 2023): most answers are numbers read or
 * reckoned from it, some are the name of a row.
 */
export function tableProblem(random: Random): ProblemContent {
  const byDay = random.integer(3) === 0;
  const count = between(random, 3, 4);
  const names = byDay
    ? pickSeveral(random, weekdays, count)
    : pickSeveral(random, people, count).map((person) => person.name);
  const values = pickSeveral(
    random,
    Array.from({ length: 20 }, (_, i) => i + 1),
    count,
  );
  const rows = names.map((name, i): Row => ({ name, value: values[i] as number }));
  const things = pick(random, flocks).noun;
  const { question, ...answered } = pick(random, questions)(random, rows, things, byDay);
  const table = [`${byDay ? 'Day' : 'Name'} | ${things}`, ...rows.map((row) => `${row.name} | ${row.value}`)].join(
    '\n',
  );
  return { prompt: `${table}\n${question}`, ...answered };
}

type Answered = { question: string } & Omit<ProblemContent, 'prompt'>;
type Question = (random: Random, rows: readonly Row[], things: string, byDay: boolean) => Answered;

const questions: readonly Question[] = [
  (random, rows, things, byDay) => {
    const { name, value } = pick(random, rows);
    const question = byDay ? `How many ${things} were there on ${name}?` : `How many ${things} does ${name} have?`;
    return numeric(question, `The row of ${name} says ${value}.`, value);
  },
  (random, rows, things, byDay) => {
    const [a, b] = pickSeveral(random, rows, 2) as [Row, Row];
    const question = byDay
      ? `How many ${things} were there on ${a.name} and ${b.name} together?`
      : `How many ${things} do ${a.name} and ${b.name} have together?`;
    return numeric(question, `${a.value} + ${b.value} = ${a.value + b.value}.`, a.value + b.value);
  },
  (random, rows, things, byDay) => {
    const [more, less] = pickSeveral(random, rows, 2).sort((a, b) => b.value - a.value) as [Row, Row];
    const question = byDay
      ? `How many more ${things} were there on ${more.name} than on ${less.name}?`
      : `How many more ${things} does ${more.name} have than ${less.name}?`;
    return numeric(question, `${more.value} - ${less.value} = ${more.value - less.value}.`, more.value - less.value);
  },
  (random, rows, things, byDay) => {
    const limit = between(random, 2, 18);
    const over = rows.filter((row) => row.value > limit);
    const question = byDay
      ? `On how many days were there more than ${limit} ${things}?`
      : `How many of them have more than ${limit} ${things}?`;
    return numeric(
      question,
      over.length === 0 ? `No row is over ${limit}.` : `Over ${limit}: ${over.map((row) => row.name).join(', ')}.`,
      over.length,
    );
  },
  (random, rows, things, byDay) => {
    const most = random.integer(2) === 0;
    const row = [...rows].sort((a, b) => b.value - a.value).at(most ? 0 : -1) as Row;
    const superlative = most ? 'most' : 'fewest';
    return {
      question: byDay
        ? `On which day were there the ${superlative} ${things}?`
        : `Who has the ${superlative} ${things}?`,
      solution: `The ${most ? 'largest' : 'smallest'} number is ${row.value}. The answer is ${row.name}.`,
      answer: row.name,
      kind: 'label',
      labels: rows.map(({ name }) => name),
    };
  },
];

function numeric(question: string, reason: string, value: number): Answered {
  return { question, solution: `${reason} The answer is ${value}.`, answer: String(value), kind: 'number' };
}
