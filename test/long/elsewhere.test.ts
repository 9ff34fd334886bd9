import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type ProcessRecord, recordProcess } from '../../activities/processes.ts';
import { type HostState, hostFolder, readHostState } from '../../cli/host-state.ts';
import { lockHolder } from '../../cli/lock.ts';
import { binary, descent, smallLineage, writeLineage } from '../cli/support.ts';
import { type TestHome, testHome, until } from '../fixtures/home.ts';

/*
 * Two machines that share a home and no Temporal: only one of them at a time has the home's own server. `desk` runs
 * `descent up`.
 */

let home: TestHome;
let up: ChildProcess;

before(async () => {
  home = await testHome({ heartbeatSeconds: 2 });
  await writeLineage(home.folder, smallLineage);
  up = startUp();
  await until(async () => isDesks(await readHostState(home.home)), 'the host runs');
});

after(async () => {
  up.kill('SIGKILL');
  await home.remove();
});

function startUp(): ChildProcess {
  return spawn(process.execPath, [binary, 'up'], { cwd: home.folder, env: on('desk'), stdio: 'ignore' });
}

function isDesks(state: HostState | undefined): boolean {
  return state?.machine === 'desk' && state.state === 'running';
}

function on(machine: string): NodeJS.ProcessEnv {
  return { ...home.env, DESCENT_MACHINE: machine, DESCENT_HOME: home.home };
}

describe('while a home has its server on one machine, another', () => {
  test('starts none, and says where it is and what to do', async () => {
    const before = await readHostState(home.home);
    const { exitCode, stderr } = await descent(['run', 'lineage.yaml'], home.folder, { env: on('laptop') });
    assert.equal(exitCode, 1);
    assert.match(
      stderr,
      /^error: the Temporal server of \S+ runs on another machine, desk\n {2}hint: .*TEMPORAL_ADDRESS/,
    );
    assert.deepEqual(await readHostState(home.home), before);
    assert.equal(before?.machine, 'desk');
  });

  test('removes nothing, and rebuilds nothing', async () => {
    const { exitCode, stderr } = await descent(['gc', '--apply'], home.folder, { env: on('laptop') });
    assert.equal(exitCode, 1);
    assert.match(stderr, /^error: nothing is removed while the Temporal server of \S+ runs on another machine, desk\n/);
  });
});

describe('when that machine', () => {
  test('was lost, another takes over after it has watched for some seconds, and gives the home back when it ends', async () => {
    const state = await readHostState(home.home);
    for (const record of [up, state?.host, state?.worker, state?.server]) process.kill(record?.pid ?? 0, 'SIGKILL');
    const { exitCode, stderr } = await descent(['run', 'lineage.yaml'], home.folder, { env: on('laptop') });
    assert.equal(exitCode, 0, stderr);
    assert.equal((await readHostState(home.home))?.machine, 'laptop');
    assert.equal(await lockHolder(hostFolder(home.home)), undefined);
  });

  test('wakes and finds that another took over, its server ends', async () => {
    up = startUp();
    await until(async () => isDesks(await readHostState(home.home)), 'the host runs');
    const process = recordProcess(up.pid ?? 0) as ProcessRecord;
    await writeFile(join(hostFolder(home.home), 'lock-1000'), JSON.stringify({ machine: 'laptop', process }));
    up.kill('SIGKILL');
    await home.nothingLeft();
    assert.ok(isDesks(await readHostState(home.home)), 'what the other wrote meanwhile would be left alone');
  });
});
