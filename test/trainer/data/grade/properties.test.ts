import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Graded, grade } from '../../../../trainer/data/grade/grade.ts';
import { type Answer, printAnswer } from '../../../../trainer/data/grade/math/answer.ts';
import { parseAnswer } from '../../../../trainer/data/grade/math/parse.ts';
import { sameAnswer } from '../../../../trainer/data/grade/math/same.ts';
import { mathPairs } from './pairs.ts';

const written = Object.values(mathPairs).flatMap((pairs) => pairs.flatMap(([expected, , said]) => [expected, said]));

function parsed(text: string): Answer {
  const answer = parseAnswer(text);
  assert.ok(answer, text);
  return answer;
}

test('an answer in its one form is read as that form', () => {
  for (const text of written) {
    const form = printAnswer(parsed(text));
    assert.equal(printAnswer(parsed(form)), form, text);
  }
});

test('every answer is the same as itself, and as its one form', () => {
  for (const text of written) {
    assert.ok(sameAnswer(parsed(text), parsed(text)), text);
    assert.ok(sameAnswer(parsed(text), parsed(printAnswer(parsed(text)))), text);
  }
});

test('which of two is expected and which is said makes no difference, but for an inequality and its interval', () => {
  for (const pairs of Object.values(mathPairs)) {
    for (const [expected, , said] of pairs) {
      const [a, b] = [parsed(expected), parsed(said)];
      if ((a.kind === 'relation') !== (b.kind === 'relation')) continue;
      assert.equal(sameAnswer(a, b), sameAnswer(b, a), `${expected} and ${said}`);
    }
  }
});

/** A fraction as its two whole numbers, and one of the ways to write it. */
const fraction = fc
  .record({
    above: fc.integer({ min: -60, max: 60 }),
    below: fc.integer({ min: 1, max: 12 }),
    times: fc.integer({ min: 1, max: 9 }),
  })
  .chain(({ above, below, times }) => {
    const [a, b] = [above * times, below * times];
    const ways = [`\\frac{${a}}{${b}}`, `${a}/${b}`, `\\dfrac{${-a}}{${-b}}`, `${a} \\div ${b}`, `${a}(${b})^{-1}`];
    if (above > 0) ways.push(`${Math.floor(above / below)}\\frac{${(above % below) * times}}{${b}}`);
    if (Number.isInteger((above * 1000) / below))
      ways.push(`${above / below}`, `${(100 * above * 10) / (below * 10)}\\%`);
    return fc.constantFrom(...ways).map((text) => ({ above, below, text }));
  });

test('fractions are equal exactly where their products across are', () => {
  fc.assert(
    fc.property(fraction, fraction, (a, b) => {
      const percent = a.text.includes('%') !== b.text.includes('%');
      fc.pre(!percent);
      const equal = a.above * b.below === b.above * a.below;
      assert.equal(sameAnswer(parsed(a.text), parsed(b.text)), equal, `${a.text} and ${b.text}`);
      assert.equal(printAnswer(parsed(a.text)) === printAnswer(parsed(b.text)), equal);
    }),
    { numRuns: 1000, seed: 1 },
  );
});

test('decimals are equal exactly where their digits are, but for zeros and commas', () => {
  const decimal = fc.record({
    digits: fc.bigInt({ min: 0n, max: 10n ** 12n }),
    places: fc.integer({ min: 0, max: 15 }),
    zeros: fc.integer({ min: 0, max: 3 }),
  });
  const text = ({ digits, places, zeros }: { digits: bigint; places: number; zeros: number }) => {
    const all = String(digits).padStart(places + 1, '0');
    const whole = all.slice(0, all.length - places).replace(/\B(?=(?:\d{3})+$)/g, ',');
    return `${whole}.${all.slice(all.length - places)}${'0'.repeat(zeros)}`;
  };
  fc.assert(
    fc.property(decimal, decimal, (a, b) => {
      const equal = a.digits * 10n ** BigInt(b.places) === b.digits * 10n ** BigInt(a.places);
      const problem: Graded = { kind: 'number', answer: text(a) };
      assert.equal(grade(problem, `#### ${text(b)}`).correct, equal);
      assert.equal(grade({ ...problem, kind: 'math' }, `#### ${text(b)}`).correct, equal);
      assert.ok(grade(problem, `#### ${text({ ...a, zeros: 2 })}`).correct);
    }),
    { numRuns: 1000, seed: 2 },
  );
});

test('products of polynomials are the same multiplied out, and no longer with one more', () => {
  const root = fc.integer({ min: -9, max: 9 });
  fc.assert(
    fc.property(root, root, root, (a, b, c) => {
      const product = `(x+${a})(x-${b})(${c}x+1)`.replaceAll('+-', '-').replaceAll('--', '+');
      const terms = [c, 1 + c * (a - b), a - b - a * b * c, -a * b];
      const expanded = terms
        .map((term, i) => `${term}x^${3 - i}`)
        .join('+')
        .replaceAll('+-', '-');
      assert.ok(sameAnswer(parsed(product), parsed(expanded)), `${product} and ${expanded}`);
      assert.ok(!sameAnswer(parsed(product), parsed(`${expanded}+1`)), `${product} and ${expanded}+1`);
    }),
    { numRuns: 300, seed: 3 },
  );
});

