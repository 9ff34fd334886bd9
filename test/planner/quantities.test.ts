import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { meaning } from '../../planner/axes.ts';
import { apportion } from '../../planner/mixture.ts';
import {
  add,
  type Parsed,
  parseCount,
  parseFraction,
  parseNumber,
  parseSeed,
  parseShare,
  parseTokens,
  type Rational,
  rational,
  timesPowerOfTen,
  toNumber,
  totalTokens,
} from '../../planner/quantities.ts';

function read<T>(parsed: Parsed<T>): T {
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.problem);
  return parsed.value;
}

describe('counts and tokens', () => {
  const exact: [string | number, number][] = [
    [4000, 4000],
    ['4000', 4000],
    ['4K', 4000],
    ['2.5M', 2_500_000],
    ['0.001K', 1],
    ['1.1B', 1_100_000_000],
    ['8T', 8_000_000_000_000],
    [1e6, 1_000_000],
    ['0.000000000001T', 1],
    [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  ];
  for (const [written, count] of exact)
    test(`${written} is ${count}`, () => assert.equal(read(parseCount(written)), count));

  test('a unit of tokens may say that they are tokens', () => {
    for (const written of ['8B', '8BT', 8_000_000_000, '8000000K', '8000MT'])
      assert.deepEqual(read(parseTokens(written)), { tokens: 8e9 });
  });

  test('20x is twenty tokens a parameter, to the nearest token', () => {
    assert.equal(totalTokens(read(parseTokens('20x')), 1_000_564_736), 20_011_294_720);
    assert.equal(totalTokens(read(parseTokens('0.5x')), 3), 2);
    assert.equal(totalTokens(read(parseTokens('0.0001x')), 3), 1, 'at least one token');
    assert.equal(totalTokens(read(parseTokens('9999999999x')), 1_000_000_000), undefined, 'not exact in a double');
  });

  for (const written of [
    '',
    '4 K',
    '4k',
    '1_000',
    '1e',
    'K',
    '-4',
    '0.5',
    '0.0001K',
    '9007199254740993',
    '10000T',
    '1e400',
    'Infinity',
    '0x10K',
    '４K',
  ]) {
    test(`${JSON.stringify(written)} is no count`, () => assert.equal(parseCount(written).ok, false));
  }

  test('whole numbers with a unit are exact, however many decimals they are written with', () => {
    const units = { '': 0, K: 3, M: 6, B: 9, T: 12 } as const;
    fc.assert(
      fc.property(
        fc.nat(),
        fc.constantFrom(...Object.keys(units)),
        fc.integer({ min: 0, max: 3 }),
        (digits, unit, zeros) => {
          const power = units[unit as keyof typeof units];
          const padded = String(digits).padStart(power + 1, '0');
          const decimals = power === 0 ? '' : `.${padded.slice(padded.length - power)}${'0'.repeat(zeros)}`;
          const written = `${padded.slice(0, padded.length - power)}${decimals}${unit}`;
          assert.equal(read(parseCount(written)), digits, written);
        },
      ),
      { seed: 1 },
    );
  });
});

describe('shares, fractions and numbers', () => {
  test('each form of a share', () => {
    assert.deepEqual(read(parseShare(3)), { kind: 'weight', weight: rational(3n, 1n) });
    assert.deepEqual(read(parseShare(0.1)), { kind: 'weight', weight: rational(1n, 10n) });
    assert.deepEqual(read(parseShare('20%')), { kind: 'mix', fraction: rational(1n, 5n) });
    assert.deepEqual(read(parseShare('20% of mix')), { kind: 'mix', fraction: rational(1n, 5n) });
    assert.deepEqual(read(parseShare('12.5% of pretrain')), { kind: 'pretrain', fraction: rational(1n, 8n) });
    assert.deepEqual(read(parseShare('1.6BT')), { kind: 'tokens', tokens: 1_600_000_000 });
  });

  for (const written of ['101%', '5% of base', '5 %', '5', '%', '.5%', -1, Number.NaN, null, {}]) {
    test(`${JSON.stringify(written)} is no share`, () => assert.equal(parseShare(written).ok, false));
  }

  test('a percentage is the same number as its decimal', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000_000 }), (millionths) => {
        const decimal = Number(`${millionths}e-6`);
        const percentage = `${Math.floor(millionths / 10_000)}.${String(millionths % 10_000).padStart(4, '0')}%`;
        assert.equal(read(parseFraction(percentage)), decimal);
        assert.equal(read(parseFraction(decimal)), decimal);
      }),
      { seed: 2 },
    );
  });

  test('the ends of fractions, numbers and seeds', () => {
    assert.equal(read(parseFraction('100%')), 1);
    assert.equal(parseFraction(1.5).ok, false);
    assert.equal(parseFraction('0.5').ok, false);
    assert.ok(Object.is(read(parseNumber(-0)), 0), 'minus nought has another key');
    assert.equal(parseNumber('0.1').ok, false);
    assert.equal(parseNumber(Number.POSITIVE_INFINITY).ok, false);
    assert.equal(read(parseSeed(4294967295)), 4294967295);
    for (const seed of [4294967296, -1, 1.5, '1']) assert.equal(parseSeed(seed).ok, false);
  });

  test('what was probably meant is said', () => {
    const hints: [unknown, string][] = [
      ['1_000', 'YAML 1.2 has no `_` in numbers: write 1000'],
      ['10,000', 'without quotes: write 10000'],
      ['4k', 'write 4K'],
      ['4 K', 'write 4K'],
      ['on', '`on` is text in YAML 1.2; only true and false are not'],
    ];
    for (const [written, hint] of hints) {
      const parsed = parseCount(written);
      assert.equal(parsed.ok ? undefined : parsed.hint, hint);
    }
    const share = parseShare('5 % of pretrain');
    assert.equal(share.ok ? undefined : share.hint, 'write 5% of pretrain');
  });

  test('a comma is taken for one of decimals or of thousands only where it can be but one of them', () => {
    const hints: [unknown, string | undefined][] = [
      ['0,003', 'without quotes: write 0.003'],
      ['1,5', 'without quotes: write 1.5'],
      ['1,500', undefined],
      ['1,500,000', 'without quotes: write 1500000'],
      ['10,000', 'without quotes: write 10000'],
    ];
    for (const [written, hint] of hints) {
      const parsed = parseNumber(written);
      assert.equal(parsed.ok ? 'none' : parsed.hint, hint, String(written));
    }
  });
});

