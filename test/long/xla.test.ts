// What a GPU runs, compiled by XLA from the same graphs, agrees with the CPU's own kernels: on a CPU, where compiling the
// step takes XLA the better part of ten seconds each time.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testGpu } from '../../cli/gpu-test.ts';
import { gpuEnvironment } from '../../trainer/tensorflow.ts';
import { tiny } from '../trainer/support.ts';

test('a step that XLA compiles agrees with one that it does not, and gives the same bytes again', async () => {
  const shape = { ...tiny, hidden: 64, ffn: 176, context: 64 };
  const size = { architecture: shape, sequences: 4, warmup: 1, updates: 7 };
  const env = { ...gpuEnvironment, TF_XLA_FLAGS: `${gpuEnvironment.TF_XLA_FLAGS} --tf_xla_cpu_global_jit` };
  const { checks, speeds } = await testGpu({
    subject: { device: 'cpu', env },
    reference: { device: 'cpu' },
    precisions: ['float32', 'bfloat16'],
    small: size,
    large: { ...size, product: 64 },
    watch: () => ({ end: async () => null }),
    tell: () => undefined,
  });
  assert.deepEqual(
    checks.filter(({ status }) => status !== 'ok'),
    [],
  );
  assert.doesNotMatch(checks[0]?.found ?? '', /within 0\.0e\+0/, 'other arithmetic, or XLA did not compile it');
  assert.match(checks[4]?.found ?? '', /how busy the GPU was is not known/);
  assert.ok(speeds.every(({ firstSeconds }) => firstSeconds > 0));
});
