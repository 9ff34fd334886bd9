// Sets Descent up: npm packages, TensorFlow, the Temporal server, the build. What is there already is left alone.
import { parseArgs } from 'node:util';
import { runCommand } from './setup/command.mjs';
import { SetupFailure } from './setup/failure.mjs';
import { findGpu } from './setup/gpu.mjs';
import { isNodeSupported, minimumNode } from './setup/node.mjs';
import { runSteps, stepsFor } from './setup/steps.mjs';
import { findTemporal } from './setup/temporal.mjs';
import { isAvailable } from './setup/tensorflow.mjs';
import { pinned } from './setup/wheels.mjs';

const usage = `Usage: npm run setup -- [--device auto|cpu|gpu] [--debug]

Installs the npm packages, fetches TensorFlow ${pinned.tensorflow.version} and, where none is installed, the Temporal server, and compiles
the sources. Afterwards nothing needs the network.

  --device   what to train on; auto (the default, or DESCENT_DEVICE) sets up the GPU where there is an NVIDIA one
  --debug    show what is underneath a failure`;

await runCommand(async (progress) => {
  const start = performance.now();
  const { device, help } = readArguments();
  if (help) return console.log(usage);
  if (!isNodeSupported()) {
    throw new SetupFailure(
      `Descent needs Node ${minimumNode} or later; this is ${process.version}`,
      'install it from https://nodejs.org',
    );
  }
  const gpu = findGpu();
  const withGpu = device === 'gpu' ? isAvailable('gpu') : device === 'auto' && gpu !== undefined;
  /** @type {import('./setup/tensorflow.mjs').Device[]} */
  const devices = withGpu ? ['cpu', 'gpu'] : ['cpu'];
  const done = await runSteps(stepsFor(devices), progress);
  if (device === 'gpu' && gpu === undefined) {
    progress.say('this machine has no GPU that TensorFlow can use: training uses the CPU');
  }
  const temporal = findTemporal();
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  progress.say(
    `set-up: ${done.length === 0 ? 'nothing to do' : `did ${done.join(', ')}`} (${seconds} s); TensorFlow ${pinned.tensorflow.version} for ${devices.join(' and ')}, Temporal ${temporal?.version} at ${temporal?.path}`,
  );
});

/** @returns {{device: 'auto' | 'cpu' | 'gpu', help: boolean}} */
function readArguments() {
  const options = /** @type {const} */ ({
    device: { type: 'string' },
    debug: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  });
  let values;
  try {
    ({ values } = parseArgs({ options }));
  } catch (error) {
    throw new SetupFailure(error.message, usage, error);
  }
  const device = values.device ?? process.env.DESCENT_DEVICE ?? 'auto';
  if (device !== 'auto' && device !== 'cpu' && device !== 'gpu') {
    throw new SetupFailure(`there is no device "${device}"`, 'say --device auto, cpu or gpu');
  }
  return { device, help: values.help ?? false };
}
