import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { connectClient } from '../../../cli/connect.ts';
import { startOrJoinHost } from '../../../cli/host.ts';
import { cancelLineage, lineageEnd } from '../../../cli/lineages.ts';
import type { Plan } from '../../../planner/plan.ts';
import { findArtifact, inspectNode } from '../../../store/artifact.ts';
import { packageRoot } from '../../cli/support.ts';
import { testHome, until } from '../../fixtures/home.ts';
import { smallPlan } from '../../fixtures/plans.ts';

const python = process.env.DESCENT_PYTHON;
const skip = python === undefined && 'DESCENT_PYTHON names no Python with torch';

test('a training of two processes saves when it is cancelled, and goes on, as one would', {
  skip,
  timeout: 300_000,
}, async (t) => {
  const launcher = { torchrun: { processes: 2, program: [python ?? '', '-m', 'torch.distributed.run'] } };
  const device = { slots: 1, threads: 1 };
  const marks = await testHome();
  t.after(() => marks.remove());
  const trainer = [python ?? '', join(packageRoot, 'test', 'launchers', 'real', 'torchrun.py'), marks.folder];
  const home = await testHome({ trainer, stopSeconds: 20, devices: { several: { ...device, launcher } } });
  t.after(() => home.remove());
  const host = await startOrJoinHost(home.home, { cwd: home.folder, env: home.env, lineages: 'all' });
  const connected = await connectClient(host.server);
  t.after(async () => {
    await connected.close();
    await host.release();
    await home.nothingLeft();
  });
  const plan = (name: string) => smallPlan(name, [{ address: `tokenizer:${name}`, type: 'tokenizer' }]);
  const keyOf = (of: Plan) => of.nodes[0]?.key ?? '';
  const modelOf = async (of: Plan) =>
    readFileSync(join((await findArtifact(home.home, keyOf(of)))?.folder ?? '', 'model', 'state.json'), 'utf8');
  const starts = (rank: number) =>
    readFileSync(join(marks.folder, `process-${rank}`), 'utf8')
      .trim()
      .split('\n');

  assert.equal((await lineageEnd(await home.run(connected, plan('whole')))).state, 'done');
  assert.deepEqual(
    [0, 1].map(starts).map((lines) => lines[0]?.replace(/^\d+/, '')),
    [' of 2', ' of 2'],
  );

  writeFileSync(join(marks.folder, 'hold'), '');
  const handle = await home.run(connected, plan('stopped'));
  await until(() => starts(1).length === 2, 'it runs');
  const folder = join(home.home, 'store', keyOf(plan('stopped')), 'attempt-1');
  await until(
    () => readFileSync(join(folder, 'events.jsonl'), 'utf8').includes('"step": 3'),
    'it has done three steps',
  );
  await cancelLineage(handle);
  await until(() => inspectNode(home.home, keyOf(plan('stopped'))).state === 'partial', 'it has saved');
  assert.deepEqual(inspectNode(home.home, keyOf(plan('stopped'))), { state: 'partial', attempt: 1, step: 3 });
  rmSync(join(marks.folder, 'hold'));
  assert.equal((await lineageEnd(await home.run(connected, plan('stopped')))).state, 'done');
  assert.equal(await modelOf(plan('stopped')), await modelOf(plan('whole')));
});
