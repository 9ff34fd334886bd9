import { deepEqual, equal, match } from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { makePlan } from '../results/lineage.ts';
import { runLineage } from '../results/run.ts';
import { descent, temporaryFolder } from './support.ts';

test('import: lists what there is, takes it in, and verify brings it back', async (t) => {
  const folder = await temporaryFolder(t);
  const asked = await descent(['query', 'figure3'], folder);
  equal(asked.exitCode, 1);
  const before = await descent(['import', 'published'], folder);
  deepEqual([before.exitCode, before.stderr], [0, '']);
  match(
    before.stdout,
    /^published\/evolm: .*arXiv 2506\.16029\), 1,086 figures\n {2}descent import published\/evolm\n$/,
  );

  const wrong = await descent(['import', 'published/evol'], folder);
  equal(wrong.exitCode, 1);
  match(wrong.stderr, /there is nothing to import by the name published\/evol\n.*did you mean `published\/evolm`\?/);

  const first = await descent(['import', 'published/evolm'], folder);
  deepEqual([first.exitCode, first.stderr], [0, '']);
  match(first.stdout, /^imported published\/evolm: 1,086 figures of 105 models, from arXiv 2506\.16029\n/);
  const again = await descent(['import', 'published/evolm', '--json'], folder);
  deepEqual(JSON.parse(again.stdout), { lineage: 'published/evolm', changed: false, figures: 1086, models: 105 });
  const list = await descent(['import', 'published', '--json'], folder);
  equal((JSON.parse(list.stdout) as { imported: boolean }[])[0]?.imported, true);

  const shown = await descent(['show', '1B-160BT-8+42BT-100Kep1'], folder);
  match(shown.stdout, /^Published elsewhere; nothing of it was run here\.$/m);
  match(shown.stdout, /^ {2}id +all +maj@16 +0\.142$/m);
  const differ = await descent(['diff', 'published/evolm:1B-160BT-8+42BT', 'published/evolm:1B-160BT-16+34BT'], folder);
  match(differ.stdout, /mix\.replay 8BT → 16BT/);
  const claims = await descent(['takeaways', 'published/evolm', '11'], folder);
  match(claims.stdout, /underpowered/);
  equal(claims.exitCode, 0, claims.stderr);
  equal((await descent(['status'], folder)).stdout, 'no lineage was run in this home yet\n');
  equal((await descent(['gc'], folder)).exitCode, 0);

  const verified = await descent(['verify'], folder);
  equal(verified.exitCode, 0, verified.stdout);
  const figure = await descent(['query', 'figure3', '--format', 'csv'], folder);
  await rm(join(folder, '.descent', 'results.duckdb'));
  const missing = await descent(['verify'], folder);
  equal(missing.exitCode, 1);
  match(missing.stdout, /results\.duckdb is missing, and --rebuild brings it back/);
  const rebuilt = await descent(['verify', '--rebuild'], folder);
  equal(rebuilt.exitCode, 0, rebuilt.stdout);
  deepEqual(await descent(['query', 'figure3', '--format', 'csv'], folder), figure);
});

test('import: beside lineages of one’s own, whose nodes are meant first', async (t) => {
  const folder = await temporaryFolder(t);
  await runLineage(join(folder, '.descent'), makePlan({ seeds: [1], replay: ['0%'] }));
  equal((await descent(['import', 'published/evolm'], folder)).exitCode, 0);
  match((await descent(['status'], folder)).stdout, /replay/);
  match((await descent(['query', 'summary'], folder)).stdout, /base@seed=1/);
  const typo = await descent(['show', 'base@seed=2'], folder);
  match(typo.stderr, /no lineage of this home has a node base@seed=2\n.*did you mean `base@seed=1`/);
  equal((await descent(['verify'], folder)).exitCode, 0);
  const unknown = await descent(['show', '1B-160BT', '--lineage', 'replay'], folder);
  match(unknown.stderr, /the lineage replay has no node 1B-160BT/);
});
