import { type Rational, readRational, sum } from '../rational.ts';
import { parseAnswer } from './math/parse.ts';

const number =
  /(?<![\d\p{L}.])[-−–]?[$€£]?(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)(?:e[-+]?\d+(?![\d.])|\s*\/\s*\d+)?/iu;

/**
 * The first number of a sentence, or what follows its last `=`: whole, decimal, with commas, a fraction, mixed (`3 1/2`),
 * in scientific notation. What stands around it, units and percent too, does not count; an unfinished calculation is no
 * number, and nor are a time of day and `1,5`. LaTeX and powers are read as mathematics (math/parse.ts) and must come to a
 * number.
 */
export function readNumber(sentence: string): Rational | undefined {
  if (/[\\^]|\{,\}/.test(sentence)) return numberOf(sentence);
  const value = (sentence.split('=').at(-1) as string).replace(/^\s*[-−–]\s*/, '-');
  const found = number.exec(value);
  if (found === null) return undefined;
  const rest = value.slice(found.index + found[0].length);
  const written = found[0].replace(/^[−–]/, '-').replace(/[$€£]/, '');
  const fraction = /^\s+(\d+\s*\/\s*\d+)/.exec(rest);
  if (fraction !== null && /^\d+$/.test(written)) {
    const [whole, part] = [readRational(written), readRational(fraction[1] as string)];
    return whole && part && sum(whole, part);
  }
  const goesOn = /^(?:[,:]\d|\s*[-−–+*×·÷/xX]\s*[$€£]?[\d(])/.test(rest);
  return goesOn ? undefined : readRational(written);
}

function numberOf(text: string): Rational | undefined {
  const last = (text.split('=').at(-1) as string).replace(/(?:\\times|\\cdot|[×·*xX])\s*10\s*\^/g, 'e');
  if (/[\d)}]\s*(?:[-−+*×·/]|\\times|\\cdot|\\div)\s*[\d(\\]/.test(last)) return undefined;
  const answer = parseAnswer(text);
  const value =
    answer?.kind === 'relation' && answer.signs.every((sign) => sign === '=') ? answer.sides.at(-1) : answer;
  return value?.kind === 'value' && value.expression.kind === 'number' ? value.expression.value : undefined;
}
