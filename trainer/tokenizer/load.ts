import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { endToken, endTokens, type TokenizerFiles } from '../../schemas/end-token.ts';
import type { Architecture } from '../../schemas/types/job.ts';
import { isFaultOfFile, TrainerFailure } from '../failure.ts';
import { preTokenizer, preTokenPattern, type TokenizerJson } from './format.ts';

/** Text to token ids and back. */
export interface Tokenizer {
  /** One more than the largest id, special tokens included. */
  readonly vocab: number;
  /** Id of the end of text: it ends documents and responses. */
  readonly eos: number;
  /** Ids that end a response when the model writes one of them: `eos` first. */
  readonly ends: readonly number[];
  /**
   * Ids that a document and a prompt begin with: the beginning of text (BOS), where tokenizer.json's post-processor puts one
   * before a text, as transformers does (which passes over `add_bos_token` where there is a tokenizer.json).
   */
  readonly start: readonly number[];
  /** The ids of a text; nothing is added before or after. */
  encode(text: string): number[];
  /** The text of some ids; special tokens appear by their names. `decode(encode(text)) === text` for well-formed text. */
  decode(ids: ArrayLike<number>): string;
  /** What it was made from, to be written beside a model. */
  readonly json: TokenizerJson;
}

/** Distinct pre-tokens whose ids are remembered; text has few that matter, and a file of noise must not fill the memory. */
const mostRemembered = 200_000;

/**
 * The tokenizer of a folder's tokenizer.json. Which token ends a text, tokenizer_config.json and generation_config.json
 * say where they are there: see `endToken`.
 *
 * @throws TrainerFailure `bad-data` when the file is missing, is no tokenizer, or knows no end of text.
 */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const path = join(folder, 'tokenizer.json');
  const unusable = (error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    return new TrainerFailure('bad-data', `${path} is not a tokenizer that can be used: ${reason}`, { cause: error });
  };
  const { json, files } = await readFiles(folder, path).catch((error) => {
    throw isFaultOfFile(error) ? unusable(error) : error;
  });
  try {
    return createTokenizer(json, files);
  } catch (error) {
    throw unusable(error);
  }
}

async function readFiles(folder: string, path: string): Promise<{ json: TokenizerJson; files: TokenizerFiles }> {
  const json = JSON.parse(await readFile(path, 'utf8')) as TokenizerJson;
  const files = {
    tokenizer: await readIfThere(join(folder, 'tokenizer_config.json')),
    generation: await readIfThere(join(folder, 'generation_config.json')),
  };
  return { json, files };
}

/**
 * A tokenizer from the content of a tokenizer.json. `@huggingface/tokenizers` does the work; since no merge crosses a
 * pre-token, the ids of each distinct pre-token are asked for once and then remembered, which is ten times faster.
 */
export function createTokenizer(json: TokenizerJson, files: TokenizerFiles = {}): Tokenizer {
  const library = new HuggingFaceTokenizer(json, { clean_up_tokenization_spaces: false });
  let vocab = 0;
  for (const id of library.get_vocab().values()) vocab = Math.max(vocab, id + 1);
  const end = endToken({ idOf: (token) => library.token_to_id(token), vocab }, files);
  if (!end.ok) throw new Error(`${end.problem}.`);
  const whole = (text: string) => library.encode(text, { add_special_tokens: false }).ids;
  const special = json.added_tokens.map((token) => token.content);
  const divisible =
    isDeepStrictEqual(json.pre_tokenizer, preTokenizer) && special.every((token) => token.startsWith('<|'));
  return {
    vocab,
    eos: end.id,
    ends: endTokens(end.id, files, vocab),
    start: startOf(library),
    encode: divisible ? remembering(whole, special) : whole,
    decode: (ids) => (ids.length === 0 ? '' : library.decode(Array.from(ids))),
    json,
  };
}

/** What stands before a text once the post-processor has added its tokens. */
function startOf(library: HuggingFaceTokenizer): number[] {
  const bare: number[] = library.encode('a', { add_special_tokens: false }).ids;
  const whole: number[] = library.encode('a', { add_special_tokens: true }).ids;
  const at = whole.findIndex((_, index) => bare.every((id, offset) => whole[index + offset] === id));
  return whole.slice(0, Math.max(0, at));
}

async function readIfThere(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  return text === undefined ? undefined : JSON.parse(text);
}

/** `encode`, pre-token by pre-token. A text that names a special token goes to the library as it is. */
function remembering(encode: (text: string) => number[], special: string[]): (text: string) => number[] {
  const pattern = new RegExp(preTokenPattern, 'gu');
  const remembered = new Map<string, number[]>();
  return (text) => {
    if (text.includes('<|') && special.some((token) => text.includes(token))) return encode(text);
    const ids: number[] = [];
    for (const token of text.match(pattern) ?? []) {
      let known = remembered.get(token);
      if (known === undefined) {
        known = encode(token);
        if (remembered.size < mostRemembered) remembered.set(token, known);
      }
      for (const id of known) ids.push(id);
    }
    return ids;
  };
}

/** Throws unless a model has a score, and an embedding, for each token: it would take those of another. */
export function requireVocabulary(tokenizer: Tokenizer, { vocab }: Architecture, kind: 'bad-data' | 'bad-job'): void {
  if (tokenizer.vocab <= vocab) return;
  throw new TrainerFailure(
    kind,
    `The tokenizer has ${tokenizer.vocab} tokens, and the model has a vocabulary of ${vocab}.`,
  );
}
