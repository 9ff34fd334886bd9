import assert from 'node:assert/strict';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { descent, temporaryFolder } from '../cli/support.ts';

/* Every edge of the lineages at full size, none of which a machine of two cores could train. */
for (const name of ['quickstart', 'preferences', 'table3', 'algorithms', 'evolm'])
  test(`${name}.yaml runs whole at toy size, and then has nothing left to run`, { timeout: 1_800_000 }, async (t) => {
    const folder = await temporaryFolder(t);
    await cp(fileURLToPath(new URL(`../../../lineage/${name}.yaml`, import.meta.url)), join(folder, 'lineage.yaml'));
    const smoke = () => descent(['run', 'lineage.yaml', '--smoke', '--plain'], folder);
    const { exitCode, stdout, stderr } = await smoke();
    assert.equal(exitCode, 0, stdout.slice(-10_000) + stderr);
    t.diagnostic(/^done in .*$/m.exec(stdout)?.[0] ?? '');
    const again = await smoke();
    assert.equal(again.exitCode, 0, again.stderr);
    assert.doesNotMatch(again.stdout, / start /);
    const { stdout: real } = await descent(['plan', 'lineage.yaml'], folder);
    assert.doesNotMatch(real, /^(reuse|\d+ nodes: .*reuse)/m, 'of the lineage itself nothing is done');
  });
