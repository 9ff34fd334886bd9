import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { exactText, gramWords, wordsOf } from '../../../trainer/data/grams.ts';
import { measureOverlap, mostSharing, type PromptSet } from '../../../trainer/data/overlap.ts';

/** Fourteen words. */
const question = 'Emma has 17 blue shells and gives seven of them to her brother Tess';
const setOf = (prompts: readonly string[]): PromptSet => ({ problems: prompts.length, prompts: () => prompts });

/** What one set has in common with what is trained on: [exact, grams, common]. */
function counts(trained: readonly string[], against: readonly string[]): [number, number, number] {
  const { overlaps } = measureOverlap(setOf(trained), [setOf(against)], 0);
  const [{ exact, grams, common }] = overlaps as [(typeof overlaps)[number]];
  return [exact, grams, common];
}

describe('two prompts', () => {
  const pairs: [what: string, one: string, other: string, [number, number, number]][] = [
    ['the same', question, question, [1, 0, 0]],
    ['but for letter case and spacing', question, ` ${question.toUpperCase().replaceAll(' ', '\n\t ')} `, [1, 0, 0]],
    ['but for Unicode form', 'Wie viele Äpfel sind ½?', 'wie viele A\u0308pfel sind 1⁄2?', [1, 0, 0]],
    ['but for punctuation, which is all', question, `“${question.replace('shells', 'shells,')}”!`, [1, 0, 0]],
    ['but for brackets', question, question.replace('17', '(17)'), [0, 1, 0]],
    ['a point that is part of a number', 'What is .5 + 1?', 'What is 5 + 1?', [0, 1, 0]],
    ['a factorial', 'What is 3!?', 'What is 3?', [0, 1, 0]],
    ['a list and a tuple', 'f([1, 2])', 'f((1, 2))', [0, 0, 0]],
    ['but for the first word', question, question.replace('Emma', 'Anton'), [0, 1, 0]],
    ['but for the first two words', question, question.replace('Emma has', 'Anton had'), [0, 0, 0]],
    ['but for a word in the middle', question, question.replace('gives', 'sells'), [0, 0, 0]],
    ['short, and but for a full stop', 'What is 3 + 4', 'What is 3 + 4.', [1, 0, 0]],
    ['short, and with another sign', 'What is 3 + 4', 'What is 3 - 4', [0, 0, 0]],
    ['nothing but punctuation', '?!', '…', [0, 0, 0]],
    ['short, and the same', 'What is 3 + 4?', 'what is 3  + 4?', [1, 0, 0]],
    ['long, and with another sign', `${question} 3 + 4`, `3 - 4 ${question.slice(0, 40)}`, [0, 0, 0]],
  ];
  for (const [what, one, other, expected] of pairs) {
    test(`${what}: the same either way about`, () => {
      const others = ['Something else altogether.', 'And more of it.'];
      for (const [trained, against] of [
        [[one], [other]],
        [[other], [one]],
        [[one, ...others], [other]],
        [[one], [other, ...others]],
      ] as const) {
        const found = counts(trained, against);
        assert.deepEqual(found, expected);
      }
    });
  }
});

test('words are without punctuation around them, and keep what means something in a formula', () => {
  assert.deepEqual(wordsOf('“If  x = -3, what (then) is f(x) - 4?” … '), 'if x = -3 what then is f(x - 4'.split(' '));
});

test('what more than ten problems trained on have in common says nothing, but an exact match always does', () => {
  const named = (count: number) => Array.from({ length: count }, (_, at) => `Name${at} asks: ${question}`);
  assert.deepEqual(counts(named(mostSharing), [`Nobody knows that ${question}`]), [0, 1, 0]);
  assert.deepEqual(counts(named(mostSharing + 1), [`Nobody knows that ${question}`]), [0, 0, 1]);
  assert.deepEqual(counts(named(mostSharing + 1), ['Name3 asks: '.concat(question)]), [1, 0, 0]);
  const own = `${question} ${'and then she finds a very old map of the hill beside the sea at noon'}`;
  assert.deepEqual(counts([...named(20), own], [`Nobody knows that ${own}`]), [0, 1, 0], 'some of it is rare');
  assert.deepEqual(counts(Array(300).fill(question), [question]), [1, 0, 0], 'more than are told apart');
});

test('a prompt of nothing but common wording is found by all of its words', () => {
  const many = Array.from({ length: 40 }, (_, at) => `${question} and ${at}`);
  assert.deepEqual(counts([...many, question], [`(${question})`]), [0, 1, 0], 'leaked');
  assert.deepEqual(counts([...Array(40).fill(question)], [`(${question})`]), [0, 1, 0], 'leaked many times');
  assert.deepEqual(counts(many, [`${question}?`]), [0, 0, 1], 'not leaked');
});

