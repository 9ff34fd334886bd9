import { type Rational, readRational, sum } from '../rational.ts';
import { parseAnswer } from './math/parse.ts';

const number =
  /(?<![\d\p{L}.])[-−]?(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)(?:e[-+]?\d+(?![\d.])|\s*\/\s*\d+)?/iu;

/**
 * The first number of a sentence, or what follows its last `=`: whole, decimal, with commas, a fraction, mixed (`3 1/2`),
 * in scientific notation. What stands around it, units and percent too, does not count; an unfinished calculation is no
 * number. LaTeX and powers are read as mathematics (math/parse.ts) and must come to a number.
 */
export function readNumber(sentence: string): Rational | undefined {
  if (/[\\^]/.test(sentence)) return numberOf(sentence);
  const value = sentence.split('=').at(-1) as string;
  const found = number.exec(value);
  if (found === null) return undefined;
  const rest = value.slice(found.index + found[0].length);
  const fraction = /^\s+(\d+\s*\/\s*\d+)/.exec(rest);
  if (fraction !== null && /^\d+$/.test(found[0])) {
    const [whole, part] = [readRational(found[0]), readRational(fraction[1] as string)];
    return whole && part && sum(whole, part);
  }
  return /^\s*[-−+*×·/^]\s*[\d(]/.test(rest) ? undefined : readRational(found[0]);
}

function numberOf(text: string): Rational | undefined {
  const last = (text.split('=').at(-1) as string).replace(/(?:\\times|\\cdot|[×·*xX])\s*10\s*\^/g, 'e');
  if (/[\d)}]\s*(?:[-−+*×·/]|\\times|\\cdot|\\div)\s*[\d(\\]/.test(last)) return undefined;
  const answer = parseAnswer(text);
  const value =
    answer?.kind === 'relation' && answer.signs.every((sign) => sign === '=') ? answer.sides.at(-1) : answer;
  return value?.kind === 'value' && value.expression.kind === 'number' ? value.expression.value : undefined;
}
