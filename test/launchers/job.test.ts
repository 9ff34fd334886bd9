import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { launchPath, readEnd, writeLaunch } from '../../activities/launchers/notes.ts';
import { leasePath, takeLease } from '../../store/lease.ts';
import { packageRoot, temporaryFolder } from '../cli/support.ts';

const program = join(packageRoot, 'dist', 'activities', 'launchers', 'main.js');
const keys = { OPENAI_BASE_URL: 'http://127.0.0.1:1', OPENAI_API_KEY: 'sk-secret' };

/** The environment that a trainer finds in a cluster's job, which has the endpoint's keys, and all that the job leaves. */
async function environmentIn(folder: string, job: object): Promise<{ found: NodeJS.ProcessEnv; left: string }> {
  mkdirSync(folder);
  const taken = await takeLease(folder);
  const [jobPath, shown] = [join(folder, 'job.json'), join(folder, 'shown.json')];
  writeFileSync(jobPath, JSON.stringify({ ...job, lease: { path: leasePath(folder), token: taken?.lease.token } }));
  const show = `require('node:fs').writeFileSync(${JSON.stringify(shown)}, JSON.stringify(process.env))`;
  const command = [process.execPath, '-e', show];
  const named = { name: 'x', task: 0 };
  writeLaunch({ command, jobPath, folder, execution: 1, stopSeconds: 5, job: named, device: 'cluster' });
  const child = spawn(process.execPath, [program, launchPath(folder, 1)], {
    env: { ...process.env, ...keys, HF_TOKEN: 'hf-secret' },
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: 30_000,
  });
  assert.deepEqual(await once(child, 'exit'), [0, null]);
  const notes = [readFileSync(launchPath(folder, 1), 'utf8'), readFileSync(jobPath, 'utf8')];
  return {
    found: JSON.parse(readFileSync(shown, 'utf8')),
    left: [...notes, JSON.stringify(readEnd(folder, 1))].join('\n'),
  };
}

test("a job hands the endpoint's key to the trainer of a stage that asks one, to no other, and to no file", async (t) => {
  const folder = await temporaryFolder(t);
  const asks = await environmentIn(join(folder, 'asks'), { type: 'generate', recipe: { endpoint: { model: 'x' } } });
  assert.deepEqual([asks.found.OPENAI_API_KEY, asks.found.OPENAI_BASE_URL], ['sk-secret', keys.OPENAI_BASE_URL]);
  const trains = await environmentIn(join(folder, 'trains'), { type: 'pretrain', recipe: {} });
  assert.deepEqual([trains.found.OPENAI_API_KEY, trains.found.OPENAI_BASE_URL], [undefined, undefined]);
  for (const { found, left } of [asks, trains]) {
    assert.equal(found.HF_TOKEN, undefined);
    assert.match(left, /"code":0/);
    assert.doesNotMatch(left, /secret/);
  }
});