test('Chinese and Japanese are compared by their characters, and what is spaced beside them by its words', () => {
  const [chinese, japanese] = [
    '小明有十七个蓝色的贝壳，他给了妹妹七个',
    '花子さんは青い貝がらを十七こ持っていました。',
  ];
  assert.deepEqual(wordsOf('「GPU 2台」は、いくら？'), ['gpu', '2', '台', 'は', 'い', 'く', 'ら']);
  assert.deepEqual(wordsOf('사과가 세 개'), ['사과가', '세', '개'], 'Korean has spaces');
  for (const leaked of [chinese, japanese]) {
    assert.deepEqual(counts([leaked], [`请回答 Frage: ${leaked}还剩几个`]), [0, 1, 0], 'planted in a longer prompt');
    assert.deepEqual(counts([leaked], [leaked.slice(0, 12)]), [0, 0, 0], 'too little of it');
  }
  assert.deepEqual(counts([chinese], [japanese]), [0, 0, 0]);
});

test('problems too short for a 13-gram are counted, and found as a whole', () => {
  const against = ['What is 3 + 4?', 'what is 5 + 6', 'How many?', question];
  const { overlaps } = measureOverlap(setOf(['What is 3 + 4?', '“What is 5 + 6?”']), [setOf(against)], 0);
  const [{ problems, withoutGrams, exact, grams }] = overlaps as [(typeof overlaps)[number]];
  assert.deepEqual([problems, withoutGrams, exact, grams], [4, 3, 2, 0]);
});

test('a problem that repeats its own words counts as one that has them', () => {
  const chant = Array(12).fill(question).join(' ');
  assert.deepEqual(counts([chant], [`Nobody knows that ${question}`]), [0, 1, 0]);
});

test('shows the first matches with both sides, the words in common, and their places', () => {
  const trained = ['Unlike all others.', question, 'What is 1 + 1?'];
  const against = ['Something new?', 'What is 1 + 1?', question.replace('Emma', 'Anton'), question, 'what is 1 + 1?'];
  const { trained: rows, overlaps } = measureOverlap(setOf(trained), [setOf([]), setOf(against)], 1);
  assert.equal(rows, 3);
  assert.deepEqual(overlaps, [
    { problems: 0, withoutGrams: 0, exact: 0, grams: 0, common: 0, matches: { exact: [], grams: [] } },
    {
      problems: 5,
      withoutGrams: 3,
      exact: 3,
      grams: 1,
      common: 0,
      matches: {
        exact: [
          {
            against: { row: 2, prompt: 'What is 1 + 1?' },
            trained: { row: 3, prompt: 'What is 1 + 1?' },
            words: 'what is 1 + 1',
          },
        ],
        grams: [
          {
            against: { row: 3, prompt: question.replace('Emma', 'Anton') },
            trained: { row: 2, prompt: question },
            words: question.toLowerCase().replace('emma ', ''),
          },
        ],
      },
    },
  ]);
});

