/** Text to train on: the documents of several data sets, packed into sequences, in the order of training. */
import { interleave, interleavedCounts } from '../../schemas/interleave.ts';
import type { Mixture, WeightedMixture } from '../../schemas/types/job.ts';
import { TrainerFailure } from '../failure.ts';
import { random } from '../random.ts';
import type { Tokenizer } from '../tokenizer/load.ts';
import { type Packed, packDocuments } from './packing.ts';
import { type DataFolders, textDocuments } from './sources.ts';

/** A sequence of a data set. */
export interface MixedSequence extends Packed {
  /** Name of the data set. */
  name: string;
}

/** A mixture as it is read, from its first sequence to its last. Only a block of each source is in memory. */
export interface MixedText {
  /** The next sequences. */
  take(count: number): MixedSequence[];
  /**
   * How often the sequences so far have gone through each data set on average, by name; of those whose end has been read.
   * In a run under wsd it depends on nothing that comes later.
   */
  epochs(): Record<string, number>;
  /** What has been taken so far. */
  tally(): Tally;
}

export interface Tally {
  /** Tokens to predict: sequences times context. */
  tokens: number;
  /** Those that are not of a second or later pass through a data set. */
  uniqueTokens: number;
  /** Entropy of the targets' unigram distribution, in nats per token: the loss of a model that knows nothing but it. */
  unigramEntropy: number;
  /**
   * Tokens by unique tokens of each data set that has an end (Muennighoff et al. 2023, arXiv 2305.16264): 1 where none was
   * read again.
   */
  epochs: Record<string, number>;
}

/** So many sequences of a source are permuted among themselves: enough that the seed matters, few enough to hold. */
const shuffled = 1024;

/**
 * Reads a mixture: exactly as many sequences of each source as it says, the sources taking turns (`interleave`), so that
 * after any number of sequences each has had its share, but for less than one. The documents of a source come in their own
 * order, whatever the seed; files shorter than what is asked for are read again from the start. The seed permutes each
 * source's sequences in blocks of 1,024. As in LitGPT there is no document mask: a sequence may hold several documents,
 * parted by the end of text.
 *
 * A mixture with weights is that of a run under wsd: its turns are by weights and its blocks whole, so that a shorter run
 * sees exactly what a longer one begins with. Else turns are by counts and the last block is what is left of these: which
 * sequences are seen then does not depend on the seed.
 *
 * @throws TrainerFailure `bad-job` when the counts are not those that the weights come to; when it reads, `bad-data` for a
 * source without documents, and as `textDocuments`.
 */
export function mixText(
  mixture: Mixture | WeightedMixture,
  tokenizer: Tokenizer,
  context: number,
  seed: number,
  folders: DataFolders,
): MixedText {
  const turns = interleave(turnsOf(mixture));
  const streams = mixture.map((entry) => {
    const reading = readAgainAndAgain(entry, tokenizer, folders);
    const packed = packDocuments(reading.documents, tokenizer.eos, context);
    const blocks = inBlocks(packed, 'weight' in entry ? Number.POSITIVE_INFINITY : entry.sequences, seed);
    return { name: entry.name, endless: 'generator' in entry.source, blocks, size: reading.size, tokens: 0 };
  });
  const targets = new Float64Array(tokenizer.vocab);
  const finite = () => streams.filter(({ endless, tokens }) => !endless && tokens > 0);
  const uniqueOf = ({ tokens, size }: (typeof streams)[number]) => Math.min(tokens, size() ?? tokens);

  function next(): MixedSequence {
    const stream = streams[turns.next().value] as (typeof streams)[number];
    const sequence = stream.blocks.next();
    if (sequence.done) throw new Error(`More is asked for of ${stream.name} than the mixture has.`);
    stream.tokens += context;
    for (const id of sequence.value.tokens.subarray(1)) targets[id] = (targets[id] as number) + 1;
    return { ...sequence.value, name: stream.name };
  }

  return {
    take: (count) => Array.from({ length: count }, next),
    epochs: () =>
      Object.fromEntries(
        finite().flatMap(({ name, tokens, size }) => {
          const whole = size();
          return whole === undefined ? [] : [[name, tokens / whole]];
        }),
      ),
    tally: () => ({
      tokens: streams.reduce((sum, { tokens }) => sum + tokens, 0),
      uniqueTokens: streams.reduce((sum, stream) => sum + uniqueOf(stream), 0),
      unigramEntropy: entropyOf(targets),
      epochs: Object.fromEntries(finite().map((stream) => [stream.name, stream.tokens / uniqueOf(stream)])),
    }),
  };
}

/** By what the sources of a mixture take turns: their weights, or else their counts. */
function turnsOf(mixture: Mixture | WeightedMixture): number[] {
  const asked = mixture.map(({ sequences }) => sequences);
  const weights = mixture.flatMap((entry) => ('weight' in entry ? entry.weight : []));
  if (weights.length < mixture.length) return asked;
  const total = asked.reduce((sum, count) => sum + count, 0);
  const counts = interleavedCounts(weights, total);
  const odd = counts.findIndex((count, index) => count !== asked[index]);
  if (odd < 0) return weights;
  const message = `The mixture has ${asked[odd]} sequences of \`${mixture[odd]?.name}\`, and by its weights ${counts[odd]} of ${total} are its.`;
  throw new TrainerFailure('bad-job', message);
}

/** Sequences permuted in blocks by the seed: `count` of them, or without end. */
function* inBlocks(sequences: Iterator<Packed>, count: number, seed: number): Generator<Packed> {
  for (let block = 0; block * shuffled < count; block++) {
    const length = Math.min(shuffled, count - block * shuffled);
    // A source is read without end, so there is always a next one.
    const taken = Array.from({ length }, () => sequences.next().value as Packed);
    yield* random(seed, 'sequences', block).shuffle(taken);
  }
}

/** The documents of a source in tokens, pass after pass; and how many tokens a pass has, once there has been one. */
function readAgainAndAgain(
  { name, source }: Mixture[number],
  tokenizer: Tokenizer,
  folders: DataFolders,
): { documents: Iterable<number[]>; size: () => number | undefined } {
  let size: number | undefined;
  function* documents(): Generator<number[]> {
    for (;;) {
      let tokens = 0;
      for (const document of textDocuments(source, 'train', folders)) {
        if (document === '') continue;
        const ids = [...tokenizer.start, ...tokenizer.encode(document)];
        tokens += ids.length + 1;
        yield ids;
      }
      if (tokens === 0) throw new TrainerFailure('bad-data', `The data set \`${name}\` has no documents to train on.`);
      size ??= tokens;
    }
  }
  return { documents: documents(), size: () => size };
}

function entropyOf(counts: Float64Array): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.reduce(
    (entropy, count) => (count === 0 ? entropy : entropy - (count / total) * Math.log(count / total)),
    0,
  );
}
