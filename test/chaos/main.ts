import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { columns } from '../../cli/render/columns.ts';
import { descent } from '../cli/support.ts';
import { faultKinds } from './faults.ts';
import { besideLineage, chaosConfig, chaosLineage } from './lineage.ts';
import { expectNothingRuns, outcome, weather } from './storm.ts';

// `npm run test:chaos [-- --seed N] [--faults N]`: a lineage of thirty nodes, and one beside it that shares some of them,
// with a hundred faults and more. Each run must end as what happened to it explains. In the end every model must have the
// weights of a run that nothing happened to, byte for byte, every metric row must be there once, and nothing may be left
// running.

const { values } = parseArgs({
  options: { seed: { type: 'string', default: '1' }, faults: { type: 'string', default: '112' } },
});
const [seed, count] = [Number(values.seed), Number(values.faults)];
if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(count) || count < 1)
  throw new Error('--seed and --faults take whole numbers');

const begun = performance.now();
const folder = await mkdtemp(join(tmpdir(), 'descent-chaos-'));
const disk = join(folder, 'disk');
const files = ['chaos.yaml', 'beside.yaml'];
let mounted = false;
try {
  await writeFile(join(folder, 'chaos.yaml'), chaosLineage);
  await writeFile(join(folder, 'beside.yaml'), besideLineage);
  await writeFile(join(folder, 'temporal.config.json'), JSON.stringify(chaosConfig));
  await mkdir(disk);
  mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=768m', 'tmpfs', disk]).status === 0;
  if (!mounted) tell('no disk is filled: this user may not mount one');
  const kinds = faultKinds.filter((kind) => mounted || kind !== 'disk filled');
  tell(`seed ${seed}, ${count} faults`);

  const calm = join(folder, 'calm');
  for (const file of files) {
    const undisturbed = await descent(['run', file, '--plain'], folder, { env: { DESCENT_HOME: calm } });
    assert.equal(undisturbed.exitCode, 0, undisturbed.stdout + undisturbed.stderr);
  }
  tell('the undisturbed runs are done');

  const home = join(disk, 'home');
  const happened = await weather({
    folder,
    files,
    home,
    seed,
    kinds: Array.from({ length: count }, (_, at) => kinds[at % kinds.length] ?? 'trainer killed'),
    ownDisk: mounted,
    calmMs: 2500,
    tell,
  });
  await expectNothingRuns(home);
  assert.deepEqual(await outcome(home), await outcome(calm));
  const rows = faultKinds.map((kind) => [kind, String(happened.get(kind) ?? 0)]);
  process.stdout.write(`\n${columns([['fault', 'times'], ...rows], ['left', 'right'])}\n\n`);
  tell('the same weights and rows, and nothing is left running');
} finally {
  if (mounted) spawnSync('umount', ['-l', disk]);
  // What was left by a storm that failed takes a moment to end.
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 });
}

function tell(text: string): void {
  const seconds = ((performance.now() - begun) / 1000).toFixed(0).padStart(5);
  process.stdout.write(`${seconds} s  ${text}\n`);
}
