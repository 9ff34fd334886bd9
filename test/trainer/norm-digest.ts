/** Prints the bits of a gradient's norm: for adamw.test.ts, in a process of its own. */
import { adamw } from '../../trainer/adamw.ts';
import { parameterFrom } from '../../trainer/parameters.ts';
import { random } from '../../trainer/random.ts';
import { tf } from '../../trainer/tf.ts';

const { normal } = random(1, 'gradients');
const gradients = Object.fromEntries(
  ['one', 'other'].map((name) => [name, tf.tensor1d(Float32Array.from({ length: 650_000 }, normal))]),
);
const parameters = Object.fromEntries(
  Object.entries(gradients).map(([name, { size, shape }]) => [name, parameterFrom(new Float32Array(size), shape)]),
);
const norm = adamw(parameters, { betas: [0.9, 0.95], weightDecay: 0, clip: 0 }).update(gradients, 0);
process.stdout.write(Buffer.from(Float32Array.of(norm).buffer).toString('hex'));
