import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { runQuery } from '../../results/query.ts';
import { savedQueries } from '../../results/saved.ts';
import { descent, temporaryFolder } from '../cli/support.ts';
import { manifests } from '../lineage/support.ts';

/*
 *   point ─▶ base      point ─▶ tuned ─▶ tuned/id
 *
 * The run with the checkpoint before it and without: real trainers, as a person has them.
 */
const lineage = (point: boolean) => `lineage: table3
models: {nano: {layers: 1, hidden: 16, heads: 2, ffn: 32, context: 96}}
data: {math: {generator: arithmetic, options: {maximum: 9}}}
stages:
  base: {pretrain: {model: nano, data: math, tokens: 12K, batch: 768}}
${
  point
    ? `  point: {checkpoint: {of: base, at: 40%}}
  tuned:
    sft:
      from: point
      allowUndecayed: what the missing decay costs is the question
      data: math/problems
      examples: 16
      batch: 8
      allowOverlap: to see it in every table`
    : ''
}
evaluate: {each: [base${point ? ', point, tuned' : ''}], suites: [heldout${point ? ', id' : ''}], problems: 4, samples: 2, maxResponse: 8, heldoutTokens: 1K}
placement: {default: {device: cpu}}
`;

it('a run with a checkpoint leaves what it leaves without, and what is marked is so in every table', {
  timeout: 180_000,
}, async (t) => {
  const folder = await temporaryFolder(t);
  const run = async (name: string, point: boolean) => {
    const file = `${name}.yaml`;
    await writeFile(join(folder, file), lineage(point));
    const env = { DESCENT_HOME: join(folder, name) };
    const ended = await descent(['run', file], folder, { env });
    assert.equal(ended.exitCode, 0, ended.stdout + ended.stderr);
    const made = await manifests(join(folder, name));
    const modelOf = (address: string) => {
      const { key } = made.find((one) => one.address === address) as { key: string };
      return join(folder, name, 'store', key, 'attempt-1', 'model');
    };
    return { env, ended, modelOf };
  };
  const [whole, parts] = await Promise.all([run('whole', false), run('parts', true)]);
  const [alone, after] = [whole.modelOf('base'), parts.modelOf('base')];
  const names = await readdir(alone);
  assert.deepEqual(await readdir(after), names);
  for (const name of names)
    assert.deepEqual(await readFile(join(after, name)), await readFile(join(alone, name)), name);

  const card = (address: string) => readFile(join(parts.modelOf(address), 'README.md'), 'utf8');
  assert.match(
    await card('point'),
    /\*\*Its learning rate has not decayed\*\*: it is a checkpoint, step 6 of 16 of a run\./,
  );
  assert.match(await card('tuned'), /\*\*It comes of `point`, whose learning rate has not decayed\.\*\*/);
  assert.doesNotMatch(await card('base'), /decayed|point/);

  const { env } = parts;
  const ask = async (...args: string[]) => (await descent(args, folder, { env })).stdout;
  const marks = 'undecayed ancestor, overlap allowed';
  assert.match(parts.ended.stdout, /^point .* undecayed$/m);
  assert.match(parts.ended.stdout, new RegExp(`^tuned .* ${marks}$`, 'm'));
  const [plan, selected, shown, verified] = await Promise.all([
    ask('plan', 'parts.yaml'),
    ask('plan', 'parts.yaml', '--select', 'tuned'),
    ask('show', 'tuned'),
    ask('verify'),
  ]);
  assert.match(plan, /^reuse {2}point .*, undecayed /m);
  assert.match(plan, new RegExp(`^reuse {2}tuned/id .*, ${marks} `, 'm'));
  assert.match(selected, new RegExp(`^reuse {2}tuned .*, ${marks} `, 'm'));
  assert.match(shown, new RegExp(`marks +${marks}$`, 'm'));
  assert.match(verified, new RegExp(`^ {2}tuned +[0-9a-f]{12} +${marks}$`, 'm'));
  const home = env.DESCENT_HOME;
  const saved = new Map(savedQueries().map(({ name, sql }) => [name, sql]));
  for (const name of [
    'lineage_wide',
    'models',
    'model_figures',
    'figures_at_k',
    'summary',
    'forgetting',
    'samples',
    'seeds',
  ]) {
    const isLimited = saved.get(name)?.includes('$limit') === true;
    const { columns, rows } = await runQuery(
      home,
      saved.has(name) ? name : `FROM ${name}`,
      isLimited ? { limit: 100 } : {},
    );
    const [of, said] = [
      columns.findIndex(({ name }) => ['address', 'model', 'stage'].includes(name)),
      columns.findIndex(({ name }) => name === 'marks'),
    ];
    const found = rows.filter((row) => row[of] === 'tuned');
    assert.ok(found.length > 0, name);
    for (const row of found) assert.equal(row[said], marks, name);
    for (const row of rows) if (row[of] === 'base') assert.equal(row[said], null, name);
  }
  assert.deepEqual((await runQuery(home, 'SELECT DISTINCT allowed FROM certificates')).rows, [
    ['to see it in every table'],
  ]);
});
