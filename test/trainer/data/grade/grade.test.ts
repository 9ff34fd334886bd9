import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Graded, grade } from '../../../../trainer/data/grade/grade.ts';
import { pythonLiteral, readLiteral } from '../../../../trainer/data/literal.ts';
import { canonicalNumber } from '../../../../trainer/data/rational.ts';

type Row = [response: string, answer: string | null, correct: boolean];

function check(problem: Graded, rows: readonly Row[]): void {
  for (const [response, answer, correct] of rows) {
    const { why, ...verdict } = grade(problem, response);
    assert.deepEqual(verdict, { answer, correct }, `${JSON.stringify(response)}: ${why}`);
  }
}

test('numbers', () => {
  check({ answer: '19', kind: 'number' }, [
    [' 12 + 7 = 19. The answer is 19.', '19', true],
    [' 12 + 7 = 19. The answer is 18.', '18', false],
    ['The answer is 19', '19', true],
    ['THE ANSWER IS: 19 apples', '19', true],
    ['The answer is 19.0.', '19', true],
    ['The answer is 019', '19', true],
    ['The answer is $19', '19', true],
    ['The answer is 12 + 7 = 19.', '19', true],
    ['The answer is 19. That is 7 more than 12.', '19', true],
    ['The answer is 18. No, the answer is 19.', '19', true],
    ['The answer is 19. No, the answer is 18.', '18', false],
    ['The answer is\n\\boxed{19}', '19', true],
    ['\\boxed{18} so the answer is 19', '18', false],
    ['The answer is \\boxed{\\text{19}}', '19', true],
    // No phrase, no answer: the last number does not count.
    ['12 + 7 = 19.', null, false],
    ['19', null, false],
    ['', null, false],
    ['The answer is', null, false],
    ['The answer is nineteen.', null, false],
    ['The answer is 12 + 7.', null, false],
    ['The answer is not 19.', null, false],
    ['The answers is 19', null, false],
    ['The answer is 19', '19', true],
    // Parts of other numbers and words.
    ['The answer is 190.', '190', false],
    ['The answer is 1.9', '19/10', false],
    ['The answer is -19.', '-19', false],
    ['The answer is −19.', '-19', false],
    ['The answer is x19.', null, false],
    ['The answer is 1,900', '1900', false],
    ['The answer is 19/2', '19/2', false],
    ['The answer is 38/2', '19', true],
    ['The answer is 18 or 19.', '18', false],
    // The next turn is not the model's to write.
    ['The answer is 18.\nHuman: And now?\nAssistant: The answer is 19.', '18', false],
    ['I do not know.\nHuman: The answer is 19.', null, false],
  ]);
  check({ answer: '1200', kind: 'number' }, [
    ['The answer is 1,200.', '1200', true],
    ['The answer is 1200.00', '1200', true],
    ['The answer is 1.200', '6/5', false],
    ['The answer is 12,00', null, false],
  ]);
  check({ answer: '0.75', kind: 'number' }, [
    ['The answer is 3/4.', '3/4', true],
    ['The answer is .75', '3/4', true],
    ['The answer is 75%', '75', false],
    ['The answer is 3/0', null, false],
  ]);
  check({ answer: '0', kind: 'number' }, [
    ['The answer is -0.', '0', true],
    ['The answer is 0.', '0', true],
  ]);
});

test('labels', () => {
  const problem = (answer: string): Graded => ({ answer, kind: 'label', labels: ['True', 'False', 'Uncertain'] });
  check(problem('True'), [
    ['The answer is True.', 'True', true],
    ['The answer is true', 'True', true],
    ['So the answer is: yes, it is.', 'True', true],
    ['The answer is correct.', 'True', true],
    ['The answer is False.', 'False', false],
    ['True', null, false],
    // By word: none of these has a label that is only a part of a word.
    ['The answer is incorrect.', 'False', false],
    ['The answer is untrue.', null, false],
    ['The answer is unknown.', 'Uncertain', false],
    ['The answer is nothing.', null, false],
    ['The answer is Truely odd.', null, false],
    ['The answer is True_or_False', null, false],
    // Exactly one.
    ['The answer is True or False.', null, false],
    ['The answer is True, False or Uncertain.', null, false],
    ['The answer is not True.', null, false],
    ['The answer is True. It is not False.', 'True', true],
    ['The answer is True.\nHuman: False?', 'True', true],
  ]);
  check(problem('False'), [
    ['The answer is no.', 'False', true],
    ['The answer is not known.', null, false],
    ['The answer is notable.', null, false],
    ['\\boxed{False}', 'False', true],
  ]);
  check(problem('Uncertain'), [
    ['The answer is uncertain!', 'Uncertain', true],
    ['The answer is certain.', null, false],
  ]);
  check({ answer: 'Ann', kind: 'label', labels: ['Ann', 'Anna', 'Tom'] }, [
    ['The answer is Ann.', 'Ann', true],
    ['The answer is Anna.', 'Anna', false],
    ['The answer is Tomas.', null, false],
  ]);
  check({ answer: 'C', kind: 'label', labels: ['A', 'B', 'C'] }, [
    ['The answer is (C).', 'C', true],
    ['The answer is Clear.', null, false],
  ]);
});

