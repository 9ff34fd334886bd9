/**
 * The grader as a program: `node grade.js <problems.jsonl>` reads lines of `{"problem": 3, "response": "..."}`, by the number of the
 * problem's line, and answers each with `{"reward": 1, "answer": "5", "why": "..."}`, in their order: reward is 1 for a right
 * response, else 0, and the rest as `Grade` has it. It ends when its input does, and not before: a terminal or a scheduler that asks
 * all processes to stop asks it too, and the driver still has a step to finish.
 */
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { type Graded, grade } from '../trainer/data/grade/grade.ts';

const [, , path] = process.argv;
if (path === undefined) throw new Error('usage: grade.js <problems.jsonl>');
const problems = (await readFile(path, 'utf8'))
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as Graded);

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
for await (const line of createInterface({ input: process.stdin })) {
  const { problem, response } = JSON.parse(line) as { problem: number; response: string };
  const asked = problems[problem];
  if (asked === undefined) throw new Error(`${path} has no problem ${problem}`);
  const { correct, answer, why } = grade(asked, response);
  process.stdout.write(`${JSON.stringify({ reward: correct ? 1 : 0, answer, why })}\n`);
}
