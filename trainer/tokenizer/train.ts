import TinyQueue from 'tinyqueue';
import { TrainerFailure } from '../failure.ts';
import { byteVocabulary } from './bytes.ts';
import { byteCharacters, byteLevelTokenizer, preTokenPattern, type TokenizerJson } from './format.ts';

/** A merge that fewer occurrences ask for is noise. */
const leastOccurrences = 2;

/** Ids in a vocabulary stay below this, so that a pair of them is one exact number. */
const mostTokens = 2 ** 24;

/**
 * Learns a byte-level BPE (Sennrich et al., 2016) from texts. The commonest pair of neighbours is merged first; of
 * equally common pairs the one with the smaller ids, left then right: the same texts give the same file everywhere.
 * The vocabulary has exactly `vocab` tokens; when there is nothing left to merge, unused special tokens fill it up.
 *
 * @throws TrainerFailure `bad-job` when `vocab` cannot hold the 256 bytes and the end of text.
 */
export function trainBpe(texts: Iterable<string>, vocab: number): TokenizerJson {
  if (vocab < byteVocabulary || vocab > mostTokens) {
    throw new TrainerFailure(
      'bad-job',
      `A vocabulary of ${vocab} tokens is not possible: 256 bytes and the end of text make ${byteVocabulary}. Ask for more, or use the \`bytes\` tokenizer.`,
    );
  }
  const words = countWords(texts);
  const pairs = countPairs(words);
  const queue = new TinyQueue(
    [...pairs].map(([pair, { count }]) => ({ pair, count })),
    byCount,
  );

  const tokens = ['', ...byteCharacters];
  const known = new Set(tokens);
  const merges: [string, string][] = [];
  while (tokens.length < vocab) {
    const next = nextPair(queue, pairs);
    if (next === undefined) break;
    const left = tokens[leftOf(next)] as string;
    const right = tokens[rightOf(next)] as string;
    // Two ways to the same string would be one token with two ids: the first way stands.
    if (known.has(left + right)) continue;
    for (const pair of merge(words, pairs, next, tokens.length)) {
      queue.push({ pair, count: (pairs.get(pair) as PairCount).count });
    }
    merges.push([left, right]);
    tokens.push(left + right);
    known.add(left + right);
  }
  return byteLevelTokenizer(merges, vocab);
}

/** A distinct pre-token: its token ids so far, and how often it occurs. */
interface Word {
  ids: number[];
  count: number;
}

interface PairCount {
  count: number;
  /** Indices of the words that have it, or had it once. */
  words: Set<number>;
}

function countWords(texts: Iterable<string>): Word[] {
  const counts = new Map<string, number>();
  const pattern = new RegExp(preTokenPattern, 'gu');
  for (const text of texts) {
    for (const token of text.match(pattern) ?? []) counts.set(token, (counts.get(token) ?? 0) + 1);
  }
  const encoder = new TextEncoder();
  return Array.from(counts, ([token, count]) => ({
    ids: Array.from(encoder.encode(token), (byte) => byte + 1),
    count,
  }));
}

function countPairs(words: Word[]): Map<number, PairCount> {
  const pairs = new Map<number, PairCount>();
  words.forEach(({ ids, count }, index) => {
    for (let i = 0; i + 1 < ids.length; i++) add(pairs, pairOf(ids[i] as number, ids[i + 1] as number), count, index);
  });
  return pairs;
}

/** Merges one pair in every word that has it, corrects the counts around it, and returns the pairs that are new. */
function merge(words: Word[], pairs: Map<number, PairCount>, pair: number, merged: number): Set<number> {
  const fresh = new Set<number>();
  const left = leftOf(pair);
  const right = rightOf(pair);
  for (const index of pairs.get(pair)?.words ?? []) {
    const word = words[index] as Word;
    const before = word.ids;
    const after: number[] = [];
    for (let i = 0; i < before.length; i++) {
      const here = before[i] as number;
      if (here === left && before[i + 1] === right) {
        after.push(merged);
        i++;
      } else {
        after.push(here);
      }
    }
    if (after.length === before.length) continue;
    for (let i = 0; i + 1 < before.length; i++) {
      (pairs.get(pairOf(before[i] as number, before[i + 1] as number)) as PairCount).count -= word.count;
    }
    for (let i = 0; i + 1 < after.length; i++) {
      const neighbours = pairOf(after[i] as number, after[i + 1] as number);
      add(pairs, neighbours, word.count, index);
      if (after[i] === merged || after[i + 1] === merged) fresh.add(neighbours);
    }
    word.ids = after;
  }
  pairs.delete(pair);
  return fresh;
}

/** The pair to merge next. Counts only fall after a pair is queued, so an outdated entry goes back with its true count. */
function nextPair(queue: TinyQueue<QueueEntry>, pairs: Map<number, PairCount>): number | undefined {
  for (let entry = queue.pop(); entry !== undefined; entry = queue.pop()) {
    const count = pairs.get(entry.pair)?.count ?? 0;
    if (count === entry.count && count >= leastOccurrences) return entry.pair;
    if (count >= leastOccurrences) queue.push({ pair: entry.pair, count });
  }
  return undefined;
}

function pairOf(left: number, right: number): number {
  return left * mostTokens + right;
}

function leftOf(pair: number): number {
  return Math.floor(pair / mostTokens);
}

function rightOf(pair: number): number {
  return pair % mostTokens;
}

function add(pairs: Map<number, PairCount>, pair: number, count: number, word: number): void {
  const entry = pairs.get(pair);
  if (entry === undefined) {
    pairs.set(pair, { count, words: new Set([word]) });
  } else {
    entry.count += count;
    entry.words.add(word);
  }
}

interface QueueEntry {
  pair: number;
  count: number;
}

/** The largest count first, the smaller pair among equals. */
function byCount(a: QueueEntry, b: QueueEntry): number {
  return b.count - a.count || a.pair - b.pair;
}