test('whatever is written has a verdict, the same each time', () => {
  const symbols = fc.constantFrom(
    ...'0123456789.,+-*/^_=<>()[]{}|!%$& xyei\'"\\',
    '\\frac',
    '\\sqrt',
    '\\text{',
    '\\pm',
    '\\{',
    '\\}',
    '\\pi',
    '\\sin',
    'and',
    '\\boxed{',
    'answer is ',
    '#### ',
    '\\cup',
    'A',
  );
  fc.assert(
    fc.property(
      fc.array(symbols, { maxLength: 40 }),
      fc.constantFrom('number', 'math', 'choice', 'label', 'literal'),
      (parts, kind) => {
        const problem: Graded = { kind, answer: kind === 'label' ? 'A' : '1', labels: ['A', 'B'] };
        const response = `The answer is ${parts.join('')}`;
        assert.deepEqual(grade(problem, response), grade(problem, response));
      },
    ),
    { numRuns: 3000, seed: 4 },
  );
});

const pathological: readonly string[] = [
  '('.repeat(10_000),
  `${'('.repeat(300)}1${')'.repeat(300)}`,
  `${'\\{'.repeat(40)}1${'\\}'.repeat(40)}`,
  `${'\\sqrt{'.repeat(200)}2${'}'.repeat(200)}`,
  `${'\\frac'.repeat(150)}${'1'.repeat(150)}`,
  `${'1/'.repeat(300)}1`,
  `${'-'.repeat(900)}1`,
  `${'1,'.repeat(400)}1`,
  `\\{${Array.from({ length: 99 }, (_, i) => `\\sqrt{${i}}`).join(',')}\\}`,
  '10^{10^{10}}',
  '2^{2^{2^{2^{2^2}}}}',
  'x^{9^{9^9}}',
  '(((((1+x)^{100})^{100})^{100})^{100})^{100}',
  '(x+y+z)^{200}',
  '(x+1)^{99999999999999999999}',
  '((1/3+1/7)(1/11+1/13))^{50}((1/17+1/19)^{40}+1/23)^{30}',
  '100000!',
  '((((9!)!)!)!)!',
  '\\binom{1e300}{1e299}',
  '1e999999999',
  `0.\\overline{${'3'.repeat(900)}}`,
  `1${'0'.repeat(100_000)}`,
  `0.${'1'.repeat(100_000)}`,
  `1${',000'.repeat(30_000)}`,
  'x'.repeat(100_000),
  ' '.repeat(100_000),
  '\n'.repeat(100_000),
  '\n '.repeat(50_000),
  '$'.repeat(100_000),
  '\\\\'.repeat(50_000),
  '\\boxed{'.repeat(15_000),
  'answer is '.repeat(10_000),
  '####'.repeat(25_000),
  '['.repeat(100_000),
  `${'.'.repeat(100_000)}x`,
  `${'`'.repeat(100_000)}x`,
  `1${','.repeat(100_000)}5`,
  `${'not '.repeat(25_000)}`,
  '[1,'.repeat(3_000),
  `'${"\\'".repeat(4_900)}`,
  'A or B '.repeat(15_000),
  'True'.repeat(25_000),
  '; process.exit(1)',
  '$(exit 1)',
  '__proto__',
  'constructor',
];

const unreached: readonly Pick<Graded, 'kind' | 'answer'>[] = [
  { kind: 'number', answer: '7' },
  { kind: 'math', answer: '\\sqrt{7}x' },
  { kind: 'choice', answer: 'C' },
  { kind: 'label', answer: 'False' },
  { kind: 'literal', answer: '[7]' },
  { kind: 'literal', answer: "'seven'" },
  { kind: 'literal', answer: 'seven' },
];

test('pathological answers are wrong, and cost next to nothing', () => {
  for (const { kind, answer } of unreached) {
    const problem: Graded = {
      kind,
      answer,
      labels: ['True', 'False'],
      marks: ['boxed', 'phrase', 'hashes', 'last', 'whole'],
    };
    for (const text of pathological) {
      for (const response of [text, `\\boxed{${text}}`, `The answer is ${text}`, `#### ${text}`]) {
        // Time of the processor, which no other program on the machine takes part in. It is some milliseconds; a power
        // written out, or a search that doubles with each bracket, is minutes.
        const before = process.cpuUsage();
        const { correct } = grade(problem, response);
        const { user, system } = process.cpuUsage(before);
        assert.equal(correct, false, `${kind}: ${response.slice(0, 60)}`);
        assert.ok(user + system < 500_000, `${kind}: ${response.slice(0, 60)} took ${(user + system) / 1000} ms`);
      }
    }
  }
});

test('what is expected may be pathological too', () => {
  for (const text of pathological.filter((each) => each.length < 1000)) {
    const answer = parseAnswer(`${text}`);
    if (answer !== undefined) assert.ok(sameAnswer(answer, answer));
  }
});
