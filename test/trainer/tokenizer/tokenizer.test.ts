import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import type { Part } from '../../../schemas/types/job.ts';
import { tokenizerTexts } from '../../../trainer/data/sources.ts';
import { TrainerFailure } from '../../../trainer/failure.ts';
import { byteTokenizer } from '../../../trainer/tokenizer/bytes.ts';
import { endOfText, preTokenPattern } from '../../../trainer/tokenizer/format.ts';
import { createTokenizer, loadTokenizer } from '../../../trainer/tokenizer/load.ts';
import { trainBpe } from '../../../trainer/tokenizer/train.ts';

const generated = (name: string, part: Part['part'], generator: string): Part => ({
  name,
  part,
  source: { generator, version: 1, seed: 0, options: {} },
});
const quickstart = [
  generated('web', 'text', 'stories'),
  generated('math', 'text', 'arithmetic'),
  generated('math', 'problems', 'arithmetic'),
];
const json = trainBpe(tokenizerTexts(quickstart, 300_000, {}), 1024);
const words = createTokenizer(json);
const bytes = createTokenizer(byteTokenizer());
const library = new HuggingFaceTokenizer(json, { clean_up_tokenization_spaces: false });

/** Text of all sorts: letters of every script, emoji, combining marks, odd spaces, numbers, code, names of special tokens. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc
    .array(
      fc.constantFrom(
        ' ',
        '  ',
        '\n',
        '\t',
        '\r\n',
        '\u00a0',
        '\u2003',
        '\ufeff',
        '\u0085',
        'a',
        'the',
        "'s",
        "don't",
        '7',
        '1234',
        '+',
        '=',
        '.',
        '...',
        'é',
        'e\u0301',
        '北',
        '🙂',
        '<|',
        '|>',
        endOfText,
        '\u0000',
      ),
    )
    .map((pieces) => pieces.join('')),
);

test('decoding an encoded text gives the text back', () => {
  for (const tokenizer of [words, bytes]) {
    fc.assert(fc.property(text, (value) => tokenizer.decode(tokenizer.encode(value)) === value));
  }
});

test('encoding equals that of @huggingface/tokenizers', () => {
  fc.assert(
    fc.property(text, (value) => {
      assert.deepEqual(
        words.encode(value),
        value === '' ? [] : library.encode(value, { add_special_tokens: false }).ids,
      );
    }),
  );
});

test('a text is encoded the same on its own and after others', () => {
  fc.assert(
    fc.property(fc.array(text, { maxLength: 5 }), (values) => {
      const fresh = createTokenizer(json);
      for (const value of values) fresh.encode(value);
      for (const value of values) assert.deepEqual(fresh.encode(value), words.encode(value));
    }),
    { numRuns: 10 },
  );
});

test('the same texts give the same file, to the byte, on every machine', () => {
  const again = trainBpe([...tokenizerTexts(quickstart, 300_000, {})], 1024);
  assert.deepEqual(again, json);
  assert.equal(createHash('sha256').update(JSON.stringify(json)).digest('hex').slice(0, 16), '0db9d3505d962a36');
});

test('the vocabulary is exactly as large as asked, with ids from 0 without a gap', () => {
  for (const vocab of [257, 300, 1024]) {
    const trained = trainBpe(['low lower lowest, new newer newest'], vocab);
    const ids = Object.values(trained.model.vocab).sort((a, b) => a - b);
    assert.deepEqual(
      ids,
      Array.from({ length: vocab }, (_, id) => id),
    );
    assert.equal(createTokenizer(trained).vocab, vocab);
  }
  const short = trainBpe(['ab ab'], 300);
  assert.equal(short.model.merges.length, 1);
  assert.deepEqual(short.added_tokens.map(({ id, content }) => `${id} ${content}`).slice(0, 3), [
    '0 <|endoftext|>',
    '258 <|unused_0|>',
    '259 <|unused_1|>',
  ]);
});

test('the commonest pair is merged first, and of equals the one with the smaller ids', () => {
  const merges = trainBpe(['xy', 'cd', 'xy', 'cd', 'ab', 'xy', 'ab'], 260).model.merges;
  assert.deepEqual(merges[0], ['x', 'y']);
  assert.deepEqual(merges.slice(1), [
    ['a', 'b'],
    ['c', 'd'],
  ]);
});

test('merges equal those of the plain algorithm, which counts all pairs anew at each step', () => {
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[abc ]{1,12}$/), { minLength: 1, maxLength: 12 }), (texts) => {
      assert.deepEqual(trainBpe(texts, 257 + 12).model.merges, plainMerges(texts, 12));
    }),
  );
});

/** Byte-pair encoding as Algorithm 1 of Sennrich et al. (2016) has it, for texts of a, b, c and spaces. */
function plainMerges(texts: string[], most: number): [string, string][] {
  const tokens = ['Ġ', 'a', 'b', 'c'];
  let segments = texts
    .flatMap((value) => value.match(new RegExp(preTokenPattern, 'gu')) ?? [])
    .map((segment) => [...segment.replaceAll(' ', 'Ġ')]);
  const merges: [string, string][] = [];
  while (merges.length < most) {
    const counts = new Map<string, number>();
    for (const segment of segments) {
      segment.slice(1).forEach((right, i) => {
        const pair = `${segment[i]} ${right}`;
        counts.set(pair, (counts.get(pair) ?? 0) + 1);
      });
    }
    const [best] = [...counts]
      .map(([pair, count]) => ({ pair: pair.split(' ') as [string, string], count }))
      .filter(({ pair, count }) => count >= 2 && !tokens.includes(pair.join('')))
      .sort(
        (x, y) =>
          y.count - x.count ||
          tokens.indexOf(x.pair[0]) - tokens.indexOf(y.pair[0]) ||
          tokens.indexOf(x.pair[1]) - tokens.indexOf(y.pair[1]),
      );
    if (best === undefined) break;
    merges.push(best.pair);
    tokens.push(best.pair.join(''));
    segments = segments.map((segment) => {
      const merged: string[] = [];
      for (let i = 0; i < segment.length; i++) {
        const here = segment[i] === best.pair[0] && segment[i + 1] === best.pair[1];
        merged.push(here ? best.pair.join('') : (segment[i] as string));
        if (here) i++;
      }
      return merged;
    });
  }
  return merges;
}

