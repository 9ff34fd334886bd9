import { endOfText } from '../../schemas/end-token.ts';

/** The one special token: it ends a document and a response, and fills what padding leaves. Its id is 0. */
export { endOfText };

/**
 * What one pre-token is; merges never cross its borders. After GPT-2's pattern, with two changes: a word keeps its
 * combining marks, and a number is cut into groups of at most three digits (as in GPT-4), so that every number up to
 * 999 can become one token. A space belongs to the word, number or sign after it.
 *
 * Written for Oniguruma (tokenizer.json) and JavaScript alike: `\p{White_Space}` where their `\s` differ.
 */
export const preTokenPattern =
  "'(?:s|t|re|ve|m|ll|d)| ?[\\p{L}\\p{M}]+| ?\\p{N}{1,3}| ?[^\\p{White_Space}\\p{L}\\p{M}\\p{N}]+|\\p{White_Space}+(?!\\P{White_Space})|\\p{White_Space}+";

/** `preTokenPattern` and the bytes' characters, as tokenizer.json says it. */
export const preTokenizer = {
  type: 'Sequence',
  pretokenizers: [
    { type: 'Split', pattern: { Regex: preTokenPattern }, behavior: 'Isolated', invert: false },
    { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
  ],
};

/**
 * The printable character that stands for each of the 256 bytes in a vocabulary file, by GPT-2's convention: visible
 * Latin-1 characters stand for themselves, the others for U+0100 and up.
 */
export const byteCharacters: readonly string[] = (() => {
  const visible = (byte: number) => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  let hidden = 0;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(visible(byte) ? byte : 0x100 + hidden++));
})();

/** A byte-level BPE tokenizer as Hugging Face `tokenizers` writes it into tokenizer.json. */
export interface TokenizerJson {
  version: '1.0';
  truncation: null;
  padding: null;
  added_tokens: {
    id: number;
    content: string;
    single_word: boolean;
    lstrip: boolean;
    rstrip: boolean;
    normalized: boolean;
    special: boolean;
  }[];
  normalizer: null;
  pre_tokenizer: object;
  post_processor: null;
  decoder: object;
  model: {
    type: 'BPE';
    dropout: null;
    unk_token: null;
    continuing_subword_prefix: null;
    end_of_word_suffix: null;
    fuse_unk: boolean;
    byte_fallback: boolean;
    ignore_merges: boolean;
    vocab: Record<string, number>;
    merges: [string, string][];
  };
}

/**
 * The tokenizer.json of a byte-level BPE: id 0 is the end of text, 1 to 256 are the bytes in order, then one token a
 * merge, then as many unused special tokens as it takes to reach `vocab` exactly.
 */
export function byteLevelTokenizer(merges: [string, string][], vocab: number): TokenizerJson {
  const tokens = [endOfText, ...byteCharacters, ...merges.map(([left, right]) => left + right)];
  const special = [0];
  while (tokens.length < vocab) {
    special.push(tokens.length);
    tokens.push(`<|unused_${special.length - 2}|>`);
  }
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: special.map((id) => ({
      id,
      content: tokens[id] as string,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: preTokenizer,
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  };
}
