import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Graded, grade } from '../../../../trainer/data/grade/grade.ts';
import { mathPairs, responses } from './pairs.ts';

for (const [name, pairs] of Object.entries(mathPairs)) {
  test(`mathematics: ${name}`, () => {
    for (const [expected, verdict, said] of pairs) {
      const problem: Graded = { kind: 'math', answer: expected };
      const { correct, why } = grade(problem, `So it is \\boxed{${said}}.`);
      assert.equal(correct, verdict === '==', `${expected} ${verdict} ${said}: ${why}`);
    }
  });
}

for (const [name, { problem, rows }] of Object.entries(responses)) {
  test(`responses: ${name}`, () => {
    for (const [verdict, response] of rows) {
      const { correct, why } = grade(problem, response);
      assert.equal(correct, verdict === '==', `${problem.answer} ${verdict} ${JSON.stringify(response)}: ${why}`);
    }
  });
}

test('the table is as long as it is said to be', () => {
  const rows = [...Object.values(mathPairs), ...Object.values(responses).map((each) => each.rows)];
  assert.ok(rows.flat().length >= 500, `${rows.flat().length} pairs`);
});

test('a verdict says why', () => {
  const why = (answer: string, response: string) => grade({ kind: 'math', answer }, response).why;
  assert.equal(why('1/2', '\\boxed{50\\%}'), 'math: 50% is 1/2');
  assert.equal(why('1/2', '\\boxed{\\frac26}'), 'math: 1/3 is not 1/2');
  assert.equal(why('1/2', 'I do not know.'), 'math: no answer is marked');
  assert.equal(why('1/2', '\\boxed{ }'), 'math: not readable: ');
  assert.equal(grade({ kind: 'number', answer: 'many' }, '#### 3').why, 'number: 3 is not comparable with many');
});
