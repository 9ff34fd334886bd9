/** A sequence of tokens that were cut from documents standing one after the other. */
export interface Packed {
  /** context + 1 tokens: the first `context` are inputs, the last `context` targets. */
  tokens: Int32Array;
  /** The first and the last document that it has a token of, by their place among all that were read, from 0. */
  documents: [first: number, last: number];
}

/**
 * Sequences of context + 1 tokens of a stream of documents, until it ends, and then without the part that fills no sequence.
 * Each document, which may begin with a token of its own (BOS), ends with the end of text, and the last token of a sequence is the first of the next: every token is
 * predicted exactly once. No more documents are read than the sequences that are asked for need.
 */
export function* packDocuments(
  documents: Iterable<readonly number[]>,
  eos: number,
  context: number,
): Generator<Packed, void> {
  let tokens = new Int32Array(context + 1);
  let filled = 0;
  let first = 0;
  let last = 0;
  for (const document of documents) {
    for (let i = 0; i <= document.length; i++) {
      const id = document[i] ?? eos;
      tokens[filled++] = id;
      if (filled < tokens.length) continue;
      yield { tokens, documents: [first, last] };
      tokens = new Int32Array(context + 1);
      tokens[0] = id;
      filled = 1;
      first = last;
    }
    last += 1;
  }
}
