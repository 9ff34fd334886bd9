import type { Token } from './tokens.ts';

/** Brackets in brackets, at most. */
const deepest = 40;

/** Thrown where tokens are no formula, and caught by parseAnswer. */
export class NoFormula extends Error {}

/** A bracket that is opened: which closes it, where, and whether commas stand between, in no inner bracket. */
export interface Bracket {
  open: string;
  close: string;
  end: number;
  commas: boolean;
}

/** A place in tokens, for reading on from it. */
export interface Cursor {
  tokens: Token[];
  at: number;
  /** Whether the next token is one of these signs. */
  sign(...texts: string[]): boolean;
  /** Goes past the next token if it is one of these signs. */
  take(...texts: string[]): boolean;
  /** @throws NoFormula where the next token is none of these signs. */
  expect(...texts: string[]): void;
  /** @throws NoFormula where it is nested too deep. */
  nested<T>(read: () => T): T;
  /** The bracket that is opened here. */
  bracket(): Bracket | undefined;
  /** Makes the number here two: its first digit, and the others. */
  split(): void;
}

/** A cursor at the beginning of tokens. */
export function cursorOf(given: readonly Token[]): Cursor {
  const tokens = [...given];
  const closings = matchingBrackets(tokens);
  let depth = 0;
  const cursor: Cursor = {
    tokens,
    at: 0,
    sign(...texts) {
      const token = tokens[cursor.at];
      return token?.kind === 'sign' && texts.includes(token.text);
    },
    take(...texts) {
      if (!cursor.sign(...texts)) return false;
      cursor.at++;
      return true;
    },
    expect(...texts) {
      if (!cursor.take(...texts)) throw new NoFormula();
    },
    nested(read) {
      if (++depth > deepest) throw new NoFormula();
      const result = read();
      depth--;
      return result;
    },
    bracket: () => closings.get(cursor.at),
    split() {
      const [first = '', ...others] = (tokens[cursor.at] as Token).text;
      const halves = [first, others.join('')].map((text): Token => ({ kind: 'number', text }));
      tokens.splice(cursor.at, 1, ...halves);
      shiftBrackets(closings, cursor.at);
    },
  };
  return cursor;
}

/** The brackets by the places where they are opened. Intervals are closed by another kind than they were opened with. */
function matchingBrackets(tokens: readonly Token[]): Map<number, Bracket> {
  const closings = new Map<number, Bracket>();
  const opened: { start: number; open: string; commas: boolean }[] = [];
  for (const [end, { kind, text }] of tokens.entries()) {
    if (kind !== 'sign') continue;
    const innermost = opened.at(-1);
    if (/^(?:[([{⟨]|\\\{)$/.test(text)) opened.push({ start: end, open: text, commas: false });
    else if ((text === ',' || text === ';') && innermost) innermost.commas = true;
    else if (/^(?:[)\]}⟩]|\\\})$/.test(text) && innermost) {
      opened.pop();
      closings.set(innermost.start, { open: innermost.open, close: text, end, commas: innermost.commas });
    }
  }
  return closings;
}

/** Makes room for one more token at a place. */
function shiftBrackets(closings: Map<number, Bracket>, place: number): void {
  const moved = [...closings].map(
    ([start, bracket]) =>
      [
        start > place ? start + 1 : start,
        { ...bracket, end: bracket.end > place ? bracket.end + 1 : bracket.end },
      ] as const,
  );
  closings.clear();
  for (const [start, bracket] of moved) closings.set(start, bracket);
}
