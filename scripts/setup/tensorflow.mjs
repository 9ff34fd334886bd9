import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { mkdir, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { findCompiler } from './compiler.mjs';
import { explainSystemError, SetupFailure } from './failure.mjs';
import { cacheFolder, packageRoot, platform, unsupportedPlatform } from './places.mjs';
import { run } from './processes.mjs';
import { timed } from './progress.mjs';
import { findPython } from './python.mjs';
import { fetchWheel, pinned } from './wheels.mjs';
import { makeFolder } from './whole.mjs';

/** @typedef {'cpu' | 'gpu'} Device */

const { version, wheels } = pinned.tensorflow;

/** The version of Node-API that the binding is built for; every Node that Descent runs on has it. */
const nodeApi = 8;

/** What is compiled with the npm package's own sources: how they are bound, and operators of our own. */
const sources = [
  join(import.meta.dirname, 'binding.cc'),
  ...readdirSync(join(import.meta.dirname, 'kernels'))
    .sort()
    .map((name) => join(import.meta.dirname, 'kernels', name)),
];

/**
 * How: without errno a square root is an instruction. A product and a sum become one where the processor has that, so one
 * kind of processor has other last bits than another, as in TensorFlow's own products.
 */
const compilerFlags = ['-O3', '-fno-math-errno', '-fPIC', '-shared', '-std=c++17', `-DNAPI_VERSION=${nodeApi}`];

/** Names what the binding is built from, so that none that was built from something else is taken for it. */
const build = sources
  .reduce((hash, path) => hash.update(readFileSync(path)), createHash('sha256').update(compilerFlags.join(' ')))
  .digest('hex')
  .slice(0, 12);

const libraryNames =
  process.platform === 'darwin'
    ? ['libtensorflow_cc.2.dylib', 'libtensorflow_framework.2.dylib']
    : ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];

/** Of the TensorFlow wheel: the C API's two libraries, and the headers that the binding includes. */
const wantedOfTensorflow = [
  'tensorflow/libtensorflow_(cc|framework)\\.(so\\.2|2\\.dylib)',
  'tensorflow/include/tensorflow/c/(c_api|c_api_macros|tf_attrtype|tf_buffer|tf_datatype|tf_status|tf_tensor|tf_tstring)\\.h',
  'tensorflow/include/tensorflow/c/eager/c_api\\.h',
  'tensorflow/include/(tensorflow/core|tsl)/platform/ctstring(_internal)?\\.h',
  'tensorflow/include/xla/tsl/c/tsl_status\\.h',
].join('|');

/** Of NVIDIA's wheels: libraries, and the tools that XLA calls. They lie beside `tensorflow/`, where its RUNPATH looks. */
const wantedOfNvidia = 'nvidia/[^/]+/(lib|bin|nvvm)/.*';

/**
 * @param {Device} device
 * @returns {boolean} whether there is a TensorFlow for this platform and device
 */
export function isAvailable(device) {
  return `${platform}-${device}` in wheels;
}

/**
 * What there is of the TensorFlow runtime, without changing anything.
 *
 * @param {Device} device
 * @returns {{version: string, libraries: string, binding: string, link: string, missing: ('package' | 'libraries' | 'binding' | 'link')[]}}
 *   the folder of the libraries, the binding built on them, the place where the npm package looks for it, and which of
 *   these are missing
 */
export function inspectTensorflow(device) {
  const libraries = join(cacheFolder(), `tensorflow-${version}-${platform}-${device}`, 'tensorflow');
  const tfjs = findTfjsNode(device);
  const binding = join(
    cacheFolder(),
    `tfjs-node-${tfjs?.version}-napi-${nodeApi}-tensorflow-${version}-${platform}-${device}-build-${build}`,
    'tfjs_binding.node',
  );
  const link = join(tfjs?.folder ?? '', 'lib', `napi-v${nodeApi}`, 'tfjs_binding.node');
  /** @type {('package' | 'libraries' | 'binding' | 'link')[]} */
  const missing = [];
  if (tfjs === undefined) missing.push('package');
  if (!libraryNames.every((name) => existsSync(join(libraries, name)))) missing.push('libraries');
  if (!existsSync(binding)) missing.push('binding');
  if (!existsSync(link) || !existsSync(binding) || realpathSync(link) !== realpathSync(binding)) missing.push('link');
  return { version, libraries, binding, link, missing };
}

/**
 * Fetches TensorFlow, builds the binding of @tensorflow/tfjs-node (or -gpu) on it, and puts it where that package
 * requires it.
 *
 * @param {Device} device
 * @param {import('./progress.mjs').Progress} progress
 * @throws {SetupFailure}
 */
export async function setUpTensorflow(device, progress) {
  const { libraries, binding, link } = inspectTensorflow(device);
  const tfjs = findTfjsNode(device);
  if (tfjs === undefined) {
    throw new SetupFailure(`@tensorflow/${packageName(device)} is not installed`, 'run `npm install`');
  }
  await fetchLibraries(device, dirname(libraries), progress);
  await buildBinding(device, tfjs.folder, { libraries, binding }, progress);
  await placeLink(binding, link);
}

/**
 * @param {Device} device
 * @param {string} target
 * @param {import('./progress.mjs').Progress} progress
 */
