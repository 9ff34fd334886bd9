import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  parseAlias,
  parseSignature,
  plainAddress,
  prefixesOf,
  printAlias,
  printSignature,
  readSignature,
  type Signature,
} from '../../planner/signature.ts';
import { paperSignatures, published } from './evolm.ts';

const bare: Signature = { model: '1B', pretrain: 160e9, cpt: null, sft: null, rl: null, seed: null };
const cpt = { replay: 8e9, domain: 42e9 };
const sft = { examples: 100_000, epochs: 1 };
const rl = { algorithm: null, examples: 100_000, epochs: 8 };

const table: Record<string, Signature> = {
  '1B-160BT': bare,
  '0.5B-10BT': { ...bare, model: '0.5B', pretrain: 10e9 },
  '1B-160BT-8+42BT': { ...bare, cpt },
  '1B-160BT-0+50BT': { ...bare, cpt: { replay: 0, domain: 50e9 } },
  '1B-160BT-1.6+48.4BT': { ...bare, cpt: { replay: 1.6e9, domain: 48.4e9 } },
  '1B-160BT-100Kep1': { ...bare, sft },
  '1B-160BT-100Kep1-100Kep8': { ...bare, sft, rl },
  '1B-160BT-8+42BT-100Kep1-100Kep16': { ...bare, cpt, sft, rl: { ...rl, epochs: 16 } },
  '1B-160BT-8+42BT-rl100Kep8': { ...bare, cpt, rl },
  '1B-160BT-rl100Kep8': { ...bare, rl },
  '1B-160BT-grpo100Kep8': { ...bare, rl: { ...rl, algorithm: 'grpo' } },
  '1B-160BT-dr_grpo100Kep8': { ...bare, rl: { ...rl, algorithm: 'dr_grpo' } },
  '1B-160BT-100Kep8-reinforce_plus_plus100Kep8': {
    ...bare,
    sft: { examples: 100_000, epochs: 8 },
    rl: { ...rl, algorithm: 'reinforce_plus_plus' },
  },
  '1B-160BT-8+42BT-100Kep1-dpo12.5Kep2': { ...bare, cpt, sft, rl: { algorithm: 'dpo', examples: 12_500, epochs: 2 } },
  '1B-160BT-8+42BT@seed=2': { ...bare, cpt, seed: 2 },
  'nano-wide-2MT-0.1+0.9MT-0.5Kep2': {
    ...bare,
    model: 'nano-wide',
    pretrain: 2e6,
    cpt: { replay: 1e5, domain: 9e5 },
    sft: { examples: 500, epochs: 2 },
  },
};

