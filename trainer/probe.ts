// A program: multiplies two matrices in a process of its own and prints a line of JSON about it, for `descent doctor`.
import { hasBfloat16Units } from './graph/bfloat16-units.ts';
import { loadTensorFlow } from './tensorflow.ts';

const size = 64;
const { tf, device, version, fallback } = await loadTensorFlow(process.argv[2] === 'gpu' ? 'gpu' : 'cpu');

// Row i holds i, column j holds j: their product holds size · i · j, exactly, since it is below 2^24.
const rows = tf.tile(tf.range(0, size).reshape([size, 1]), [1, size]);
const columns = tf.tile(tf.range(0, size).reshape([1, size]), [size, 1]);
const product = await tf.matMul(rows, columns).data();
const correct = product.every((value, index) => value === size * Math.floor(index / size) * (index % size));

process.stdout.write(`${JSON.stringify({ device, version, fallback, correct, bfloat16: hasBfloat16Units(device) })}\n`);
