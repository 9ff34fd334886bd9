import type { Random } from '../random.ts';
import { between, pick } from './draw.ts';
import { pythonLiteral } from './literal.ts';
import type { ProblemContent } from './problem.ts';

/** A value in a program: no fractions, so that JavaScript and Python agree on every one. */
type Value = number | string | boolean | number[];

/** One line: an expression over `x`, and what it gives for the value that `x` has. */
interface Line {
  code: string;
  value: Value;
}

/**
 * What does this small function return? After the output prediction of CRUXEval (Gu et al., 2024): a Python function of
 * one or two lines over a number, a string or a list, and a call. The solution follows `x` line by line.
 */
export function programProblem(random: Random): ProblemContent {
  const start = pick(random, [number, word, list])(random);
  const lines = [next(random, start)];
  const first = (lines[0] as Line).value;
  if (goesOn(first) && random.integer(3) > 0) lines.push(next(random, first));
  const answer = pythonLiteral((lines.at(-1) as Line).value);
  const code = lines.map((line, i) => (i < lines.length - 1 ? `    x = ${line.code}` : `    return ${line.code}`));
  const trace = [start, ...lines.slice(0, -1).map((line) => line.value)].map((value) => `x = ${pythonLiteral(value)}.`);
  return {
    prompt: `def f(x):\n${code.join('\n')}\nWhat is f(${pythonLiteral(start)})?`,
    solution: `${trace.join(' ')} The answer is ${answer}.`,
    answer,
    kind: 'literal',
  };
}

/** Whether another line makes sense: not on a truth value, and not on something empty. */
function goesOn(value: Value): value is number | string | number[] {
  return typeof value === 'number' || (typeof value !== 'boolean' && value.length > 0);
}

function number(random: Random): number {
  return between(random, 0, 12);
}

function word(random: Random): string {
  return pick(random, words);
}

function list(random: Random): number[] {
  return Array.from({ length: between(random, 2, 4) }, () => number(random));
}

const words =
  'cat dog fox hen owl bee sun sea tree moon star milk corn rain snow boat bell drum ship lamp rose hill lake nest plum apple bread horse sheep stone'.split(
    ' ',
  );

function next(random: Random, value: number | string | number[]): Line {
  if (typeof value === 'number') return pick(random, numberLines)(value, between(random, 1, 9), random);
  if (typeof value === 'string') return pick(random, wordLines)(value, random);
  return pick(random, listLines)(value, between(random, 0, 9), random);
}

const numberLines: readonly ((x: number, c: number, random: Random) => Line)[] = [
  (x, c) => ({ code: `x + ${c}`, value: x + c }),
  (x, c) => ({ code: `x - ${c}`, value: x - c }),
  (x, c) => ({ code: `${c} - x`, value: c - x }),
  (x, c) => ({ code: `x * ${c}`, value: x * c }),
  (x, c) => ({ code: `x > ${c}`, value: x > c }),
  (x, c) => ({ code: `max(x, ${c})`, value: Math.max(x, c) }),
  (x, c) => ({ code: `min(x, ${c})`, value: Math.min(x, c) }),
  (x, c) => ({ code: `[x, ${c}]`, value: [x, c] }),
  (x, c) => ({ code: `x if x > ${c} else ${c + 1}`, value: x > c ? x : c + 1 }),
  (x) => ({ code: 'x % 2 == 0', value: x % 2 === 0 }),
];

const wordLines: readonly ((x: string, random: Random) => Line)[] = [
  (x) => ({ code: 'x[::-1]', value: [...x].reverse().join('') }),
  (x) => ({ code: 'x.upper()', value: x.toUpperCase() }),
  (x) => ({ code: 'len(x)', value: x.length }),
  (x) => ({ code: 'x + x', value: x + x }),
  (x, random) => {
    const other = word(random);
    return { code: `x + '${other}'`, value: x + other };
  },
  (x, random) => {
    const other = word(random);
    return { code: `'${other}' + x`, value: other + x };
  },
  (x, random) => {
    const at = random.integer(x.length);
    return { code: `x[${at}]`, value: x[at] as string };
  },
  (x, random) => {
    const from = between(random, 1, Math.max(1, x.length - 1));
    return { code: `x[${from}:]`, value: x.slice(from) };
  },
  (x, random) => {
    const letter = pick(random, [...x, 'a', 'e', 'o']);
    return { code: `x.count('${letter}')`, value: x.split(letter).length - 1 };
  },
  (x, random) => {
    const [old, fresh] = [pick(random, [...x]), pick(random, ['a', 'e', 'o', 'z'])];
    return { code: `x.replace('${old}', '${fresh}')`, value: x.replaceAll(old, fresh) };
  },
  (x, random) => {
    const letter = pick(random, [...x, 'a', 's', 'z']);
    return { code: `'${letter}' in x`, value: x.includes(letter) };
  },
];

const listLines: readonly ((x: number[], c: number, random: Random) => Line)[] = [
  (x) => ({ code: 'len(x)', value: x.length }),
  (x) => ({ code: 'sum(x)', value: x.reduce((sum, item) => sum + item, 0) }),
  (x) => ({ code: 'max(x)', value: Math.max(...x) }),
  (x) => ({ code: 'min(x)', value: Math.min(...x) }),
  (x) => ({ code: 'sorted(x)', value: [...x].sort((a, b) => a - b) }),
  (x) => ({ code: 'x[::-1]', value: [...x].reverse() }),
  (x, c) => ({ code: `x + [${c}]`, value: [...x, c] }),
  (x) => ({ code: 'x[1:]', value: x.slice(1) }),
  (x) => ({ code: 'x[-1]', value: x.at(-1) as number }),
  (x, _, random) => {
    const at = random.integer(x.length);
    return { code: `x[${at}]`, value: x[at] as number };
  },
  (x, c, random) => {
    const item = pick(random, [...x, c]);
    return { code: `${item} in x`, value: x.includes(item) };
  },
  (x, c) => ({ code: `[i for i in x if i > ${c}]`, value: x.filter((item) => item > c) }),
  (x, c) => ({ code: `[i + ${c} for i in x]`, value: x.map((item) => item + c) }),
];
