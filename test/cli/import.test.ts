import { deepEqual, equal, match } from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
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
  match(wrong.stderr, /there is nothing to import by the name published\/evol\n.*did you mean published\/evolm\?/);

  const first = await descent(['import', 'published/evolm'], folder);
  deepEqual([first.exitCode, first.stderr], [0, '']);
  match(first.stdout, /^imported published\/evolm: 1,086 figures of 105 models, from arXiv 2506\.16029\n/);
  const again = await descent(['import', 'published/evolm', '--json'], folder);
  deepEqual(JSON.parse(again.stdout), { lineage: 'published/evolm', changed: false, figures: 1086, models: 105 });
  const list = await descent(['import', 'published', '--json'], folder);
  equal((JSON.parse(list.stdout) as { imported: boolean }[])[0]?.imported, true);

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
