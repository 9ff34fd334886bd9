import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { descent, temporaryFolder } from '../../cli/support.ts';

test('a chain of evolm.yaml goes from engine to engine at toy size', { timeout: 1_800_000 }, async (t) => {
  const folder = await temporaryFolder(t);
  const written = await readFile(new URL('../../../../lineage/evolm.yaml', import.meta.url), 'utf8');
  const placed = written
    .replace('pretrain: { data', 'pretrain: { engine: litgpt, data')
    .replace('cpt: { data', 'cpt: { engine: litgpt, data')
    .replace('sft: { data', 'sft: { engine: trl, data');
  await writeFile(join(folder, 'lineage.yaml'), placed);
  const chain = ['--select', '1B-20BT-8+42BT-100Kep1-100Kep8'];
  const { exitCode, stdout, stderr } = await descent(['run', 'lineage.yaml', '--smoke', '--plain', ...chain], folder);
  assert.equal(exitCode, 0, stdout + stderr);
  const engines = await descent(
    ['--home', '.descent/smoke', 'query', 'SELECT address, engine FROM attempts ORDER BY address', '--format', 'json'],
    folder,
  );
  const rows = JSON.parse(engines.stdout) as { address: string; engine: string }[];
  const of = (address: string) => rows.find((row) => row.address === address)?.engine ?? '';
  assert.match(of('1B-20BT'), /litgpt/i);
  assert.match(of('1B-20BT-8+42BT'), /litgpt/i);
  assert.match(of('1B-20BT-8+42BT-100Kep1'), /trl/i);
  assert.match(of('1B-20BT-8+42BT-100Kep1-100Kep8'), /descent/i);
});
