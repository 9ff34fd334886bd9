import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { interleavedCounts } from '../../../schemas/interleave.ts';
import type { Mixture, WeightedMixture } from '../../../schemas/types/job.ts';
import { mixText } from '../../../trainer/data/mixture.ts';
import { type Packed, packDocuments } from '../../../trainer/data/packing.ts';
import { textDocuments } from '../../../trainer/data/sources.ts';
import { paperTemplate, promptText, responseText } from '../../../trainer/data/template.ts';
import { TrainerFailure } from '../../../trainer/failure.ts';
import { byteTokenizer } from '../../../trainer/tokenizer/bytes.ts';
import { createTokenizer } from '../../../trainer/tokenizer/load.ts';
import { generated } from '../support.ts';

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

/** All sequences of a mixture. */
function mixed(of: Mixture | WeightedMixture, context: number, seed: number) {
  const text = mixText(of, bytes, context, seed, folders);
  const sequences = text.take(of.reduce((sum, { sequences }) => sum + sequences, 0));
  return { sequences, tally: text.tally(), epochs: text.epochs() };
}

/** Two fifths arithmetic, three fifths stories: the mix of a run under wsd. */
function weighted(count: number): WeightedMixture {
  const [web, math] = interleavedCounts([3, 2], count) as [number, number];
  return [
    { name: 'web', source: generated('stories'), weight: 3, sequences: web },
    { name: 'math', source: generated('arithmetic'), weight: 2, sequences: math },
  ];
}

test('packed sequences join documents with the end of text, overlap by one token, and say which documents they have', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 20 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 0, max: 12 }),
      (texts, context, count) => {
        const read: number[] = [];
        const documents = texts.map((text) => bytes.encode(text));
        const packing = packDocuments(
          (function* () {
            for (const [index, document] of documents.entries()) {
              read.push(index);
              yield document;
            }
          })(),
          bytes.eos,
          context,
        );
        const sequences: Packed[] = [];
        while (sequences.length < count) {
          const next = packing.next();
          if (next.done) break;
          sequences.push(next.value);
        }
        const stream = documents.flatMap((document) => [...document, bytes.eos]);
        const from = documents.flatMap((document, index) => [...document, bytes.eos].map(() => index));
        assert.equal(sequences.length, Math.min(count, Math.max(0, Math.floor((stream.length - 1) / context))));
        for (const [i, { tokens, documents }] of sequences.entries()) {
          assert.deepEqual([...tokens], stream.slice(i * context, (i + 1) * context + 1));
          assert.deepEqual(documents, [from[i * context], from[(i + 1) * context]]);
        }
        const last = sequences.at(-1)?.documents[1];
        if (sequences.length === count) assert.deepEqual(read, last === undefined ? [] : [...Array(last + 1).keys()]);
      },
    ),
  );
});

test('a mixture has exactly its sequences of each source, and after any number of them its share but for less than one', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 30 }),
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 0, max: 4294967295 }),
      (a, b, seed) => {
        const { sequences, tally } = mixed(mixture(a, b), 16, seed);
        for (const [name, count] of [
          ['a', a],
          ['b', b],
        ] as const) {
          let had = 0;
          for (const [place, sequence] of sequences.entries()) {
            if (sequence.tokens.includes(1 + name.charCodeAt(0))) had += 1;
            assert.ok(Math.abs(had - (count * (place + 1)) / (a + b)) < 1);
          }
          assert.equal(had, count);
        }
        assert.equal(tally.tokens, 16 * (a + b));
        assert.ok(sequences.every(({ tokens }) => tokens.length === 17));
      },
    ),
    { numRuns: 30 },
  );
});

test('the seed permutes the order and nothing else, also past a block', () => {
  const packed = (seed: number) => mixed([{ name: 'web', source: generated('stories'), sequences: 1100 }], 8, seed);
  const order = (seed: number) => packed(seed).sequences.map(({ tokens }) => tokens.join());
  assert.deepEqual(order(1), order(1));
  assert.notDeepEqual(order(1), order(2));
  assert.deepEqual(order(1).sort(), order(2).sort());
  assert.equal(packed(1).tally.unigramEntropy, packed(2).tally.unigramEntropy);
});

test('a mixture by weights begins the same, however long it goes on, also past a block', () => {
  const long = mixed(weighted(2100), 8, 1).sequences;
  assert.equal(long.length, 2100);
  for (const count of [1, 7, 1030, 1800])
    assert.deepEqual(mixed(weighted(count), 8, 1).sequences, long.slice(0, count));
});

test('a mixture by weights has another order for another seed, and the same turns', () => {
  const [one, other] = [mixed(weighted(50), 8, 1).sequences, mixed(weighted(50), 8, 2).sequences];
  assert.deepEqual(mixed(weighted(50), 8, 2).sequences, other);
  assert.deepEqual(
    one.map(({ name }) => name),
    other.map(({ name }) => name),
  );
  const apart = one.filter(({ tokens }, index) => `${tokens}` !== `${other[index]?.tokens}`);
  assert.ok(apart.length > 45);
});