async function fetchLibraries(device, target, progress) {
  const isWhole = () => !inspectTensorflow(device).missing.includes('libraries');
  if (isWhole()) return;
  const [tensorflow, ...nvidia] = wheels[`${platform}-${device}`] ?? [];
  if (tensorflow === undefined || isMusl()) {
    const platforms = Object.keys(wheels).filter((key) => key.endsWith(`-${device}`));
    throw unsupportedPlatform(
      `TensorFlow ${version} (${device})`,
      platforms.map((key) => `${key.slice(0, -`-${device}`.length)}${key.startsWith('linux') ? ' with glibc' : ''}`),
    );
  }
  const { path: python } = await findPython();
  // Libraries unpack to about three times their wheel; pip holds a wheel twice for a moment.
  const bytes = 5 * tensorflow.bytes + 2 * nvidia.reduce((sum, wheel) => sum + wheel.bytes, 0);
  await makeFolder(target, { isWhole, bytes, progress }, async (temporary) => {
    await fetchWheel({ python, wheel: tensorflow, folder: temporary, wanted: wantedOfTensorflow, progress });
    for (const wheel of nvidia) {
      await fetchWheel({ python, wheel, folder: temporary, wanted: wantedOfNvidia, progress });
    }
  });
}

/**
 * Builds the binding from the npm package's own sources and what binding.cc adds to them, and loads it once to see that it
 * works here.
 *
 * @param {Device} device
 * @param {string} tfjsFolder
 * @param {{libraries: string, binding: string}} places
 * @param {import('./progress.mjs').Progress} progress
 */
async function buildBinding(device, tfjsFolder, { libraries, binding }, progress) {
  const isWhole = () => existsSync(binding);
  if (isWhole()) return;
  const compiler = await findCompiler();
  await makeFolder(dirname(binding), { isWhole, bytes: 20e6, progress }, async (temporary) => {
    const output = join(temporary, basename(binding));
    const what = `the binding of Node and TensorFlow ${version}`;
    await timed(progress, [`building ${what}`, `built ${what}`], async () => {
      const args = compilerArguments(device, tfjsFolder, libraries, output);
      const { status, stderr } = await run(compiler.path, args, { cwd: tfjsFolder, timeoutSeconds: 600 });
      if (status !== 0) {
        throw new SetupFailure(
          `${compiler.path} (${compiler.version}) could not build the binding: ${firstError(stderr)}`,
          'install a compiler of C++17 (GCC 8 or Clang 7 and later), or name one with CXX; all it said: `npm run setup -- --debug`',
          stderr,
        );
      }
    });
    await proveBinding(output);
  });
}

/**
 * @param {Device} device
 * @param {string} tfjsFolder
 * @param {string} libraries
 * @param {string} output
 */
function compilerArguments(device, tfjsFolder, libraries, output) {
  const require = createRequire(join(packageRoot, 'package.json'));
  const nodeHeaders = join(dirname(require.resolve('node-api-headers/package.json')), 'include');
  // Relative to the binding, so that neither a moved cache nor an odd character in its path can break it.
  const origin = process.platform === 'darwin' ? '@loader_path' : '$ORIGIN';
  const searchPath = `${origin}/../${basename(dirname(libraries))}/tensorflow`;
  return [
    ...compilerFlags,
    ...(device === 'gpu' ? ['-DDESCENT_GPU'] : []),
    ...['-I', tfjsFolder, '-I', join(libraries, 'include'), '-I', nodeHeaders],
    'binding/tfjs_backend.cc',
    ...sources.filter((path) => path.endsWith('.cc')),
    ...['-o', output],
    ...libraryNames.map((name) => join(libraries, name)),
    `-Wl,-rpath,${searchPath}`,
    ...(process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : []),
  ];
}

/** @param {string} binding */
async function proveBinding(binding) {
  const program = 'process.stdout.write(require(process.argv[1]).TF_Version)';
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3', CUDA_VISIBLE_DEVICES: '-1' };
  const { status, stdout, stderr } = await run(process.execPath, ['-e', program, binding], {
    env,
    timeoutSeconds: 120,
  });
  if (status === 0 && stdout === version) return;
  throw new SetupFailure(
    `TensorFlow ${version} does not load on this machine: ${firstError(stderr) || `it says it is ${stdout || 'nothing'}`}`,
    'TensorFlow needs glibc 2.27 or later on Linux, macOS 12 or later, and a processor with AVX; all it said: `npm run setup -- --debug`',
    stderr,
  );
}

/**
 * Puts a symbolic link to the binding where the npm package requires it; a link, so that the binding finds its
 * libraries from where it really lies.
 *
 * @param {string} binding
 * @param {string} link
 */
async function placeLink(binding, link) {
  const temporary = `${link}.partial-${process.pid}`;
  try {
    await mkdir(dirname(link), { recursive: true });
    await rm(temporary, { force: true });
    await symlink(binding, temporary);
    await rename(temporary, link);
  } catch (error) {
    throw explainSystemError(error, dirname(link));
  }
}

/**
 * @param {Device} device
 * @returns {{folder: string, version: string} | undefined} the installed npm package
 */
function findTfjsNode(device) {
  try {
    const file = createRequire(join(packageRoot, 'package.json')).resolve(
      `@tensorflow/${packageName(device)}/package.json`,
    );
    return { folder: dirname(file), version: JSON.parse(readFileSync(file, 'utf8')).version };
  } catch (error) {
    if (error.code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

/** @param {Device} device */
function packageName(device) {
  return device === 'gpu' ? 'tfjs-node-gpu' : 'tfjs-node';
}

function isMusl() {
  const report = /** @type {{header: {glibcVersionRuntime?: string}}} */ (process.report.getReport());
  return process.platform === 'linux' && report.header.glibcVersionRuntime === undefined;
}

/** @param {string} output */
function firstError(output) {
  const lines = output.split('\n').map((line) => line.trim());
  return lines.find((line) => /error/i.test(line)) ?? lines.find((line) => line !== '') ?? '';
}