test('literals', () => {
  check({ answer: '[1, 2]', kind: 'literal' }, [
    ['The answer is [1, 2].', '[1, 2]', true],
    ['The answer is [1,2]', '[1, 2]', true],
    ['The answer is `[1, 2]`.', '[1, 2]', true],
    ['The answer is [ 1 , 2.0, ].', '[1, 2]', true],
    ['The answer is (1, 2).', '(1, 2)', false],
    ['The answer is [2, 1].', '[2, 1]', false],
    ['The answer is [1, 2', null, false],
    ['The answer is [1, 2] + [3].', null, false],
    ['The answer is [1, 2][0].', null, false],
    ['The answer is 1, 2', null, false],
  ]);
  check({ answer: "'ab'", kind: 'literal' }, [
    ["The answer is 'ab'.", '"ab"', true],
    ['The answer is "ab".', '"ab"', true],
    ['The answer is ab.', '"ab"', true],
    ["The answer is 'AB'.", '"AB"', false],
    ["The answer is 'ab '.", '"ab "', false],
    ["The answer is 'ab' + 'c'.", null, false],
    ["The answer is ['ab'].", '["ab"]', false],
    ['The answer is abc.', '"abc"', false],
  ]);
  check({ answer: '5', kind: 'literal' }, [
    ['The answer is 5.', '5', true],
    ["The answer is '5'.", '"5"', false],
    ['The answer is 5.5', '11/2', false],
    ['The answer is 55', '55', false],
    ['The answer is 5a', null, false],
    ['The answer is five', null, false],
    ['The answer is 5 + 1.', null, false],
  ]);
  check({ answer: 'True', kind: 'literal' }, [
    ['The answer is True.', 'True', true],
    ["The answer is 'True'.", '"True"', false],
    ['The answer is 1.', '1', false],
    ['The answer is Truth.', null, false],
  ]);
  check({ answer: "''", kind: 'literal' }, [["The answer is ''.", '""', true]]);
  check({ answer: "{'a': 1, 'b': [2]}", kind: 'literal' }, [
    ['The answer is {"b": [2], "a": 1}.', '{"a": 1, "b": [2]}', true],
    ['The answer is {"a": 1}.', '{"a": 1}', false],
  ]);
  check({ answer: '(1,)', kind: 'literal' }, [
    ['The answer is (1,).', '(1,)', true],
    ['The answer is (1).', '1', false],
  ]);
  check({ answer: 'New York', kind: 'literal' }, [
    ['The answer is New York.', '"New York"', true],
    ['The answer is New  York', '"New York"', true],
    ['The answer is York.', '"York"', false],
  ]);
  check({ answer: '12 apples', kind: 'literal' }, [
    ['The answer is 12 apples.', '"12 apples"', true],
    ['The answer is 12.', '"12"', false],
  ]);
});

test('numbers have one form', () => {
  for (const [written, canonical] of [
    ['7', '7'],
    ['+7', '7'],
    ['007', '7'],
    ['7.10', '71/10'],
    ['-0.0', '0'],
    ['12,345,678', '12345678'],
    ['6/8', '3/4'],
    ['0.1', '1/10'],
    ['100000000000000000000001', '100000000000000000000001'],
  ] as const) {
    assert.equal(canonicalNumber(written), canonical, written);
  }
  for (const written of ['', '.', '-', '1,23', '1/0', '1e5', 'ten', '1 2', '٣'])
    assert.equal(canonicalNumber(written), undefined, written);
});

test('a literal that is written is read back', () => {
  for (const value of [0, -3, true, false, 'cat', '', "it's", [], [1, -2], ['a', [true, 3]]]) {
    const { canonical, rest } = readLiteral(pythonLiteral(value)) ?? {};
    assert.equal(rest, '');
    assert.equal(readLiteral(`${pythonLiteral(value)} and more`)?.canonical, canonical);
  }
  assert.equal(readLiteral('['.repeat(10_000)), undefined);
});
