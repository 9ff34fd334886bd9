import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../trainer/support.ts';

const program = fileURLToPath(new URL('../../engines/grade.js', import.meta.url));

describe('the grader that engines ask', () => {
  const problems = [
    { id: 'a', prompt: '2+3', solution: '', answer: '5', kind: 'number' },
    { id: 'b', prompt: 'x/2', solution: '', answer: '\\frac{x}{2}', kind: 'math' },
  ];
  const asked = (folder: string, lines: readonly object[]) => {
    const path = join(folder, 'problems.jsonl');
    writeFileSync(path, problems.map((problem) => `${JSON.stringify(problem)}\n`).join(''));
    const input = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
    return spawnSync(process.execPath, [program, path], { input, encoding: 'utf8', timeout: 30_000 });
  };

  test('answers each line with the reward of a response, in their order, and ends with its input', (t) => {
    const { status, stdout, stderr } = asked(temporaryFolder(t), [
      { problem: 0, response: 'The answer is 5.' },
      { problem: 1, response: 'So \\boxed{x/2}' },
      { problem: 0, response: 'The answer is 6.' },
      { problem: 1, response: '' },
    ]);
    assert.equal(status, 0, stderr);
    assert.deepEqual(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
      [
        { reward: 1, answer: '5', why: 'number: 5 is 5' },
        { reward: 1, answer: '1/2*x', why: 'math: 1/2*x is 1/2*x' },
        { reward: 0, answer: '6', why: 'number: 6 is not 5' },
        { reward: 0, answer: null, why: 'math: no answer is marked' },
      ],
    );
  });

  test('asked to stop with its driver, grades on until the driver has done with it', { timeout: 30_000 }, async (t) => {
    const path = join(temporaryFolder(t), 'problems.jsonl');
    writeFileSync(path, JSON.stringify(problems[0]));
    const grader = spawn(process.execPath, [program, path], { stdio: ['pipe', 'pipe', 'inherit'] });
    t.after(() => grader.kill('SIGKILL'));
    const ask = () => {
      grader.stdin.write(`${JSON.stringify({ problem: 0, response: 'The answer is 5.' })}\n`);
      return once(grader.stdout, 'data');
    };
    await ask();
    for (const signal of ['SIGTERM', 'SIGINT'] as const) grader.kill(signal);
    assert.equal(JSON.parse(String(await ask())).reward, 1);
    grader.stdin.end();
    assert.deepEqual(await once(grader, 'exit'), [0, null]);
  });

  test('ends with an error where there is no such problem, rather than with a reward', (t) => {
    const { status, stdout, stderr } = asked(temporaryFolder(t), [{ problem: 2, response: 'The answer is 5.' }]);
    assert.equal(status, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /problems\.jsonl has no problem 2/);
  });
});
