// What builds promise, on sets that are drawn at random: nothing is lost, sides are disjoint, order matters where it may.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isHeldOutProblem, normalisedPrompt } from '../../../schemas/problem.ts';
import { agree } from '../../../trainer/data/build/agree.ts';
import { correct } from '../../../trainer/data/build/correct.ts';
import { decontaminate } from '../../../trainer/data/build/decontaminate.ts';
import { dedupe } from '../../../trainer/data/build/dedupe.ts';
import type { Output } from '../../../trainer/data/build/output.ts';
import { pairs } from '../../../trainer/data/build/pairs.ts';
import { learnedSplits, type ProblemSet } from '../../../trainer/data/build/set.ts';
import { split } from '../../../trainer/data/build/split.ts';
import { measureOverlap } from '../../../trainer/data/overlap.ts';
import type { Preference } from '../../../trainer/data/preferences.ts';
import type { ProblemSplit } from '../../../trainer/data/problem.ts';
import type { ProblemLine } from '../../../trainer/data/problem-line.ts';
import { TrainerFailure } from '../../../trainer/failure.ts';

type Lines = Partial<Record<ProblemSplit, ProblemLine[]>>;

function setOf(lines: Lines, name = 'answers'): ProblemSet {
  return {
    name,
    splits: Object.keys(lines) as ProblemSplit[],
    lines: (of) => (lines[of] ?? []).map((line, place) => ({ line, place })),
    at: (of, place) => lines[of]?.[place] as ProblemLine,
  };
}

/** All that an operation said. */
function collected() {
  const kept: { split: ProblemSplit; line: ProblemLine; of?: string }[] = [];
  const dropped: { reason: string; line: ProblemLine; said?: Record<string, unknown> }[] = [];
  const paired: (Preference & { side: string })[] = [];
  let counted = 0;
  const output: Output = {
    keep: (of, line, set) => kept.push({ split: of, line, ...(set && { of: set.name }) }),
    drop: (reason, line, _, said) => dropped.push({ reason, line, ...(said && { said }) }),
    pair: (side, pair) => paired.push({ side, ...pair }),
    count: (count) => {
      counted += count;
    },
  };
  return { output, kept, dropped, paired, counted: () => counted };
}

function reasons(dropped: readonly { reason: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { reason } of dropped) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
}

const words = 'the old mill by river turns once for every nine steps that miller takes and then it stops'.split(' ');

/** Responses to a few problems, many of them alike. */
const response = fc
  .record({
    problem: fc.nat(5),
    style: fc.constantFrom('', ' ', 'X'),
    sample: fc.nat(3),
    answer: fc.constantFrom('1', '2', '3', null),
    truncated: fc.boolean(),
    text: fc.nat(3),
  })
  .map(({ problem, style, sample, answer, truncated, text }): ProblemLine => {
    const prompt = `What is ${problem}?`;
    return {
      id: `p${problem}`,
      prompt: style === 'X' ? prompt.toUpperCase() : `${style}${prompt}`,
      solution: `${text}: ${answer}`,
      answer: '1',
      kind: 'number',
      response: { sample, answer, correct: answer === '1', truncated },
    };
  });
const answered = fc.record({ sft: fc.array(response, { maxLength: 12 }), rl: fc.array(response, { maxLength: 6 }) });

/** Problems whose prompts are of few words, so that some have 13 in a row in common. */
const problem = fc
  .tuple(fc.array(fc.constantFrom(...words), { maxLength: 4 }), fc.nat(6), fc.nat(16), fc.nat(1e6))
  .map(([before, from, length, id]): ProblemLine => {
    const prompt = [...before, ...words.slice(from, from + length), '?'].join(' ');
    return { id: String(id), prompt, solution: 's', answer: '1', kind: 'number' };
  });
const problemsOf = (maxLength: number) => fc.array(problem, { maxLength });
const all = (lines: Lines) => Object.values(lines).flat();
const same = (prompt: string) => normalisedPrompt(prompt);

test('correct: every response is kept once or dropped once; kept are right, whole and different', () => {
  fc.assert(
    fc.property(answered, (lines) => {
      const { output, kept, dropped } = collected();
      correct(setOf(lines), output);
      assert.deepEqual(new Set([...kept, ...dropped].map(({ line }) => line)), new Set(all(lines)));
      assert.equal(kept.length + dropped.length, all(lines).length);
      assert.ok(kept.every(({ line }) => line.response?.correct && !line.response.truncated));
      const told = kept.map(({ line }) => `${same(line.prompt)} ${line.solution}`);
      assert.equal(new Set(told).size, told.length);
      const right = all(lines).filter(({ response: r }) => r?.correct && !r.truncated);
      assert.deepEqual(new Set(told), new Set(right.map((line) => `${same(line.prompt)} ${line.solution}`)));
    }),
  );
});

