/** Answers as people and models write them, LaTeX or not, as tokens. */
import { isUnit } from './unit.ts';

export type Token =
  /** Digits as readRational takes them; of a repeating decimal `repeated` are the digits that repeat. */
  | { kind: 'number'; text: string; repeated?: string }
  /** A variable, a constant or a function, by a name of our own: x, pi, sqrt. */
  | { kind: 'name'; text: string }
  /** Words that are no part of a formula: a unit, a label. */
  | { kind: 'words'; text: string }
  | { kind: 'sign'; text: string };

/** Longer answers are none: those of MATH have at most 159 characters. */
export const mostCharacters = 1000;
const mostTokens = 300;

/** One sign or name for what is written in several ways. */
const commands: Readonly<Record<string, string>> = {
  cdot: '*', times: '*', ast: '*', div: '/', le: '<=', leq: '<=', leqslant: '<=', ge: '>=', geq: '>=', geqslant: '>=',
  lt: '<', gt: '>', ne: '!=', neq: '!=', approx: '≈', pm: '±', mp: '∓', cup: '∪', cap: '∩', in: '∈', setminus: '∖',
  backslash: '∖', lbrace: '\\{', rbrace: '\\}', lvert: '|', rvert: '|', vert: '|', mid: '|', lfloor: '⌊', rfloor: '⌋',
  lceil: '⌈', rceil: '⌉', langle: '⟨', rangle: '⟩', lbrack: '[', rbrack: ']', infty: 'infinity', varnothing: 'emptyset',
  dfrac: 'frac', tfrac: 'frac', cfrac: 'frac', dbinom: 'binom', tbinom: 'binom', asin: 'arcsin', acos: 'arccos',
  atan: 'arctan', degree: '°', circ: '°', ldots: '…', cdots: '…', dots: '…', land: ',', lor: ',', implies: '⇒',
  Rightarrow: '⇒', rightarrow: '⇒', to: '⇒', colon: ':',
}; // biome-ignore format: a table

/** What is written for looks and says nothing. */
const ignored = new Set(
  `left right big Big bigg Bigg bigl bigr Bigl Bigr displaystyle textstyle limits nolimits quad qquad boxed fbox
  mathrm mathbf mathit mathsf boldsymbol bf rm it ensuremath`.split(/\s+/),
);

const characters: Readonly<Record<string, string>> = {
  '−': '-', '–': '-', '‐': '-', '×': '*', '·': '*', '⋅': '*', '∗': '*', '÷': '/', '⁄': '/', '∕': '/', '≤': '<=', '≥': '>=',
  '≠': '!=', 'π': ' pi ', '∞': ' infinity ', '∅': ' emptyset ', '√': ' sqrt ', 'ℝ': ' reals ', 'θ': ' theta ',
  'α': ' alpha ', 'β': ' beta ', 'γ': ' gamma ', 'λ': ' lambda ', 'φ': ' phi ', '′': "'", '’': "'", '“': '', '”': '', '"': '',
  '\u00a0': ' ', '\u2009': ' ', '\u202f': ' ', '％': '%', '£': ' GBP ', '€': ' EUR ',
}; // biome-ignore format: a table

const numberSets: Readonly<Record<string, string>> = {
  R: 'reals',
  Q: 'rationals',
  Z: 'integers',
  N: 'naturals',
  C: 'complexes',
};
const superscripts = '⁰¹²³⁴⁵⁶⁷⁸⁹';
const fractions: Readonly<Record<string, string>> = {
  '½': '1/2',
  '⅓': '1/3',
  '⅔': '2/3',
  '¼': '1/4',
  '¾': '3/4',
  '⅕': '1/5',
  '⅛': '1/8',
};

/** Words that are names in a formula, whether or not a backslash stands before them. */
export const knownNames = new Set(
  `sqrt frac binom overline bar sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln lg exp abs floor ceil
  factorial root pi infinity emptyset reals rationals integers naturals complexes degree percent alpha beta gamma delta epsilon varepsilon theta lambda mu nu rho
  sigma tau phi varphi psi omega Delta Omega Gamma Sigma Phi matrix`.split(/\s+/),
);

const separators: Readonly<Record<string, string>> = {
  and: ',',
  or: ',',
  union: '∪',
  infty: 'infinity',
  inf: 'infinity',
  oo: 'infinity',
};

/**
 * The tokens of an answer; undefined where it has more than 300, or something that stands in no answer. Money and units stay
 * as words. A comma between digits separates thousands where it can and no bracket is open.
 */
export function tokenize(written: string): Token[] | undefined {
  const text = plainText(written);
  const tokens: Token[] = [];
  let depth = 0;
  let at = 0;
  while (at < text.length) {
    const found = readToken(text, at, depth === 0);
    if (found === undefined) return undefined;
    at += found.length;
    for (const token of found.tokens) {
      if (token.kind === 'sign' && /^(?:[([]|\\\{)$/.test(token.text)) depth++;
      if (token.kind === 'sign' && /^(?:[)\]]|\\\})$/.test(token.text)) depth--;
      tokens.push(token);
    }
    if (tokens.length > mostTokens) return undefined;
  }
  return tokens;
}

