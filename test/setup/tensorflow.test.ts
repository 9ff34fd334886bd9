// The TensorFlow that set-up built, loaded as the trainer loads it: in processes of their own.
import assert from 'node:assert/strict';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { greeting } from '../../activities/events.ts';
import { packageRoot, runNode, temporaryFolder } from './support.ts';

const compiled = (name: string) => join(packageRoot, 'dist', 'trainer', name);
const loader = JSON.stringify(pathToFileURL(compiled('tensorflow.js')).href);

/** On processors that oneDNN has something for, TensorFlow says so before it looks at what it was told. */
function withoutGreeting(text: string): string {
  return text
    .split('\n')
    .filter((line) => !greeting.test(line))
    .join('\n');
}

test('it multiplies right, and says nothing on standard error', async () => {
  const { status, stdout, stderr } = await runNode([compiled('probe.js'), 'cpu']);
  assert.equal(withoutGreeting(stderr), '');
  const { bfloat16, ...found } = JSON.parse(stdout);
  assert.deepEqual(found, { device: 'cpu', version: '2.21.0', fallback: null, correct: true });
  assert.equal(typeof bfloat16, 'boolean', 'whether this processor has units for bfloat16');
  assert.equal(status, 0);
});

/** Some hundred kilobytes of float arithmetic with gradients, hashed. */
const arithmetic = (threads: number) => `
  import { createHash } from 'node:crypto';
  import { loadTensorFlow } from ${loader};
  const { tf } = await loadTensorFlow('cpu', ${threads});
  const loss = (x) => tf.logSoftmax(tf.matMul(x, x, false, true).mul(0.01)).mean();
  let x = tf.randomNormal([256, 192], 0, 1, 'float32', 7);
  for (let step = 0; step < 3; step++) x = tf.concat([tf.sub(x, tf.grad(loss)(x))]);
  console.log(createHash('sha256').update(new Uint8Array((await x.data()).buffer)).digest('hex'));`;

test('the same arithmetic gives the same bytes in every process, with one thread as with two', async () => {
  const digests = [];
  for (const threads of [1, 2, 2]) {
    const { status, stdout, stderr } = await runNode(['--input-type=module', '-e', arithmetic(threads)]);
    assert.equal(withoutGreeting(stderr), '');
    assert.equal(status, 0);
    digests.push(stdout.trim());
  }
  assert.match(digests[0] ?? '', /^[0-9a-f]{64}$/);
  assert.deepEqual(new Set(digests).size, 1);
});

test('a GPU that was asked for is used, or the result says why it is not', async () => {
  const { stdout } = await runNode([compiled('probe.js'), 'gpu']);
  const { device, fallback, correct } = JSON.parse(stdout);
  assert.ok(correct);
  if (device === 'gpu') assert.equal(fallback, null);
  else assert.match(fallback, /^a GPU was asked for and .*: the CPU is used/);
});

test('what the person set in the environment stays', async () => {
  const program = `
    import { loadTensorFlow } from ${loader};
    await loadTensorFlow('cpu');
    console.log(process.env.TF_XLA_FLAGS, process.env.TF_CPP_MIN_LOG_LEVEL);`;
  const env = { TF_XLA_FLAGS: '--tf_xla_auto_jit=0', TF_CPP_MIN_LOG_LEVEL: '2' };
  assert.equal((await runNode(['--input-type=module', '-e', program], { env })).stdout, '--tf_xla_auto_jit=0 2\n');
});

test('without its binding it says to run set-up', async (t) => {
  const root = await temporaryFolder(t);
  await cp(join(packageRoot, 'package.json'), join(root, 'package.json'));
  await cp(join(packageRoot, 'scripts', 'setup'), join(root, 'scripts', 'setup'), { recursive: true });
  await mkdir(join(root, 'dist', 'trainer'), { recursive: true });
  await cp(compiled('tensorflow.js'), join(root, 'dist', 'trainer', 'tensorflow.js'));
  await mkdir(join(root, 'node_modules', '@tensorflow', 'tfjs-node'), { recursive: true });
  await writeFile(join(root, 'node_modules', '@tensorflow', 'tfjs-node', 'package.json'), '{"version": "4.22.0"}');
  const program =
    "import('./dist/trainer/tensorflow.js').then((m) => m.loadTensorFlow('cpu')).catch((e) => console.log(e.name, e.message))";
  const { stdout } = await runNode(['-e', program], { cwd: root });
  assert.equal(
    stdout,
    'TensorFlowUnavailable the TensorFlow runtime for the CPU is not set up: run `npm run setup`; `descent doctor` says what is missing\n',
  );
});
