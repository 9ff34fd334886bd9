import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { chaosConfig } from '../chaos/lineage.ts';
import { expectNothingRuns, outcome, weather } from '../chaos/storm.ts';
import { temporaryFolder } from '../cli/support.ts';
import { manifests, runToEnd, tinyLineage } from '../lineage/support.ts';

/*
 * Whatever happens to a lineage, its models must have the weights of a run that nothing happened to, byte for byte, each
 * row of its curves must be there once, and nothing may be left running. `npm run test:chaos` does more of it.
 */
describe('a lineage', () => {
  let undisturbed: Awaited<ReturnType<typeof outcome>>;

  it('trains nothing, and starts no server, when it is run again', { timeout: 900_000 }, async (t) => {
    const { file, home } = await lineage(t);
    await runToEnd(t, file, home, 1);
    const made = await manifests(home);
    const again = await runToEnd(t, file, home, 1);
    assert.doesNotMatch(again, /"event":"(connected|started)"/);
    assert.deepEqual(await manifests(home), made);
    undisturbed = await outcome(home);
    assert.deepEqual(Object.keys(undisturbed.weights).sort(), ['base', 'mid', 'rl', 'tuned']);
    await expectNothingRuns(home);
  });

  it('ends in the same weights and rows, whatever is killed, stopped or damaged', { timeout: 900_000 }, async (t) => {
    const { folder, file, home } = await lineage(t);
    const happened = await weather({
      folder,
      files: [file],
      home,
      seed: 1,
      kinds: ['worker killed', 'host killed', 'checkpoint cut off', 'artifact changed'],
      ownDisk: false,
      calmMs: 1000,
      tell: (text) => t.diagnostic(text),
    });
    assert.ok(happened.size >= 4, [...happened.keys()].join(', '));
    assert.deepEqual(await outcome(home), undisturbed);
    await expectNothingRuns(home);
  });
});

async function lineage(t: TestContext): Promise<{ folder: string; file: string; home: string }> {
  const folder = await temporaryFolder(t);
  const file = join(folder, 'tiny.yaml');
  await writeFile(file, tinyLineage);
  await writeFile(join(folder, 'temporal.config.json'), JSON.stringify(chaosConfig));
  return { folder, file, home: join(folder, 'home') };
}
