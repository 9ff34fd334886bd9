import assert from 'node:assert/strict';
import { mkdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { latestCheckpoint } from '../../store/checkpoint.ts';
import { leaveCheckpoint, temporaryHome } from './support.ts';

test('the newest whole checkpoint is the one to go on from', async (t) => {
  const folder = await temporaryHome(t);
  assert.equal(latestCheckpoint(folder), undefined);
  await leaveCheckpoint(folder, 90);
  const path = await leaveCheckpoint(folder, 1_000_000);
  assert.deepEqual(latestCheckpoint(folder), { step: 1_000_000, path });
});

test('half-written checkpoints are passed over', async (t) => {
  const folder = await temporaryHome(t);
  const whole = await leaveCheckpoint(folder, 10);
  const damage: ((path: string) => Promise<unknown>)[] = [
    (path) => rm(join(path, 'state.json')),
    (path) => truncate(join(path, 'state.json'), 3),
    (path) => rm(join(path, 'model.safetensors')),
    (path) => truncate(join(path, 'model.safetensors'), 5),
    (path) => truncate(join(path, 'model.safetensors'), 30),
    (path) => truncate(join(path, 'optimizer.safetensors'), 60),
    (path) => writeFile(join(path, 'optimizer.safetensors'), Buffer.alloc(200, 0xff)),
    (path) => rename(path, `${path}.tmp`),
  ];
  for (const [index, harm] of damage.entries()) {
    await harm(await leaveCheckpoint(folder, 20 + index));
    assert.deepEqual(latestCheckpoint(folder), { step: 10, path: whole }, `damage ${index}`);
  }
  await mkdir(join(folder, 'checkpoints', 'step-999999'));
  await writeFile(join(folder, 'checkpoints', 'step-888888'), '');
  assert.deepEqual(latestCheckpoint(folder), { step: 10, path: whole });
});
