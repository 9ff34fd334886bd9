import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { descent, temporaryFolder } from '../cli/support.ts';
import { manifests, startRun } from '../lineage/support.ts';

/** The tests of `exam` are asked of `tuned`, which learns from `mine`. */
const lineage = (allowance = '') => `lineage: overlapping
models:
  nano: {layers: 1, hidden: 16, heads: 2, ffn: 32, context: 64}
data:
  web: {generator: stories}
  mine: {files: mine.jsonl, heldout: 20%}
  exam: {files: exam.jsonl, heldout: 50%}
stages:
  base: {pretrain: {model: nano, data: web, tokens: 2K, batch: 1K}}
  tuned: {sft: {from: base, data: mine, examples: 12, batch: 8${allowance}}}
  other: {sft: {from: base, data: exam, examples: 5, batch: 5}}
evaluate: {each: [tuned], suites: [id], problems: 6, samples: 0, maxResponse: 4}
`;

const problems = (prompts: string[]) =>
  prompts.map((prompt, at) => JSON.stringify({ prompt, answer: String(at) })).join('\n');
const asked = (count: number, of: string) => Array.from({ length: count }, (_, at) => `What is ${at} of ${of}?`);

test('a stage that learns from what it is tested on does not run, unless it says why', {
  timeout: 300_000,
}, async (t) => {
  const folder = await temporaryFolder(t);
  const [file, home] = [join(folder, 'overlapping.yaml'), join(folder, 'home')];
  const env = { env: { DESCENT_HOME: home } };
  await writeFile(join(folder, 'exam.jsonl'), problems(asked(20, 'them')));
  // All of the exam, spelled otherwise, beside some of its own.
  const copied = asked(20, 'them').map((prompt) => ` ${prompt.toUpperCase().replaceAll(' ', '  ')}`);
  await writeFile(join(folder, 'mine.jsonl'), problems([...asked(10, 'those'), ...copied]));
  await writeFile(file, lineage());

  const refused = await startRun(t, file, home).ended;
  assert.equal(refused.exitCode, 1, refused.output);
  assert.match(
    refused.output,
    /mine\/sft \(12 problems trained on\) and exam\/test \(6 problems\) overlap: \d of exam\/test/,
  );
  assert.match(refused.output, /allowOverlap/);
  const status = await descent(['status', 'overlapping', '--json'], folder, env);
  const states = Object.fromEntries(
    JSON.parse(status.stdout)[0].nodes.map(({ address, state }: { address: string; state: string }) => [
      address,
      state,
    ]),
  );
  assert.deepEqual(
    [states['overlap:tuned'], states.tuned, states['tuned/id'], states.base, states.other],
    ['failed', 'blocked', 'blocked', 'done', 'done'],
  );
  const shown = await descent(['show', 'overlap:tuned'], folder, env);
  assert.match(shown.stdout, /exam\/test +6 problems +\d word for word \(at most 0 %\)/);
  assert.match(shown.stdout, /Needed by\n +tuned/);

  await writeFile(file, lineage(', allowOverlap: "to see what it does"'));
  const allowed = await startRun(t, file, home).ended;
  assert.equal(allowed.exitCode, 0, allowed.output);
  const made = (await manifests(home)).map(({ address }) => address).sort();
  assert.deepEqual(
    made.filter((address) => /tuned/.test(address)),
    ['overlap:tuned', 'tuned', 'tuned/id'],
  );
  const { stdout } = await descent(
    [
      'query',
      `SELECT c.against, c.exact > 0 AS found, c.refused, s.value AS why FROM certificates AS c
       JOIN latest_lineages AS l USING (lineage)
       JOIN settings AS s ON s.plan = l.plan AND s.address = c.stages[1] AND s.name = 'allowOverlap' ORDER BY 1`,
      '--format',
      'json',
    ],
    folder,
    env,
  );
  assert.deepEqual(JSON.parse(stdout), [
    { against: 'exam/test', found: true, refused: false, why: 'to see what it does' },
    { against: 'mine/test', found: false, refused: false, why: 'to see what it does' },
  ]);
});
