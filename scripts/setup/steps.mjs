import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { build, isBuilt } from './build.mjs';
import { withLock } from './lock.mjs';
import { inspectPackages, setUpPackages } from './packages.mjs';
import { buildPage, isPageBuilt } from './page.mjs';
import { cacheFolder, packageRoot } from './places.mjs';
import { findTemporal, setUpTemporal } from './temporal.mjs';
import { inspectTensorflow, setUpTensorflow } from './tensorflow.mjs';

/**
 * @typedef {object} Step one part of set-up
 * @property {string} name
 * @property {() => boolean | Promise<boolean>} isDone whether there is nothing to do; changes nothing
 * @property {(progress: import('./progress.mjs').Progress) => Promise<void>} run
 */

/** @type {Step} */
const packages = { name: 'npm packages', isDone: () => inspectPackages().missing.length === 0, run: setUpPackages };

/** @type {Step} */
const temporal = { name: 'Temporal server', isDone: () => findTemporal() !== undefined, run: setUpTemporal };

/** @type {Step} */
const compilation = { name: 'build', isDone: isBuilt, run: build };

/** @type {Step} */
const page = { name: 'page', isDone: isPageBuilt, run: buildPage };

/**
 * @param {import('./tensorflow.mjs').Device} device
 * @returns {Step}
 */
function tensorflow(device) {
  return {
    name: `TensorFlow (${device})`,
    isDone: () => inspectTensorflow(device).missing.length === 0,
    run: (progress) => setUpTensorflow(device, progress),
  };
}

/**
 * @param {import('./tensorflow.mjs').Device[]} devices the devices to train on
 * @returns {Step[]} the parts of set-up, in their order
 */
export function stepsFor(devices) {
  return [packages, ...devices.map(tensorflow), temporal, ...buildSteps];
}

/** The build alone. */
export const buildSteps = [compilation, page];

/**
 * Does what is not done yet, one set-up of a checkout at a time.
 *
 * @param {Step[]} steps
 * @param {import('./progress.mjs').Progress} progress
 * @returns {Promise<string[]>} the names of the steps that did something
 * @throws {import('./failure.mjs').SetupFailure}
 */
export async function runSteps(steps, progress) {
  if (await allDone(steps)) return [];
  /** @type {string[]} */
  const done = [];
  await withLock(checkoutLock(), progress.update, async () => {
    for (const step of steps) {
      if (await step.isDone()) continue;
      await step.run(progress);
      done.push(step.name);
    }
  });
  return done;
}

/** @param {Step[]} steps */
async function allDone(steps) {
  for (const step of steps) {
    if (!(await step.isDone())) return false;
  }
  return true;
}

/** In the cache, because npm empties node_modules and the checkout is the user's. */
function checkoutLock() {
  const digest = createHash('sha256').update(packageRoot).digest('hex').slice(0, 12);
  return join(cacheFolder(), 'locks', `checkout-${digest}.lock`);
}
