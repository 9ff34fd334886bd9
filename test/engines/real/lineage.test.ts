import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { descent, temporaryFolder } from '../../cli/support.ts';
import { runToEnd, tinyLineage } from '../../lineage/support.ts';

test('engines and the built-in trainer take turns in one lineage, whose rows stand in the same tables', async (t) => {
  const folder = await temporaryFolder(t);
  const file = join(folder, 'lineage.yaml');
  await writeFile(file, mixed);
  const env = { DESCENT_HOME: join(folder, 'home') };
  await runToEnd(t, file, env.DESCENT_HOME, 1);
  const query = `select address, any_value(regexp_extract(engine, '^\\w+')) as engine, count(*) as steps
    from latest_metrics join nodes using (key) join attempts using (key, attempt)
    where metric = 'lr' group by address order by address`;
  const { stdout, stderr } = await descent(['query', query, '--format', 'json'], folder, { env });
  assert.deepEqual(
    (JSON.parse(stdout || stderr) as { address: string; engine: string }[]).map(({ address, engine }) => [
      address,
      engine,
    ]),
    [
      ['base', 'LitGPT'],
      ['mid', 'descent'],
      ['more', 'LitGPT'],
      ['rl', 'descent'],
      ['tuned', 'TRL'],
    ],
  );
});

/** The tiny lineage with LitGPT before and after the built-in trainer, and TRL before its RL. */
const mixed = tinyLineage
  .replace('data: web, tokens: 100K, batch: 1K}}', 'data: web, tokens: 30K, batch: 1K, engine: litgpt}}')
  .replace(
    /^ {2}tuned: .*$/m,
    `  more: {cpt: {from: mid, tokens: 10K, batch: 1K, mix: {math: 1, replay: 25%}, engine: litgpt}}
  tuned: {sft: {from: more, data: math/problems, examples: 200, batch: 8, engine: trl}}`,
  );