test('agree: a problem is kept with the first whole response that gives what enough models say', () => {
  const say = (id: string, answers: (string | null)[], cut = false): ProblemLine[] =>
    answers.map((answer, sample) => ({
      id,
      prompt: `What is ${id}?`,
      solution: `${sample} ${answer}`,
      answer: '1',
      response: { sample, answer, correct: answer === '1', truncated: cut },
    }));
  const one = setOf(
    { sft: [...say('a', ['1', '2', '1']), ...say('b', ['2', '3']), ...say('c', ['5'], true), ...say('d', ['4'])] },
    'one',
  );
  const two = setOf(
    { sft: [...say('e', ['1']), ...say('c', ['5']), ...say('b', ['2']), ...say('a', ['2', '1', '1'])] },
    'two',
  );
  const three = setOf({ sft: [...say('b', ['3']), ...say('d', [null]), ...say('c', ['6'])] }, 'three');
  const { output, kept, dropped } = collected();
  assert.deepEqual(agree([one, two, three], 2, output), { differs: 1 });
  assert.deepEqual(
    kept.map(({ line, of }) => [line.id, line.solution, line.response?.sample, of]),
    [
      ['a', '0 1', 0, 'one'],
      ['c', '0 5', 0, 'two'], // the first set's own was cut
    ],
  );
  // b: a tie in one, and then one against one; d: only one has an answer; e: only one was asked.
  assert.deepEqual(
    dropped.map(({ line, reason, said }) => [line.id, reason, said?.answers]),
    [
      ['b', 'disagree', ['2', '3']],
      ['d', 'undecided', ['4']],
      ['e', 'unasked', ['1']],
    ],
  );
  const two2 = collected();
  agree([setOf({ sft: say('a', ['1'], true) }), setOf({ sft: say('a', ['1'], true) })], 2, two2.output);
  assert.deepEqual(reasons(two2.dropped), { truncated: 1 });
});

test('agree: every problem is kept once or dropped once, and which does not depend on the order of responses', () => {
  fc.assert(
    fc.property(fc.array(answered, { minLength: 2, maxLength: 4 }), fc.integer({ min: 2, max: 3 }), (sets, least) => {
      const told = (given: Lines[]) => {
        const { output, kept, dropped } = collected();
        agree(
          given.map((lines, at) => setOf(lines, String(at))),
          least,
          output,
        );
        const each = [...kept, ...dropped].map(({ line }) => same(line.prompt));
        assert.equal(new Set(each).size, each.length);
        assert.deepEqual(new Set(each), new Set(given.flatMap(all).map(({ prompt }) => same(prompt))));
        for (const { line } of kept) assert.ok(line.response?.answer !== null && !line.response?.truncated);
        return kept.map(({ line }) => `${same(line.prompt)} ${line.response?.answer}`).sort();
      };
      const backwards = sets.map((lines) => ({ sft: lines.sft.toReversed(), rl: lines.rl.toReversed() }));
      assert.deepEqual(told(backwards), told(sets));
    }),
  );
});

test('dedupe: no prompt is left twice, nor by grams 13 words in a row; what is dropped is like what is kept', () => {
  const sets = fc.array(fc.record({ sft: problemsOf(8), rl: problemsOf(4), test: problemsOf(4) }), {
    minLength: 1,
    maxLength: 3,
  });
  fc.assert(
    fc.property(sets, fc.constantFrom('prompt' as const, 'grams' as const), (given, by) => {
      const { output, kept, dropped } = collected();
      dedupe(
        given.map((lines, at) => setOf(lines, String(at))),
        by,
        output,
      );
      assert.equal(kept.length + dropped.length, given.flatMap(all).length);
      const prompts = kept.map(({ line }) => same(line.prompt));
      assert.equal(new Set(prompts).size, prompts.length);
      assert.deepEqual(
        new Set([...prompts, ...dropped.map(({ line }) => same(line.prompt))]),
        new Set(given.flatMap(all).map(({ prompt }) => same(prompt))),
      );
      // What is tested has stayed wherever it stood first.
      const tested = new Set(given.flatMap((lines) => lines.test).map(({ prompt }) => same(prompt)));
      assert.ok(kept.every(({ split: of, line }) => of === 'test' || !tested.has(same(line.prompt))));
      for (const { reason, line, said } of dropped) {
        const like = kept.filter(({ line: { id } }) => id === said?.like);
        if (reason === 'prompt') assert.ok(like.some((other) => same(other.line.prompt) === same(line.prompt)));
        else assert.ok(like.some((other) => common(line.prompt, [other.line.prompt])));
      }
      if (by === 'prompt') return;
      for (const [at, { line }] of kept.entries()) {
        const others = kept.slice(0, at).map((other) => other.line.prompt);
        assert.ok(!common(line.prompt, others), line.prompt);
      }
    }),
  );
});