describe('a signature', () => {
  for (const [text, signature] of Object.entries(table)) {
    test(text, () => {
      assert.deepEqual(parseSignature(text), { ok: true, signature });
      assert.equal(printSignature(signature), text);
    });
  }

  const same: Record<string, string> = {
    '1B-0.16KT': '1B-0.16KT',
    '1B-160000MT': '1B-160BT',
    '1B-160.0BT-08+42.00BT': '1B-160BT-8+42BT',
    '1B-0.5BT-0.1+0.4BT': '1B-500MT-100+400MT',
    '1B-160BT-100Kep1-rl100Kep8': '1B-160BT-100Kep1-100Kep8',
    '1B-160BT-100Kep01': '1B-160BT-100Kep1',
  };
  for (const [text, canonical] of Object.entries(same)) {
    test(`${text} is ${canonical}`, () => {
      const parsed = parseSignature(text);
      assert.equal(parsed.ok && printSignature(parsed.signature), canonical);
    });
  }

  const wrong: Record<string, [marked: string, problem: RegExp]> = {
    '': ['', /no signature/],
    base: ['base', /no tokens of pretraining/],
    '1B-160B': ['160B', /no amount of tokens/],
    '1B-160BT-50BT': ['50BT', /neither SFT nor RL/],
    '1B-160BT-8+42': ['8+42', /no mix of CPT/],
    '1B-160BT-8+0BT': ['0', /more than nothing/],
    '1B-0BT': ['0', /more than nothing/],
    '1B-0.0001KT': ['0.0001KT', /finer than one/],
    '1B-9999999999BT': ['9999999999BT', /too large/],
    '1B-160BT-100Kep': ['100Kep', /neither SFT nor RL/],
    '1B-160BT-100Kep0': ['0', /no number of epochs/],
    '1B-160BT-100kep1': ['100kep1', /neither SFT nor RL/],
    '1B-160BT-100Kep1-100Kep1-100Kep1': ['100Kep1', /nothing comes after RL/],
    '1B-160BT-rl100Kep1-100Kep1': ['100Kep1', /nothing comes after RL/],
    '1B-160BT-sft100Kep1': ['sft100Kep1', /no word before it/],
    '1B-160BT-100Kep1-8+42BT': ['8+42BT', /neither SFT nor RL/],
    '1B-160BT@seed=': ['@seed=', /no seed/],
    '1B-160BT@lr=1': ['@lr=1', /no seed/],
    '1B-160BT@seed=4294967296': ['@seed=4294967296', /no seed/],
    '-160BT': ['-', /begins with a model/],
    '7-160BT': ['7', /no name of a model/],
    'x+y-160BT': ['x+y', /no name of a model/],
  };
  for (const [text, [marked, problem]] of Object.entries(wrong)) {
    test(`is not ${text || 'nothing'}`, () => {
      const parsed = parseSignature(text);
      assert.ok(!parsed.ok, text);
      assert.match(parsed.problem, problem);
      assert.equal(text.slice(parsed.start, parsed.start + parsed.length), marked);
    });
  }
});

const model = fc.constantFrom('1B', '0.5B', '4B', '500M', 'nano', 'nano-wide', 'qwen2.5-7b', 'a_b');
const tokens = fc.oneof(
  fc.integer({ min: 1, max: 400 }).map((billions) => billions * 1e9),
  fc.integer({ min: 1, max: 10 ** 13 }),
);
const passes = { examples: fc.integer({ min: 1, max: 10 ** 7 }), epochs: fc.integer({ min: 1, max: 999 }) };
const signatures = fc
  .record({
    model,
    pretrain: tokens,
    cpt: fc.option(fc.record({ replay: fc.oneof(fc.constant(0), tokens), domain: tokens })),
    sft: fc.option(fc.record(passes)),
    rl: fc.option(
      fc.record({ algorithm: fc.option(fc.constantFrom('ppo', 'dr_grpo', 'reinforce_plus_plus')), ...passes }),
    ),
    seed: fc.option(fc.integer({ min: 0, max: 4294967295 })),
  })
  .map((drawn): Signature => structuredClone(drawn)); // drawn records have no prototype

describe('any signature', () => {
  test('is read as it was printed, and printed as it is', () => {
    fc.assert(
      fc.property(signatures, (signature) => {
        const text = printSignature(signature);
        assert.deepEqual(parseSignature(text), { ok: true, signature });
        const parsed = readSignature(text);
        assert.equal(parsed.ok && printSignature(parsed.signature), text);
      }),
      { seed: 31, numRuns: 2_000 },
    );
  });

  test('has the alias that reads as it, unless an alias cannot say it', () => {
    fc.assert(
      fc.property(signatures, (signature) => {
        const alias = printAlias(signature);
        assert.equal(alias === undefined, signature.seed !== null || (signature.rl?.algorithm ?? null) !== null);
        if (alias === undefined) return;
        assert.deepEqual(parseAlias(alias), { ok: true, signature });
        assert.deepEqual(readSignature(`zhenting/${alias}`), { ok: true, signature });
      }),
      { seed: 32, numRuns: 2_000 },
    );
  });

  test('differs from every other in its text', () => {
    fc.assert(
      fc.property(signatures, signatures, (one, other) => {
        assert.equal(printSignature(one) === printSignature(other), JSON.stringify(one) === JSON.stringify(other));
      }),
      { seed: 33, numRuns: 1_000 },
    );
  });

  test('with one character changed is an error with its place, or another signature', () => {
    fc.assert(
      fc.property(
        signatures,
        fc.nat(),
        fc.constantFrom('-', '+', '.', 'x', 'K', 'T', '0', '@', ''),
        (signature, at, other) => {
          const text = printSignature(signature);
          const index = at % text.length;
          const changed = text.slice(0, index) + other + text.slice(index + 1);
          const parsed = parseSignature(changed);
          if (parsed.ok) assert.deepEqual(parseSignature(printSignature(parsed.signature)), parsed);
          else assert.ok(parsed.start >= 0 && parsed.start <= changed.length && parsed.problem !== '');
        },
      ),
      { seed: 34, numRuns: 2_000 },
    );
  });
});