describe('exact arithmetic', () => {
  test('a power of ten leaves no trace', () => {
    assert.equal(timesPowerOfTen(3e-3, -1), 3e-4);
    assert.equal(timesPowerOfTen(0.07, -1), 0.007);
    assert.equal(timesPowerOfTen(1e-4, 1), 1e-3);
    assert.equal(timesPowerOfTen(0, -1), 0);
  });

  test('fractions are rounded once, to the nearest double', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true, min: 0, max: 1e15 }), (number) => {
        const weight = read(parseShare(number));
        assert.ok(weight.kind === 'weight');
        assert.equal(toNumber(weight.weight), number);
      }),
      { seed: 3 },
    );
  });

  test('counts by largest remainder add up, are within one of their quota, and do not depend on the order', () => {
    const weights = fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(weights, fc.integer({ min: 0, max: 1_000_000 }), fc.nat(), (all, total, turn) => {
        const sum = all.reduce((a, b) => a + b, 0);
        fc.pre(sum > 0);
        const entries = all.map((weight, index) => ({
          fraction: rational(BigInt(weight), BigInt(sum)),
          rank: `rank ${index}`,
        }));
        const counts = apportion(
          entries.map((entry) => entry.fraction),
          total,
          entries.map((entry) => entry.rank),
        );
        assert.equal(
          counts.reduce((a, b) => a + b, 0),
          total,
        );
        for (const [index, count] of counts.entries())
          assert.ok(Math.abs(count - ((all[index] ?? 0) / sum) * total) < 1);
        const rotated = [...entries.slice(turn % all.length), ...entries.slice(0, turn % all.length)];
        const again = apportion(
          rotated.map((entry) => entry.fraction),
          total,
          rotated.map((entry) => entry.rank),
        );
        for (const [index, entry] of rotated.entries()) assert.equal(again[index], counts[entries.indexOf(entry)]);
      }),
      { seed: 4 },
    );
  });

  test('sums of decimals are exact', () => {
    const tenth: Rational = rational(1n, 10n);
    let sum: Rational = rational(0n, 1n);
    for (let count = 0; count < 10; count++) sum = add(sum, tenth);
    assert.deepEqual(sum, rational(1n, 1n));
  });
});

test('values of axes that mean the same are the same', () => {
  const same = [
    ['2M', '2000K', 2_000_000, '2MT'],
    ['5%', '5.0%', '5.00%'],
    [1e-5, '1e-5', 0.00001],
  ];
  for (const spellings of same) assert.equal(new Set(spellings.map(meaning)).size, 1, String(spellings));
  assert.notEqual(meaning('5%'), meaning('5% of pretrain'));
  assert.notEqual(meaning('nano'), meaning('micro'));
});