describe('whatever the problems', () => {
  // Few words, so that 13-grams meet; some prompts are repeated, respelled, cut.
  const word = fc.constantFrom('one', 'two', 'red', 'egg', '+');
  const prompt = fc.array(word, { minLength: 1, maxLength: 24 }).map((words) => words.join(' '));
  const repeated = fc.tuple(fc.constantFrom(...Array(3).keys()), prompt).map(([count, text]) => {
    return [text, `${text} ${text}`, `egg ${text.toUpperCase()} .`][count] as string;
  });
  const sets = fc.record({
    trained: fc.array(repeated, { maxLength: 40 }),
    against: fc.array(repeated, { maxLength: 25 }),
    shared: fc.array(prompt, { maxLength: 5 }),
  });

  test('it counts what a plain comparison of all with all counts', () => {
    fc.assert(
      fc.property(sets, ({ trained, against, shared }) => {
        const [one, other] = [
          [...trained, ...shared],
          [...shared, ...against],
        ];
        assert.deepEqual(counts(one, other), plainly(one, other));
      }),
      { seed: 31, numRuns: 300 },
    );
  });

  test('the counts do not depend on the order of either side', () => {
    const shuffled = sets.chain(({ trained, against, shared }) => {
      const [one, other] = [
        [...trained, ...shared],
        [...shared, ...against],
      ];
      const shuffle = (items: string[]) => fc.shuffledSubarray(items, { minLength: items.length });
      return fc.tuple(fc.constant(one), fc.constant(other), shuffle(one), shuffle(other));
    });
    fc.assert(
      fc.property(shuffled, ([trained, against, trainedAgain, againstAgain]) => {
        assert.deepEqual(counts(trainedAgain, againstAgain), counts(trained, against));
      }),
      { seed: 32, numRuns: 200 },
    );
  });

  // What each side has by itself is made of words that the other has not, so that nothing meets by chance.
  const sentence = (words: readonly string[], minLength: number) =>
    fc.array(fc.constantFrom(...words), { minLength, maxLength: 30 });
  const ours = sentence(['Äpfel', 'mill', 'ﬁnds', 'river', '17', '+', 'x²', 'so'], 13);
  const theirs = sentence(['table', 'plays', 'never', 'green', '42', 'of'], 1);
  /** A word as somebody else may have written it. */
  const respelled = fc.tuple(
    fc.constantFrom('NFC', 'NFD', 'NFKC'),
    fc.constantFrom('lower', 'upper', 'as it is'),
    fc.constantFrom('', ',', '…', '”', '?'),
    fc.constantFrom('', '“', '"'),
    fc.constantFrom(' ', '  ', '\n', '\u00a0'),
  );
  const spell = (words: readonly string[], ways: readonly (readonly string[])[]) =>
    words
      .map((word, at) => {
        const [form = 'NFC', cased = '', after = '', before = '', space = ' '] = ways[at % ways.length] ?? [];
        const text = word.normalize(form);
        const written = cased === 'upper' ? text.toUpperCase() : cased === 'lower' ? text.toLowerCase() : text;
        return `${before}${written}${after}${space}`;
      })
      .join('');
  const planted = fc.record({
    trained: fc.uniqueArray(ours, { minLength: 1, maxLength: 8, selector: (words) => exactText(words.join(' ')) }),
    against: fc.array(theirs, { maxLength: 8 }),
    ways: fc.array(respelled, { minLength: 1, maxLength: 5 }),
    from: fc.nat(),
    to: fc.nat(),
    at: fc.nat(),
    within: fc.nat(),
  });
  const texts = (all: readonly (readonly string[])[]) => all.map((words) => words.join(' '));

  test('nothing is found where nothing was planted', () => {
    fc.assert(
      fc.property(planted, ({ trained, against }) => {
        assert.deepEqual(counts(texts(trained), texts(against)), [0, 0, 0]);
      }),
      { seed: 33, numRuns: 50 },
    );
  });

  test('a planted problem is found, wherever it stands and however it is spelled', () => {
    fc.assert(
      fc.property(planted, ({ trained, against, ways, from, to }) => {
        const leaked = trained[from % trained.length] as string[];
        const rows = texts(against);
        rows.splice(to % (rows.length + 1), 0, spell(leaked, ways));
        const { overlaps } = measureOverlap(setOf(texts(trained)), [setOf(rows)], 1);
        const [{ exact, grams, matches }] = overlaps as [(typeof overlaps)[number]];
        assert.deepEqual([exact, grams], [1, 0]);
        assert.equal(matches.exact[0]?.against.row, (to % rows.length) + 1);
        assert.equal(matches.exact[0]?.trained.row, (from % trained.length) + 1);
      }),
      { seed: 34, numRuns: 300 },
    );
  });

  test('thirteen words of a problem are found, wherever they stand in whichever', () => {
    fc.assert(
      fc.property(planted, ({ trained, against, ways, from, to, at, within }) => {
        const leaked = trained[from % trained.length] as string[];
        const first = at % (leaked.length - gramWords + 1);
        const words = leaked.slice(first, first + gramWords);
        const host = [...(against[to % Math.max(1, against.length)] ?? []), 'green'];
        const place = within % (host.length + 1);
        const carrier = [...host.slice(0, place), spell(words, ways).trim(), ...host.slice(place)].join(' ');
        const rows = texts(against);
        rows.splice(to % (rows.length + 1), 0, carrier);
        const { overlaps } = measureOverlap(setOf(texts(trained)), [setOf(rows)], 1);
        const [{ exact, grams, matches }] = overlaps as [(typeof overlaps)[number]];
        assert.deepEqual([exact, grams], [0, 1]);
        assert.equal(matches.grams[0]?.against.row, (to % rows.length) + 1);
      }),
      { seed: 35, numRuns: 300 },
    );
  });

  function plainly(trained: readonly string[], against: readonly string[]): [number, number, number] {
    const gramsOf = (text: string): Set<string> => {
      const words = wordsOf(text);
      const starts = words.slice(gramWords - 1).map((_, at) => at);
      return new Set(starts.map((at) => words.slice(at, at + gramWords).join(' ')));
    };
    const all = trained.map(gramsOf);
    const found: [number, number, number] = [0, 0, 0];
    for (const prompt of against) {
      const sharing = [...gramsOf(prompt)].map((gram) => all.filter((grams) => grams.has(gram)).length);
      if (trained.some((other) => exactText(other) === exactText(prompt))) found[0] += 1;
      else if (trained.some((other) => wordsOf(other).join(' ') === wordsOf(prompt).join(' '))) found[1] += 1;
      else if (sharing.some((count) => count > 0 && count <= mostSharing)) found[1] += 1;
      else if (sharing.some((count) => count > 0)) found[2] += 1;
    }
    return found;
  }
});