test('words of the template and numbers up to the maximum are one token each', () => {
  for (const word of [
    'Human',
    ' How',
    ' many',
    ' The',
    ' answer',
    ' is',
    ' has',
    ' more',
    ' left',
    ' +',
    ' -',
    ' =',
    ...Array.from({ length: 21 }, (_, n) => ` ${n}`),
  ]) {
    assert.equal(words.encode(word).length, 1, JSON.stringify(word));
  }
  assert.deepEqual(
    words.encode('12 + 7 = 19.').map((id) => words.decode([id])),
    ['12', ' +', ' 7', ' =', ' 19', '.'],
  );
});

test('the end of text is id 0 and nothing else encodes to it', () => {
  for (const tokenizer of [words, bytes]) {
    assert.equal(tokenizer.eos, 0);
    assert.deepEqual(tokenizer.encode(endOfText), [0]);
    assert.equal(tokenizer.decode([0]), endOfText);
  }
  assert.deepEqual(bytes.encode('aé'), [1 + 0x61, 1 + 0xc3, 1 + 0xa9]);
  assert.equal(bytes.vocab, 257);
});

test('a vocabulary too small for the bytes is refused', () => {
  assert.throws(
    () => trainBpe(['a'], 256),
    (error) =>
      error instanceof TrainerFailure &&
      error.kind === 'bad-job' &&
      /256 bytes and the end of text make 257/.test(error.message),
  );
});

test('a tokenizer is loaded from its folder; a missing or foreign file is bad data', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'descent-tokenizer-'));
  t.after(() => rm(folder, { recursive: true }));
  const badData = (pattern: RegExp) => (error: unknown) =>
    error instanceof TrainerFailure && error.kind === 'bad-data' && pattern.test(error.message);
  await assert.rejects(loadTokenizer(folder), badData(/tokenizer\.json is not a tokenizer that can be used: ENOENT/));
  await writeFile(join(folder, 'tokenizer.json'), '{"model": 3}');
  await assert.rejects(loadTokenizer(folder), badData(/tokenizer\.json is not a tokenizer/));
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(json));
  const loaded = await loadTokenizer(folder);
  assert.equal(loaded.vocab, 1024);
  assert.deepEqual(loaded.encode('Mia has 3 apples.'), words.encode('Mia has 3 apples.'));
});

test('the end of text is what the files beside the tokenizer say first', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'descent-tokenizer-'));
  t.after(() => rm(folder, { recursive: true }));
  const renamed = structuredClone(json);
  const [end] = renamed.added_tokens;
  assert.ok(end);
  end.content = '</s>';
  const { [endOfText]: id, ...vocab } = renamed.model.vocab;
  renamed.model.vocab = { '</s>': id as number, ...vocab };
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(renamed));
  await assert.rejects(loadTokenizer(folder), /nothing says which token ends documents and responses/);
  const cases: [config: object, generation: object, end: number][] = [
    [{ eos_token: '</s>' }, {}, 0],
    [{ eos_token: { content: '</s>', lstrip: false } }, { eos_token_id: 7 }, 0],
    [{ eos_token: null }, { eos_token_id: 7 }, 7],
    [{}, { eos_token_id: [9, 7] }, 9],
  ];
  for (const [config, generation, end] of cases) {
    await writeFile(join(folder, 'tokenizer_config.json'), JSON.stringify(config));
    await writeFile(join(folder, 'generation_config.json'), JSON.stringify(generation));
    assert.equal((await loadTokenizer(folder)).eos, end, JSON.stringify({ config, generation }));
  }
  await writeFile(join(folder, 'generation_config.json'), JSON.stringify({ eos_token_id: 1024 }));
  await assert.rejects(loadTokenizer(folder), /has the eos_token_id 1024, and tokenizer\.json no such id/);
  await writeFile(join(folder, 'tokenizer_config.json'), JSON.stringify({ eos_token: '<|end|>' }));
  await assert.rejects(loadTokenizer(folder), /has the eos_token "<\|end\|>", and tokenizer\.json no such token/);
});

test('another tokenizer in the same file format is used as it is', () => {
  const foreign = structuredClone(json);
  foreign.pre_tokenizer = { type: 'ByteLevel', add_prefix_space: true, use_regex: true };
  const expected = new HuggingFaceTokenizer(foreign, {}).encode('12345 apples', { add_special_tokens: false }).ids;
  assert.deepEqual(createTokenizer(foreign).encode('12345 apples'), expected);
  assert.notDeepEqual(expected, words.encode('12345 apples'));
});
