import { findCompiler } from './compiler.mjs';
import { SetupFailure } from './failure.mjs';
import { findGpus } from './gpu.mjs';
import { isNodeSupported, minimumNode } from './node.mjs';
import { inspectPackages } from './packages.mjs';
import { findPython } from './python.mjs';
import { findTemporal } from './temporal.mjs';
import { inspectTensorflow } from './tensorflow.mjs';

/**
 * @typedef {object} Check one thing that Descent needs
 * @property {string} name
 * @property {'ok' | 'warning' | 'missing'} status `warning`: Descent works without it, or still works
 * @property {string} found what is there, which version, where
 * @property {string} [remedy] what to do about it, unless it is ok
 */

const setUp = 'run `npm run setup`';

/**
 * What is there of all that set-up provides and needs, without changing anything or using the network.
 *
 * @returns {Promise<Check[]>}
 */
export async function inspectSetup() {
  const gpus = findGpus();
  const runtime = checkTensorflow('cpu');
  const accelerated = gpus.length === 0 ? [] : [checkTensorflow('gpu')];
  const temporal = checkTemporal();
  const toDo = [runtime, ...accelerated, temporal].some(({ status }) => status === 'missing');
  return [
    checkNode(),
    checkPackages(),
    await checkTool('Python with pip', findPython, toDo),
    await checkTool('C++ compiler', findCompiler, toDo),
    runtime,
    { name: 'GPU', status: 'ok', found: gpus.join(', ') || 'none; training uses the CPU' },
    ...accelerated,
    temporal,
  ];
}

/** @returns {Check} */
function checkNode() {
  const found = `${process.version} at ${process.execPath}`;
  return isNodeSupported()
    ? { name: 'Node', status: 'ok', found }
    : { name: 'Node', status: 'missing', found, remedy: `install Node ${minimumNode} or later (https://nodejs.org)` };
}

/** @returns {Check} */
function checkPackages() {
  const name = 'npm packages';
  const { packages, missing } = inspectPackages();
  if (missing.length > 0) {
    const some = missing.slice(0, 3).join(', ') + (missing.length > 3 ? ', …' : '');
    return { name, status: 'missing', found: `${missing.length} of ${packages} missing: ${some}`, remedy: setUp };
  }
  return {
    name,
    status: 'ok',
    found: packages === 0 ? 'installed with Descent' : `${packages}, as in package-lock.json`,
  };
}

/**
 * @param {import('./tensorflow.mjs').Device} device
 * @returns {Check}
 */
function checkTensorflow(device) {
  const name = `TensorFlow runtime (${device})`;
  const { version, libraries, missing } = inspectTensorflow(device);
  return missing.length === 0
    ? { name, status: 'ok', found: `${version} at ${libraries}` }
    : {
        name,
        status: 'missing',
        found: `no ${missing.join(', no ')} of TensorFlow ${version}`,
        remedy: device === 'gpu' ? 'run `npm run setup -- --device gpu`' : setUp,
      };
}

/** @returns {Check} */
function checkTemporal() {
  const name = 'Temporal server';
  const temporal = findTemporal();
  return temporal === undefined
    ? { name, status: 'missing', found: 'none on PATH, none fetched', remedy: setUp }
    : { name, status: 'ok', found: `${temporal.version} at ${temporal.path} (from ${temporal.origin})` };
}

/**
 * @param {string} name
 * @param {() => Promise<{path: string, version: string}>} find
 * @param {boolean} needed whether set-up has something left to do with it
 * @returns {Promise<Check>}
 */
async function checkTool(name, find, needed) {
  try {
    const { path, version } = await find();
    return { name, status: 'ok', found: `${version} at ${path}` };
  } catch (error) {
    if (!(error instanceof SetupFailure)) throw error;
    const found = needed ? error.message : `${error.message}; nothing is left to set up, so it is not needed now`;
    return { name, status: needed ? 'missing' : 'warning', found, remedy: error.remedy };
  }
}
