/** The problem sets of the `ood` suite, solved anew from their prompts by programs that know nothing of the generators. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { canonicalNumber } from '../../../trainer/data/rational.ts';
import { problems } from '../../../trainer/data/sources.ts';

const sets = (name: string, count: number) =>
  problems({ generator: name, version: 1, seed: 4, options: {} }, 'test', count, {});
const python = spawnSync('python3', ['--version']).status === 0;

test('programs: Python returns the same', { skip: python ? false : 'there is no python3 here' }, () => {
  const script = `
import json, sys
for prompt, answer in json.load(sys.stdin):
    code, question = prompt.rsplit("\\nWhat is ", 1)
    names = {}
    exec(code, names)
    got = repr(eval(question[:-1], names))
    assert got == answer, (prompt, answer, got)
`;
  const input = JSON.stringify(sets('programs', 3000).map(({ prompt, answer }) => [prompt, answer]));
  const { status, stderr } = spawnSync('python3', ['-c', script], { input, encoding: 'utf8', timeout: 60_000 });
  assert.equal(status, 0, stderr);
});

test('programs: the trace begins with the argument and ends with the answer', () => {
  for (const { prompt, solution, answer } of sets('programs', 500)) {
    assert.ok(solution.startsWith(`x = ${/What is f\((.*)\)\?$/.exec(prompt)?.[1]}.`), prompt);
    assert.ok(solution.endsWith(`The answer is ${answer}.`));
    assert.equal(solution.match(/x = /g)?.length, prompt.match(/\n {4}/g)?.length, prompt);
  }
});

test('boardgame: the rules lead to the answer', () => {
  for (const { prompt, answer } of sets('boardgame', 1500)) {
    const question = /Does the (\w+) (\w+) the (\w+)\?/.exec(prompt);
    const player = question?.[1];
    const traits = [...prompt.matchAll(/The (\w+) is (\w+)(?: and (\w+))?\./g)]
      .filter((fact) => fact[1] === player)
      .flatMap((fact) => [fact[2], fact[3]]);
    const rules = [...prompt.matchAll(/Who is (\w+) (does not )?\w+ the (\w+)\./g)].map(([, condition, not]) => ({
      holds: traits.includes(condition),
      says: not === undefined ? 'True' : 'False',
    }));
    const stronger = /The first rule is stronger/.test(prompt) ? 0 : 1;
    assert.equal(rules.length, 2);
    const decided = rules[stronger]?.holds
      ? rules[stronger]
      : rules[1 - stronger]?.holds
        ? rules[1 - stronger]
        : undefined;
    assert.equal(decided?.says ?? 'Uncertain', answer, prompt);
  }
});

test('tables: reading the table gives the answer', () => {
  for (const { prompt, answer } of sets('tables', 2000)) {
    const lines = prompt.split('\n');
    const question = lines.at(-1) as string;
    const rows = new Map(
      lines
        .slice(1, -1)
        .map((line) => line.split(' | ') as [string, string])
        .map(([name, value]) => [name, Number(value)]),
    );
    const named = [...question.matchAll(/[A-Z]\w+/g)]
      .map(([name]) => name)
      .filter((name) => rows.has(name))
      .map((name) => rows.get(name) as number);
    const sorted = [...rows].sort((a, b) => a[1] - b[1]);
    const limit = /more than (\d+)/.exec(question)?.[1];
    const expected =
      limit !== undefined
        ? [...rows.values()].filter((value) => value > Number(limit)).length
        : /fewest/.test(question)
          ? sorted[0]?.[0]
          : /most/.test(question)
            ? sorted.at(-1)?.[0]
            : /together/.test(question)
              ? (named[0] as number) + (named[1] as number)
              : /How many more/.test(question)
                ? (named[0] as number) - (named[1] as number)
                : named[0];
    assert.equal(answer, String(expected), prompt);
  }
});

test('strategy: where the facts are figures, they decide', () => {
  let checked = 0;
  for (const { prompt, answer } of sets('strategy', 1500)) {
    const figure = (pattern: RegExp) => Number(canonicalNumber(pattern.exec(prompt)?.[1] ?? '') ?? Number.NaN);
    const closing = figure(/closes at (\d+)/) - figure(/gets there at (\d+)/);
    const lifting = figure(/can lift (\d+)/) - figure(/weighs (\d+)/);
    const asked = /Was (\w+) born before (\w+)\?/.exec(prompt);
    const age = (name = '') => figure(new RegExp(`${name} is (\\d+) years`));
    const margin = [closing, lifting, asked === null ? Number.NaN : age(asked[1]) - age(asked[2])].find(
      (value) => !Number.isNaN(value),
    );
    if (margin === undefined) continue;
    checked++;
    assert.equal(answer, margin > 0 ? 'True' : 'False', prompt);
  }
  assert.ok(checked > 400, String(checked));
});
