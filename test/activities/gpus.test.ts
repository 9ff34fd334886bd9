import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { shareGpus } from '../../activities/gpus.ts';
import { startTrainer } from '../../activities/trainer.ts';
import { isGpuClass } from '../../schemas/device-class.ts';

test('each training has the GPU that the fewest have, of those that the worker was given', () => {
  const take = shareGpus({ CUDA_VISIBLE_DEVICES: '3, GPU-8a' });
  const [first, second, third] = [take(), take(), take()];
  const seen = [first, second, third].map(({ env }) => env.CUDA_VISIBLE_DEVICES);
  assert.deepEqual(seen, ['3', 'GPU-8a', '3'], 'shared only where there are more trainings than GPUs');
  second.release();
  second.release();
  assert.equal(take().env.CUDA_VISIBLE_DEVICES, 'GPU-8a', 'free again, and once');
  assert.equal(take().env.CUDA_VISIBLE_DEVICES, 'GPU-8a');
});

test('a training of several processes has as many GPUs, and none where there are fewer', () => {
  const take = shareGpus({});
  const ids = ['0', '1', '2', '3'];
  const [first, second] = [take(ids, 2), take(ids, 2)];
  assert.deepEqual(
    [first, second].map(({ env }) => env.CUDA_VISIBLE_DEVICES),
    ['0,1', '2,3'],
  );
  second.release();
  assert.equal(take(ids, 2).env.CUDA_VISIBLE_DEVICES, '2,3', 'free again');
  assert.throws(() => take(['0'], 2), { kind: 'no-launcher', message: /is to have 2 GPUs, and there are 1 for it/ });
  assert.deepEqual(take([], 2).env, {}, 'where there are none, processors do');
});

test('classes that name GPUs have these, and others share what is left of them', () => {
  const take = shareGpus({});
  const large = take(['0', '1']);
  assert.deepEqual(large.env, { CUDA_VISIBLE_DEVICES: '0', CUDA_DEVICE_ORDER: 'PCI_BUS_ID' }, 'as nvidia-smi counts');
  assert.equal(take(['0', '2']).env.CUDA_VISIBLE_DEVICES, '2');
});

test('where GPUs are hidden none is handed out, and CUDA looks no further than the first entry that is none', () => {
  assert.deepEqual(shareGpus({ CUDA_VISIBLE_DEVICES: '-1' })().env, {});
  assert.deepEqual(shareGpus({ CUDA_VISIBLE_DEVICES: '' })().env, {});
  const take = shareGpus({ CUDA_VISIBLE_DEVICES: '1,-1,2' });
  assert.deepEqual(
    [take(), take()].map(({ env }) => env.CUDA_VISIBLE_DEVICES),
    ['1', '1'],
  );
});

test('a class is one of GPUs by its name', () => {
  const names = ['gpu', 'gpu-h100', 'cpu', 'gpus', 'my-gpu'];
  assert.deepEqual(names.filter(isGpuClass), ['gpu', 'gpu-h100']);
});

test('a trainer finds its GPU in its environment', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'descent-gpus-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const { ended } = await startTrainer({
    command: [process.execPath, '-e', 'console.error(process.env.CUDA_VISIBLE_DEVICES)'],
    jobPath: 'job.json',
    folder,
    execution: 1,
    stopSeconds: 1,
    env: shareGpus({})(['GPU-8a']).env,
    onEvent: () => undefined,
  });
  assert.deepEqual((await ended).lastLines, ['GPU-8a']);
});