/** Whether a certificate would count anything. */
function common(prompt: string, trained: string[]): boolean {
  const set = (prompts: string[]) => ({ problems: prompts.length, prompts: () => prompts });
  const { overlaps } = measureOverlap(set(trained), [set([prompt])], 0);
  return overlaps.some(({ exact, grams, common: shared }) => exact + grams + shared > 0);
}

test('decontaminate: what is planted is always found, and of what is left a certificate counts nothing, of any part of it', () => {
  const given = fc.record({ sft: problemsOf(10), rl: problemsOf(5), test: problemsOf(3) });
  fc.assert(
    fc.property(given, problemsOf(5), fc.nat(9), (lines, tested, place) => {
      const long = 'Ann buys seven red apples and then nine green pears on a cold market day in May';
      const planted: ProblemLine[] = [
        { id: 'shout', prompt: ` ${long.toUpperCase()}  `, solution: 's', answer: '1' },
        { id: 'within', prompt: `Listen: ${long}. How many are there?`, solution: 's', answer: '1' },
        { id: 'part', prompt: `So ${long.split(' ').slice(2, 15).join(' ')} it was`, solution: 's', answer: '1' },
        { id: 'short', prompt: 'what is two, plus two', solution: 's', answer: '4' },
        { id: 'bracket', prompt: 'What is (two plus two)?', solution: 's', answer: '4' },
      ];
      const sft = lines.sft.toSpliced(place, 0, ...planted);
      const against = [
        { name: 'math/test', prompts: [...tested.map(({ prompt }) => prompt), 'What is two plus two?'] },
        { name: 'gsm8k/test', prompts: [long] },
      ];
      const { output, kept, dropped } = collected();
      decontaminate(setOf({ ...lines, sft }), against, output);
      assert.equal(kept.length + dropped.length, sft.length + lines.rl.length + lines.test.length);
      const found = new Map(dropped.map(({ line, reason, said }) => [line.id, [reason, said?.against, said?.row]]));
      assert.deepEqual(found.get('shout'), ['prompt', 'gsm8k/test', 1]);
      assert.deepEqual(found.get('within'), ['grams', 'gsm8k/test', 1]);
      assert.deepEqual(found.get('part'), ['grams', 'gsm8k/test', 1]);
      assert.deepEqual(found.get('short'), ['prompt', 'math/test', tested.length + 1]);
      assert.deepEqual(found.get('bracket'), ['grams', 'math/test', tested.length + 1]);
      assert.deepEqual(
        kept.filter((one) => one.split === 'test').map(({ line }) => line),
        lines.test,
      );
      const left = kept.filter((one) => one.split !== 'test').map(({ line }) => line.prompt);
      for (const part of [left, left.slice(0, 2)])
        assert.ok(against.every(({ prompts }) => prompts.every((prompt) => !common(prompt, part))));
    }),
  );
});

test('split: sides are disjoint and as large as asked; drawn at random they depend on no order, given they are first and last', () => {
  fc.assert(
    fc.property(answered, fc.nat(100), fc.nat(100), fc.nat(3), (lines, first, second, seed) => {
      const share = 100 - first;
      const recipe = { sft: { share: first / 100 }, rl: { share: Math.min(second, share) / 100 } };
      const total = new Set(all(lines).map(({ prompt }) => same(prompt))).size;
      const sides = (given: Lines, order: 'given' | 'random') => {
        const { output, kept, dropped } = collected();
        split(setOf(given), { ...recipe, order }, seed, output);
        assert.equal(kept.length + dropped.length, all(given).length);
        const of = (which: ProblemSplit) => [
          ...new Set(kept.filter((one) => one.split === which).map(({ line }) => same(line.prompt))),
        ];
        const [sft, rl] = [of('sft'), of('rl')];
        assert.ok(sft.every((prompt) => !rl.includes(prompt)));
        assert.equal(sft.length, Math.floor((first * total) / 100));
        assert.equal(rl.length, Math.floor((Math.min(second, share) * total) / 100));
        return { sft, rl };
      };
      const order = [...new Set(learnedSplits.flatMap((name) => lines[name]).map(({ prompt }) => same(prompt)))];
      const { sft, rl } = sides(lines, 'given');
      assert.deepEqual(sft, order.slice(0, sft.length));
      assert.deepEqual(rl, order.slice(order.length - rl.length));
      const backwards = { sft: lines.rl.toReversed(), rl: lines.sft.toReversed() };
      assert.deepEqual(sides(backwards, 'random'), sides(lines, 'random'));
    }),
  );
});

