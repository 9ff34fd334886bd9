import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Tokenizer } from '../../trainer/tokenizer/load.ts';
import { requireVocabulary } from '../../trainer/tokenizer/load.ts';
import { tiny } from './support.ts';

test('a tokenizer that has ids beyond the model’s vocabulary is refused, before any is looked up', () => {
  const tokenizer = (vocab: number) => ({ vocab }) as Tokenizer;
  assert.doesNotThrow(() => requireVocabulary(tokenizer(tiny.vocab), tiny, 'bad-data'));
  assert.throws(() => requireVocabulary(tokenizer(tiny.vocab + 1), tiny, 'bad-data'), {
    kind: 'bad-data',
    message: 'The tokenizer has 258 tokens, and the model has a vocabulary of 257.',
  });
});
