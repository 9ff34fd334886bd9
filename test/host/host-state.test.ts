import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { recordProcess } from '../../activities/processes.ts';
import { type HostState, readHostState, stateWriter } from '../../cli/host-state.ts';

test('a state of the host that could not be written keeps none that comes after it from being written', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'descent-test-'));
  t.after(() => rm(home, { recursive: true }));
  const host = recordProcess(process.pid);
  assert.ok(host);
  const state: HostState = {
    state: 'starting',
    machine: 'here',
    host,
    address: '',
    uiAddress: '',
    metricsPort: null,
    server: null,
    worker: null,
    startedAt: '2026-01-01T00:00:00Z',
  };
  const write = stateWriter(home);
  // Nothing can be put in its place, whoever writes.
  await mkdir(join(home, 'host.json', 'in-the-way'), { recursive: true });
  await assert.rejects(write(state));
  await rm(join(home, 'host.json'), { recursive: true });
  await write({ ...state, state: 'running' });
  assert.equal((await readHostState(home))?.state, 'running');
});
