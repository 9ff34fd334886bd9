import { deepEqual, equal, match } from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { makePlan } from '../results/lineage.ts';
import { recordRuns } from '../results/run.ts';
import { descent, temporaryFolder } from './support.ts';

test('export: views to a folder, runs to a file, and what is wrong before anything is written', async (t) => {
  const folder = await temporaryFolder(t);
  await recordRuns(join(folder, '.descent'), makePlan({ seeds: [1], replay: ['0%'] }));
  const views = await descent(['export', '--to', 'my views', '--format', 'csv'], folder);
  equal(views.exitCode, 0);
  match(views.stderr, /^wrote \d+ views of replay, [\d,]+ rows, to my views\n$/);
  match(await readFile(join(folder, 'my views', 'ledger.csv'), 'utf8'), /^lineage,plan,nodes,.*\nreplay,/);

  const events = await descent(['export', 'replay', '--to', 'runs.jsonl', '-f', 'openlineage'], folder);
  deepEqual([events.exitCode, events.stderr], [0, 'wrote 26 events of replay to runs.jsonl\n']);
  const lines = (await readFile(join(folder, 'runs.jsonl'), 'utf8')).trimEnd().split('\n');
  deepEqual(new Set(lines.map((line) => JSON.parse(line).eventType)), new Set(['START', 'COMPLETE']));

  const wrong = await descent(['export', 'replya', '--to', 'elsewhere'], folder);
  match(wrong.stderr, /there is no lineage replya\n {2}hint: the only one is replay/);
  const onPipe = await descent(['export', '--to', '-'], folder);
  equal(onPipe.stderr, 'error: - names no folder\n  hint: name one: --to results\n');
  const onFolder = await descent(['export', '--to', 'my views', '-f', 'openlineage'], folder);
  match(onFolder.stderr, /my views is a folder\n {2}hint: name a file: --to events\.jsonl/);
  const again = await descent(['export', '--to', 'my views'], folder);
  equal(again.exitCode, 1);
  match(again.stderr, /my views is there already/);
  deepEqual((await readdir(folder)).sort(), ['.descent', 'my views', 'runs.jsonl']);
});
