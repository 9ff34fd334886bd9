import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ask } from '../../activities/launchers/command.ts';
import { recordProcess } from '../../activities/processes.ts';
import { temporaryFolder } from '../cli/support.ts';
import { until } from '../fixtures/home.ts';

test("a cluster's command is told what it is to read, and what it says is had", async () => {
  const answer = await ask('sh', ['-c', 'cat; echo no >&2; exit 3'], { input: 'manifest' });
  assert.deepEqual(answer, { code: 3, stdout: 'manifest', stderr: 'no' });
});

test('one that does not answer is ended with all that it started, though that holds its output open', async (t) => {
  const pid = join(await temporaryFolder(t), 'pid');
  const script = `sleep 600 & echo $! > '${pid}'; echo asks for a token >&2; wait`;
  const answer = await ask('sh', ['-c', script], { patienceMs: 500 });
  assert.deepEqual(answer, { code: null, stdout: '', stderr: 'sh did not answer within 0.5 s: asks for a token' });
  const other = Number(readFileSync(pid, 'utf8'));
  assert.ok(other > 1);
  await until(() => recordProcess(other) === undefined, 'what it started has ended');
});

test('one that is not there is named, with where to start the worker', async () => {
  const { code, stderr } = await ask('descent-no-such-command', []);
  assert.equal(code, null);
  assert.match(stderr, /^there is no `descent-no-such-command` on this machine: start the worker on one that has /);
});