describe('the names of EvoLM', () => {
  test('every signature that the paper reports, printed as it is written', () => {
    const names = paperSignatures();
    assert.equal(names.length, 101);
    for (const name of names) {
      const parsed = parseSignature(name);
      assert.ok(parsed.ok, name);
      assert.equal(printSignature(parsed.signature), name);
    }
  });

  test('every name of the release is the alias of a signature, and the alias is printed as it is', () => {
    const models = published();
    assert.equal(new Set(models.map(({ alias }) => alias)).size, models.length);
    for (const { alias, signature } of models) {
      const parsed = parseAlias(`zhenting/${alias}`);
      assert.ok(parsed.ok, alias);
      assert.equal(printSignature(parsed.signature), signature);
      assert.equal(printAlias(parsed.signature), alias);
    }
  });

  const wrong: Record<string, string> = {
    'myllama-1B': '1B',
    'myllama-1B-160B': '160B',
    'myllama-1B-160BT-cpt-MixedFW8FM36ST6': 'MixedFW8FM36ST6',
    'myllama-1B-160BT-cpt': '',
    'myllama-1B-160BT-sftep1': '',
    'myllama-1B-160BT-sftep1-first100k': 'first100k',
    'myllama-1B-160BT-rlep8-last100': 'last100',
    'myllama-1B-160BT-sftepx-sampled500k_first100k_qwen7b': 'x',
    'myllama-1B-160BT-rlep8-last100k-sftep1-sampled500k_first100k_qwen7b': 'sftep1',
  };
  for (const [text, marked] of Object.entries(wrong)) {
    test(`not ${text}`, () => {
      const parsed = readSignature(text);
      assert.ok(!parsed.ok);
      assert.equal(text.slice(parsed.start, parsed.start + parsed.length), marked);
    });
  }
});

test('addresses are spelled as plans spell them, and others are left alone', () => {
  const spelled: Record<string, string> = {
    'myllama-1B-160BT-cpt-MixedFW8FM42': '1B-160BT-8+42BT',
    'zhenting/myllama-1B-160BT-cpt-MixedFW1_6FM48_4@seed=2/id': '1B-160BT-1.6+48.4BT@seed=2/id',
    '1B-160000MT@seed=1,lr=2': '1B-160BT@seed=1,lr=2',
    '1B-160BT-8+42BT/heldout': '1B-160BT-8+42BT/heldout',
    'mid@replay=20%/id': 'mid@replay=20%/id',
    'overlap:1B-160.0BT-100Kep1@replay=5%': 'overlap:1B-160BT-100Kep1@replay=5%',
    'data:mine': 'data:mine',
    '': '',
  };
  for (const [address, plain] of Object.entries(spelled)) assert.equal(plainAddress(address), plain);
});

test('a signature begins with those of what the model was before', () => {
  const parsed = parseSignature('1B-160BT-8+42BT-100Kep1-100Kep8');
  assert.ok(parsed.ok);
  assert.deepEqual(prefixesOf(parsed.signature).map(printSignature), [
    '1B-160BT',
    '1B-160BT-8+42BT',
    '1B-160BT-8+42BT-100Kep1',
    '1B-160BT-8+42BT-100Kep1-100Kep8',
  ]);
  const without = parseSignature('1B-160BT-ppo100Kep8@seed=3');
  assert.ok(without.ok);
  assert.deepEqual(prefixesOf(without.signature).map(printSignature), [
    '1B-160BT@seed=3',
    '1B-160BT-ppo100Kep8@seed=3',
  ]);
});