test('split: asking for more than there is says the numbers, and another seed draws other sides', () => {
  const lines = Array.from(
    { length: 100 },
    (_, at): ProblemLine => ({ id: `${at}`, prompt: `p${at}`, solution: 's', answer: '1' }),
  );
  const sides = (order: 'given' | 'random', sft: object, rl: object, seed = 1) => {
    const { output, kept, dropped } = collected();
    split(setOf({ sft: lines }), { order, sft, rl } as Parameters<typeof split>[1], seed, output);
    return { sft: kept.filter((one) => one.split === 'sft').map(({ line }) => line.id), dropped: reasons(dropped) };
  };
  assert.throws(
    () => sides('given', { problems: 60 }, { share: 0.41 }),
    (error) =>
      error instanceof TrainerFailure &&
      error.kind === 'bad-data' &&
      error.message.startsWith('answers has 100 problems, of which 60 are asked for SFT and 41 for RL: 101 in all.'),
  );
  assert.deepEqual(sides('given', { share: 0.29 }, { problems: 70 }).dropped, { between: 1 });
  const [one, other] = [
    sides('random', { problems: 50 }, { problems: 50 }),
    sides('random', { problems: 50 }, { problems: 50 }, 2),
  ];
  assert.notDeepEqual(one.sft, other.sft);
});

test('pairs: right before wrong, whole, each response in one pair, whatever order they come in', () => {
  fc.assert(
    fc.property(answered, fc.integer({ min: 1, max: 3 }), fc.nat(3), (lines, perProblem, seed) => {
      const told = (given: Lines) => {
        const { output, paired, dropped, counted } = collected();
        pairs(setOf(given), perProblem, seed, output);
        const problems = new Set(all(given).map(({ prompt }) => same(prompt)));
        assert.equal(counted() + dropped.length, problems.size);
        const used = paired.flatMap(({ prompt, chosen, rejected }) =>
          [chosen, rejected].map((text) => `${same(prompt)} ${text}`),
        );
        assert.equal(new Set(used).size, used.length);
        for (const { prompt, chosen, rejected, side } of paired) {
          const found = (text: string) =>
            all(given).filter((line) => same(line.prompt) === same(prompt) && line.solution === text);
          assert.ok(found(chosen).some(({ response: r }) => r?.correct && !r.truncated));
          assert.ok(found(rejected).some(({ response: r }) => r && !r.correct && !r.truncated));
          assert.equal(side, isHeldOutProblem(prompt) ? 'heldout' : 'train');
        }
        for (const prompt of problems) {
          const texts = (isRight: boolean) =>
            new Set(
              all(given)
                .filter(
                  (line) =>
                    same(line.prompt) === prompt && !line.response?.truncated && line.response?.correct === isRight,
                )
                .map(({ solution }) => solution),
            ).size;
          const most = Math.min(perProblem, texts(true), texts(false));
          assert.equal(paired.filter((pair) => same(pair.prompt) === prompt).length, most);
        }
        return paired.map(({ prompt, chosen, rejected }) => `${same(prompt)} ${chosen} ${rejected}`).sort();
      };
      assert.deepEqual(told({ sft: lines.rl.toReversed(), rl: lines.sft.toReversed() }), told(lines));
    }),
  );
});

test('a problem without a response is refused where responses are needed', () => {
  const bare = setOf({ sft: [{ id: 'x', prompt: 'p', solution: 's', answer: '1' }] }, 'math');
  for (const operate of [correct, (set: ProblemSet, output: Output) => pairs(set, 1, 1, output)])
    assert.throws(() => operate(bare, collected().output), /math has a problem, x, that no model has answered/);
});
