import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import type { Mixture } from '../../../schemas/types/job.ts';
import { packDocuments, packSequences } from '../../../trainer/data/mixture.ts';
import { exampleTokens, promptText, responseText } from '../../../trainer/data/template.ts';
import { TrainerFailure } from '../../../trainer/failure.ts';
import { byteTokenizer } from '../../../trainer/tokenizer/bytes.ts';
import { createTokenizer } from '../../../trainer/tokenizer/load.ts';

const bytes = createTokenizer(byteTokenizer());
const root = mkdtempSync(join(tmpdir(), 'descent-mixture-'));
after(() => rmSync(root, { recursive: true }));

/** A folder of prepared documents, as a source with its folder. */
function files(name: string, texts: string[]): Record<string, string> {
  const folder = mkdtempSync(join(root, `${name}-`));
  writeFileSync(join(folder, 'documents-train.jsonl'), texts.map((text) => `${JSON.stringify({ text })}\n`).join(''));
  return { [`data:${name}`]: folder };
}

const folders = {
  ...files(
    'a',
    Array.from({ length: 40 }, () => 'aaaa aaa'),
  ),
  ...files('b', ['bbb']),
  ...files('none', ['']),
};
const mixture = (a: number, b: number): Mixture => [
  { name: 'a', source: { prepared: 'data:a' }, sequences: a },
  { name: 'b', source: { prepared: 'data:b' }, sequences: b },
];

test('packed sequences join documents with the end of text and overlap by one token', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 20 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 0, max: 12 }),
      (texts, context, count) => {
        const stream = texts.flatMap((text) => [...bytes.encode(text), bytes.eos]);
        const sequences = packDocuments(texts, bytes, context, count);
        assert.equal(sequences.length, Math.min(count, Math.max(0, Math.floor((stream.length - 1) / context))));
        for (const [i, sequence] of sequences.entries()) {
          assert.deepEqual([...sequence], stream.slice(i * context, (i + 1) * context + 1));
        }
      },
    ),
  );
});

test('a mixture has exactly its sequences of each source', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 30 }),
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 0, max: 4294967295 }),
      (a, b, seed) => {
        const { sequences, trainTokens } = packSequences(mixture(a, b), bytes, 16, seed, folders);
        const from = (letter: string) =>
          sequences.filter((sequence) => sequence.includes(1 + letter.charCodeAt(0))).length;
        assert.deepEqual([from('a'), from('b'), sequences.length], [a, b, a + b]);
        assert.equal(trainTokens, 16 * (a + b));
        assert.ok(sequences.every((sequence) => sequence.length === 17));
      },
    ),
    { numRuns: 30 },
  );
});

test('the seed permutes the order and nothing else', () => {
  const packed = (seed: number) =>
    packSequences(
      [{ name: 'web', source: { generator: 'stories', version: 1, seed: 0, options: {} }, sequences: 200 }],
      bytes,
      32,
      seed,
      {},
    );
  const order = (seed: number) => packed(seed).sequences.map((sequence) => sequence.join());
  assert.deepEqual(order(1), order(1));
  assert.notDeepEqual(order(1), order(2));
  assert.deepEqual(order(1).sort(), order(2).sort());
  assert.equal(packed(1).unigramEntropy, packed(2).unigramEntropy);
});

test('files that are too short are read again from the start', () => {
  const { sequences } = packSequences(
    [{ name: 'b', source: { prepared: 'data:b' }, sequences: 5 }],
    bytes,
    4,
    0,
    folders,
  );
  assert.deepEqual(
    sequences.map((sequence) => bytes.decode(sequence)),
    Array.from({ length: 5 }, () => 'bbb<|endoftext|>b'),
  );
});

test('a source without a document is bad data', () => {
  assert.throws(
    () => packSequences([{ name: 'none', source: { prepared: 'data:none' }, sequences: 1 }], bytes, 4, 0, folders),
    (error) =>
      error instanceof TrainerFailure &&
      error.kind === 'bad-data' &&
      error.message === 'The data set `none` has no documents to train on.',
  );
});

test('unigram entropy is that of the targets, in nats', () => {
  // Targets of `bbb<eos>b` without its first token: b, b, eos, b.
  const { unigramEntropy } = packSequences(
    [{ name: 'b', source: { prepared: 'data:b' }, sequences: 3 }],
    bytes,
    4,
    0,
    folders,
  );
  assert.ok(Math.abs(unigramEntropy - (0.75 * Math.log(4 / 3) + 0.25 * Math.log(4))) < 1e-12);
});

test('an example is the chat template, its response apart and ended', () => {
  const problem = {
    id: 'x',
    prompt: 'What is 1 + 1?',
    solution: '1 + 1 = 2. The answer is 2.',
    answer: '2',
    kind: 'number',
  } as const;
  assert.equal(
    promptText(problem) + responseText(problem),
    'Human: What is 1 + 1?\nAssistant: 1 + 1 = 2. The answer is 2.',
  );
  const { prompt, response } = exampleTokens(problem, bytes);
  assert.equal(bytes.decode(prompt), 'Human: What is 1 + 1?\nAssistant:');
  assert.equal(bytes.decode(response), ' 1 + 1 = 2. The answer is 2.<|endoftext|>');
});