test('a mixture whose counts are not those of its weights is a bad job', () => {
  const [web, math] = weighted(8);
  const odd = [
    { ...web, sequences: 6 },
    { ...math, sequences: 2 },
  ] as WeightedMixture;
  assert.throws(
    () => mixed(odd, 8, 1),
    (error) =>
      error instanceof TrainerFailure &&
      error.kind === 'bad-job' &&
      error.message === 'The mixture has 6 sequences of `web`, and by its weights 5 of 8 are its.',
  );
});

test('the documents that a sequence names are those it was made of', () => {
  for (const { tokens, documents, name } of mixed(weighted(40), 24, 3).sequences) {
    const source = generated(name === 'web' ? 'stories' : 'arithmetic');
    const [first, last] = documents;
    const texts: string[] = [];
    for (const text of textDocuments(source, 'train', {})) {
      texts.push(text);
      if (texts.length > last) break;
    }
    const whole = `${texts.slice(first).join('<|endoftext|>')}<|endoftext|>`;
    assert.ok(whole.includes(bytes.decode(tokens)), `${name} ${documents}`);
    // And no others: without the first or the last it is not whole.
    const fewer = [texts.slice(first + 1), texts.slice(first, -1)];
    for (const part of fewer) assert.ok(!`${part.join('<|endoftext|>')}<|endoftext|>`.includes(bytes.decode(tokens)));
  }
});

test('files that are too short are read again from the start, and passes are counted', () => {
  const { sequences, tally, epochs } = mixed(
    [
      { name: 'b', source: { prepared: 'data:b' }, sequences: 5 },
      { name: 'a', source: { prepared: 'data:a' }, sequences: 5 },
      { name: 'web', source: generated('stories'), sequences: 5 },
    ],
    4,
    0,
  );
  const b = sequences.filter(({ name }) => name === 'b');
  assert.deepEqual(
    b.map(({ tokens }) => bytes.decode(tokens)),
    Array.from({ length: 5 }, () => 'bbb<|endoftext|>b'),
  );
  assert.deepEqual(b.map(({ documents }) => documents).sort(), [
    [0, 1],
    [1, 2],
    [2, 3],
    [3, 4],
    [4, 5],
  ]);
  // 20 tokens each: `b` has 4 of its own, `a` has more than 20, and the generator has no end.
  assert.deepEqual(epochs, { b: 5 });
  assert.deepEqual(tally.epochs, { b: 5, a: 1 });
  assert.deepEqual([tally.tokens, tally.uniqueTokens], [60, 44]);
});

test('passes so far depend on nothing that comes later, in a mixture by weights', () => {
  const run = (sequences: number): WeightedMixture => [
    { name: 'a', source: { prepared: 'data:a' }, weight: 1, sequences },
  ];
  const text = mixText(run(3000), bytes, 8, 1, folders);
  for (let count = 1; count <= 3000; count++) {
    text.take(1);
    if (count % 500 !== 0) continue;
    const { epochs, tally } = mixed(run(count), 8, 1);
    assert.deepEqual([text.epochs(), text.tally()], [epochs, tally]);
    // 40 documents of 8 letters and their end.
    assert.equal(epochs.a, (8 * count) / 360);
  }
});

test('a source without a document is bad data', () => {
  assert.throws(
    () => mixed([{ name: 'none', source: { prepared: 'data:none' }, sequences: 1 }], 4, 0),
    (error) =>
      error instanceof TrainerFailure &&
      error.kind === 'bad-data' &&
      error.message === 'The data set `none` has no documents to train on.',
  );
});

test('unigram entropy is that of the targets, in nats', () => {
  // Targets of `bbb<eos>b` without its first token: b, b, eos, b.
  const { unigramEntropy } = mixed([{ name: 'b', source: { prepared: 'data:b' }, sequences: 3 }], 4, 0).tally;
  assert.ok(Math.abs(unigramEntropy - (0.75 * Math.log(4 / 3) + 0.25 * Math.log(4))) < 1e-12);
});

test('reading holds a block of each source, however long the mixture is', async () => {
  const texts = Array.from({ length: 1000 }, (_, index) => `${index} `.repeat(250));
  const text = mixText(
    [{ name: 'long', source: { prepared: 'data:long' }, sequences: 80_000_000 }],
    bytes,
    1023,
    0,
    files('long', texts),
  );
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // What a collection finds is given back in the background: the least of several tells.
  const held = async () => {
    let least = Number.POSITIVE_INFINITY;
    for (let turn = 0; turn < 20; turn++) {
      collect();
      await setImmediate();
      least = Math.min(least, process.memoryUsage().arrayBuffers);
    }
    return least;
  };
  text.take(1);
  const block = await held();
  // Two blocks later: 8 MB of sequences have been given away, and a block is 4 MB.
  text.take(2048);
  const after = await held();
  assert.ok(after < block + 1e6, `${block} to ${after} bytes`);
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
  const { prompt, response } = paperTemplate(bytes).exampleTokens(problem);
  assert.equal(bytes.decode(prompt), 'Human: What is 1 + 1?\nAssistant:');
  assert.equal(bytes.decode(response), ' 1 + 1 = 2. The answer is 2.<|endoftext|>');
});
