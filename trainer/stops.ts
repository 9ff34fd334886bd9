/** Stop strings, as vLLM has them: a response ends where the first of them stands, and is what comes before it. */
import type { Tokenizer } from './tokenizer/load.ts';

/** A character is four bytes at most, and a token is one byte at least. */
const tokensACharacter = 4;

/**
 * Whether a response whose latest token is new has a stop string in it now. It looks at the end alone, so it must be asked
 * after each token.
 */
export function stopper(tokenizer: Tokenizer, stops: readonly string[]): (tokens: readonly number[]) => boolean {
  const most = tokensACharacter * (Math.max(...stops.map(({ length }) => length)) + 1);
  return (tokens) => {
    const end = tokenizer.decode(tokens.slice(-most));
    return stops.some((stop) => end.includes(stop));
  };
}

/** A text up to the first stop string in it; all of it where there is none. */
export function beforeStop(text: string, stops: readonly string[]): string {
  const places = stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
  return places.length === 0 ? text : text.slice(0, Math.min(...places));
}
