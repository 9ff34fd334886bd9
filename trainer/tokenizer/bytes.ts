import { byteLevelTokenizer, type TokenizerJson } from './format.ts';

/** Size of the vocabulary of `byteTokenizer`: the end of text, then the 256 bytes. */
export const byteVocabulary = 257;

/** One token a byte: a byte-level BPE without merges, in the same file format. Id 0 is the end of text, id 1 + b is byte b. */
export function byteTokenizer(): TokenizerJson {
  return byteLevelTokenizer([], byteVocabulary);
}
