import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { endpointEnvironment, startTrainer } from '../../activities/trainer.ts';
import type { Job } from '../../schemas/types/job.ts';

const secrets = {
  OPENAI_BASE_URL: 'https://endpoint.example/v1',
  OPENAI_API_KEY: 'sk-mine',
  HF_TOKEN: 'hf-mine',
  TEMPORAL_API_KEY: 'temporal-mine',
  AWS_ACCESS_KEY_ID: 'aws-mine',
  AWS_SECRET_ACCESS_KEY: 'aws-secret-mine',
  AWS_SESSION_TOKEN: 'aws-token-mine',
};

/** What of the secrets a trainer of a job finds in its environment. */
async function found(t: TestContext, job: unknown): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), 'descent-environment-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const names = JSON.stringify(Object.keys(secrets));
  const program = `console.error(JSON.stringify(${names}.filter((name) => name in process.env)))`;
  const before = { ...process.env };
  Object.assign(process.env, secrets);
  t.after(() => {
    for (const name of Object.keys(secrets)) delete process.env[name];
    Object.assign(process.env, before);
  });
  const { ended } = await startTrainer({
    command: [process.execPath, '-e', program],
    jobPath: 'job.json',
    folder,
    execution: 1,
    stopSeconds: 1,
    env: endpointEnvironment(job as Job, process.env),
    onEvent: () => undefined,
  });
  return JSON.parse((await ended).lastLines[0] ?? '');
}

test('a trainer that asks an endpoint finds where it is and its key; no other does', async (t) => {
  assert.deepEqual(await found(t, { type: 'sft', recipe: {} }), []);
  assert.deepEqual(await found(t, { type: 'generate', recipe: {} }), []);
  const asking = { type: 'generate', recipe: { endpoint: 'Qwen/Math' } };
  assert.deepEqual(await found(t, asking), ['OPENAI_BASE_URL', 'OPENAI_API_KEY']);
  assert.deepEqual(endpointEnvironment(asking as Job, {}), {});
});