/** The text without dollars around formulas, marks of emphasis and a last full stop, with plain characters. */
export function plainText(written: string): string {
  const dollars = written.replaceAll('\\$', '').split('$').length - 1;
  // Where e is a number, `2e-1` is twice that, less 1.
  const hasE = /(?<![\d.\p{L}\\])e(?!\p{L})/u.test(written);
  return written
    .replace(/(\d)e(?=[-+])/g, hasE ? '$1 e' : '$&')
    .replace(/^(\s*[-−–])\s*(\\?\$)/, '$2$1')
    .replace(/\\\$/g, dollars % 2 === 0 ? ' USD ' : ' ')
    .replace(/\$/g, dollars % 2 === 1 ? ' USD ' : ' ')
    .replace(/\\[()[\]]/g, ' ')
    .replace(/^\s*[*_`]+|[*_`]+\s*$/g, '')
    .replaceAll('**', '^')
    .replaceAll('...', '…')
    .replace(/\\mathbb\s*(?:\{([RQZNC])\}|([RQZNC]))/g, (_, a?: string, b?: string) => ` ${numberSets[a ?? b ?? '']} `)
    .replace(/[½⅓⅔¼¾⅕⅛]/g, (sign) => ` ${fractions[sign]}`)
    .replace(/[⁰¹²³⁴⁵⁶⁷⁸⁹]+/g, (digits) => `^{${[...digits].map((digit) => superscripts.indexOf(digit)).join('')}}`)
    .replace(/[^\x20-\x7e°]/g, (sign) => characters[sign] ?? sign)
    .replace(/(\d)(?:\{,\}|,\\!|\\[,; !])(?=\d{3}(?!\d))/g, '$1')
    .replace(/(\d)\s*[xX]\s*(?=10\s*\^)/g, '$1*')
    .trim()
    .replace(/[.,;:\s]+$/, '');
}

const numberPattern = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+(?![\d.]))?/y;
const thousandsPattern = /\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?/y;
const repeatingPattern = /(\d*\.\d*)\\(?:overline|bar|dot)\s*(?:\{(\d+)\}|(\d))/y;
const textPattern = /\\(?:text|textbf|textit|textrm|mbox|operatorname\*?|mathrm|mathbf)\s*\{([^{}]*)\}/y;
const environmentPattern = /\\(begin|end)\s*\{(\w+)\*?\}(?:\{[clr|]*\})?/y;
const commandPattern = /\\([a-zA-Z]+)/y;
const spacePattern = /\s+|\\[,;:! ]|~|&(?=\s*&)/y;
const signPattern = /\\\\|\\[{}|%]|<=|>=|!=|\.\.\.|[-+*/^_=<>()[\]{}|!%,;:'&≈±∓∪∩∈∖⌊⌋⌈⌉⟨⟩…°∠△⇒]/y;
const wordPattern = /\p{L}+/uy;

function readToken(text: string, at: number, thousands: boolean): { tokens: Token[]; length: number } | undefined {
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    return pattern.exec(text);
  };
  const space = match(spacePattern);
  if (space !== null) return { tokens: [], length: space[0].length };
  const repeating = match(repeatingPattern);
  if (repeating !== null) {
    const [all, digits = '', several, single] = repeating;
    return { tokens: [{ kind: 'number', text: digits, repeated: several ?? single ?? '' }], length: all.length };
  }
  const number = (thousands && match(thousandsPattern)) || match(numberPattern);
  if (number) return { tokens: [{ kind: 'number', text: number[0] }], length: number[0].length };
  const words = match(textPattern);
  if (words !== null) return { tokens: tokensOfText(words[1] as string), length: words[0].length };
  const environment = match(environmentPattern);
  if (environment !== null)
    return { tokens: [{ kind: 'sign', text: `${environment[1]} ${environment[2]}` }], length: environment[0].length };
  const command = match(commandPattern);
  if (command !== null) {
    const name = command[1] as string;
    if (ignored.has(name)) return { tokens: [], length: command[0].length };
    const meaning = Object.hasOwn(commands, name) ? (commands[name] as string) : name;
    const kind = /^[a-z]/i.test(meaning) ? 'name' : 'sign';
    return { tokens: [{ kind, text: meaning }], length: command[0].length };
  }
  const sign = match(signPattern);
  if (sign !== null) {
    const plain: Readonly<Record<string, string>> = { '\\%': '%', '\\|': '|', '...': '…' };
    return { tokens: [{ kind: 'sign', text: plain[sign[0]] ?? sign[0] }], length: sign[0].length };
  }
  const word = match(wordPattern);
  return word === null ? undefined : { tokens: tokensOfLetters(word[0]), length: word[0].length };
}

/** What stands in `\text{…}`: a separator, a letter, or words. */
function tokensOfText(content: string): Token[] {
  const text = content.trim().replace(/\s+/g, ' ');
  if (text === '') return [];
  if (Object.hasOwn(separators, text)) return [{ kind: 'sign', text: separators[text] as string }];
  if (text === ',' || text === ';') return [{ kind: 'sign', text }];
  const letter = /^\(?([A-Z])\)?\.?$/.exec(text);
  if (letter !== null) return [{ kind: 'name', text: letter[1] as string }];
  if (/^[-+]?\d/.test(text)) return tokenize(text) ?? [];
  return [{ kind: 'words', text }];
}

/** Letters without a mark of what they are: a name, a unit, a product of up to three variables, or a word. */
function tokensOfLetters(letters: string): Token[] {
  if (Object.hasOwn(separators, letters)) {
    const meaning = separators[letters] as string;
    return [{ kind: /^[a-z]/.test(meaning) ? 'name' : 'sign', text: meaning }];
  }
  if (letters.length === 1 || knownNames.has(letters)) return [{ kind: 'name', text: letters }];
  if (letters.length > 3 || isUnit(letters) || !/^[a-zA-Z]+$/.test(letters)) return [{ kind: 'words', text: letters }];
  return [...letters].map((letter): Token => ({ kind: 'name', text: letter }));
}
