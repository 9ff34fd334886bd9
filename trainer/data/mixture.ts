import { interleave } from '../../schemas/interleave.ts';
import type { Mixture, Source, WeightedMixture } from '../../schemas/types/job.ts';
import { TrainerFailure } from '../failure.ts';
import { random } from '../random.ts';
import type { Tokenizer } from '../tokenizer/load.ts';
import { type DataFolders, textDocuments } from './sources.ts';

/** What a pretraining stage trains on. */
export interface PackedData {
  /** Sequences of context + 1 tokens, in training order: the first `context` are inputs, the last `context` targets. */
  sequences: Int32Array[];
  /** Tokens to predict in all: sequences times context. */
  trainTokens: number;
  /** Entropy of the targets' unigram distribution, in nats per token: the loss of a model that knows nothing but it. */
  unigramEntropy: number;
}

/**
 * Packs a mixture: exactly as many sequences of each source as it says, then all of them in an order that the seed
 * permutes. Within a source the documents come in their own order, whatever the seed; files shorter than what is asked
 * for are read again from the start. As in LitGPT there is no document mask: a sequence may hold several documents,
 * parted by the end of text.
 *
 * @throws TrainerFailure `bad-data` when a source has no documents; otherwise as `textDocuments`.
 */
export function packSequences(
  mixture: Mixture,
  tokenizer: Tokenizer,
  context: number,
  seed: number,
  folders: DataFolders,
): PackedData {
  const packed = mixture.flatMap(({ name, source, sequences }) =>
    packDocuments(endless(name, source, folders), tokenizer, context, sequences),
  );
  return packedData(random(seed, 'sequences').shuffle(packed), tokenizer, context);
}

/** So many sequences of a source are permuted among themselves: enough that the seed matters, few to pack beyond the end. */
const shuffled = 1024;

/**
 * Packs a mixture so that a shorter run sees exactly what a longer one begins with: the sources take turns by their
 * weights, and each source's sequences are permuted by the seed in blocks of 1,024, whatever the length of the run. Else as
 * `packSequences`.
 *
 * @throws TrainerFailure `bad-job` when the counts are not those that the weights come to; `bad-data` as `packSequences`.
 */
export function packInterleaved(
  mixture: WeightedMixture,
  tokenizer: Tokenizer,
  context: number,
  seed: number,
  folders: DataFolders,
): PackedData {
  const total = mixture.reduce((sum, { sequences }) => sum + sequences, 0);
  const streams = mixture.map(({ name, source, sequences }) => {
    const whole = Math.ceil(sequences / shuffled) * shuffled;
    return inBlocks(packDocuments(endless(name, source, folders), tokenizer, context, whole), seed).values();
  });
  const counts = mixture.map(() => 0);
  const sequences: Int32Array[] = [];
  for (const index of interleave(
    mixture.map(({ weight }) => weight),
    total,
  )) {
    counts[index] = (counts[index] as number) + 1;
    const next = streams[index]?.next();
    if (next?.done === false) sequences.push(next.value);
  }
  const odd = mixture.findIndex((entry, index) => entry.sequences !== counts[index]);
  if (odd >= 0) {
    const { name, sequences: asked } = mixture[odd] as WeightedMixture[number];
    const message = `The mixture has ${asked} sequences of \`${name}\`, and by its weights ${counts[odd]} of ${total} are its.`;
    throw new TrainerFailure('bad-job', message);
  }
  return packedData(sequences, tokenizer, context);
}

function inBlocks(sequences: readonly Int32Array[], seed: number): Int32Array[] {
  const blocks = Array.from({ length: Math.ceil(sequences.length / shuffled) }, (_, block) =>
    random(seed, 'sequences', block).shuffle(sequences.slice(block * shuffled, (block + 1) * shuffled)),
  );
  return blocks.flat();
}

function packedData(sequences: Int32Array[], tokenizer: Tokenizer, context: number): PackedData {
  return {
    sequences,
    trainTokens: sequences.length * context,
    unigramEntropy: entropyOfTargets(sequences, tokenizer.vocab),
  };
}

/**
 * The first `count` sequences of context + 1 tokens of a stream of documents; fewer when the stream ends, and then
 * without the part that fills no sequence. Each document ends with the end of text, and the last token of a sequence
 * is the first of the next: every token is predicted exactly once.
 */
export function packDocuments(
  documents: Iterable<string>,
  tokenizer: Tokenizer,
  context: number,
  count: number,
): Int32Array[] {
  if (count === 0) return [];
  const tokens = new Int32Array(count * context + 1);
  let filled = 0;
  for (const document of documents) {
    for (const id of tokenizer.encode(document)) tokens[filled++] = id;
    // Writes past the end of a typed array do nothing.
    tokens[filled++] = tokenizer.eos;
    if (filled >= tokens.length) break;
  }
  const whole = Math.min(count, Math.floor((filled - 1) / context));
  return Array.from({ length: Math.max(0, whole) }, (_, i) => tokens.subarray(i * context, (i + 1) * context + 1));
}

function* endless(name: string, source: Source, folders: DataFolders): Generator<string> {
  for (;;) {
    let empty = true;
    for (const document of textDocuments(source, 'train', folders)) {
      if (document === '') continue;
      empty = false;
      yield document;
    }
    if (empty) throw new TrainerFailure('bad-data', `The data set \`${name}\` has no documents to train on.`);
  }
}

function entropyOfTargets(sequences: readonly Int32Array[], vocab: number): number {
  const counts = new Float64Array(vocab);
  for (const sequence of sequences) for (const id of sequence.subarray(1)) counts[id] = (counts[id] as number) + 1;
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.reduce(
    (entropy, count) => (count === 0 ? entropy : entropy - (count / total) * Math.log(count / total)),
    0,
  );
}
