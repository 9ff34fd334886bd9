// What a GPU runs, compiled by XLA from the same graphs, agrees with the CPU's own kernels: on a CPU, where compiling the
// step takes XLA the better part of ten seconds each time.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { testGpu } from '../../cli/gpu-test.ts';
import { gpuEnvironment } from '../../trainer/tensorflow.ts';
import { tiny } from '../trainer/support.ts';

test('a step that XLA compiles agrees with one that it does not, and gives the same bytes again', async (t) => {
  const dump = await mkdtemp(join(tmpdir(), 'descent-xla-'));
  t.after(() => rm(dump, { recursive: true, force: true }));
  const shape = { ...tiny, layers: 1, hidden: 64, ffn: 176, context: 64 };
  const size = { architecture: shape, sequences: 4, warmup: 1, updates: 7 };
  const env = {
    ...gpuEnvironment,
    TF_XLA_FLAGS: `${gpuEnvironment.TF_XLA_FLAGS} --tf_xla_cpu_global_jit`,
    XLA_FLAGS: `${gpuEnvironment.XLA_FLAGS} --xla_dump_to=${dump}`,
  };
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
  const given = (await readdir(dump)).filter((name) => name.endsWith('before_optimizations.txt'));
  assert.ok(given.length > 0);
  for (const name of given) {
    const program = await readFile(join(dump, name), 'utf8');
    assert.doesNotMatch(program, /\bscatter\(/, 'a loop over all rows on a GPU, where sums are to be deterministic');
  }
  assert.ok(speeds.every(({ firstSeconds }) => firstSeconds > 0));
});
