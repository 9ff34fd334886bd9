import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { platform } from './places.mjs';

const driverFolder = '/proc/driver/nvidia/gpus';

/** Under WSL 2 the driver is Windows' own, and its library and tools lie here. */
const wslFolder = '/usr/lib/wsl/lib';

/** Where nvidia-smi may lie without being on PATH: under WSL 2, and on nodes of Kubernetes. */
const toolFolders = [wslFolder, '/usr/local/nvidia/bin'];

/**
 * The NVIDIA GPUs of this machine, where TensorFlow has CUDA wheels (x86-64 Linux), in the order of their places on the
 * bus, which is nvidia-smi's. Found without starting anything: the driver says in /proc what it drives, and a container
 * that was not given a GPU has no device file for it. Under WSL 2 there is one device of Windows' own for all of them.
 *
 * @returns {string[]} their names, e.g. `NVIDIA H200`
 */
export function findGpus() {
  if (platform !== 'linux-x64') return [];
  if (existsSync('/dev/nvidiactl') && existsSync(driverFolder)) {
    return readdirSync(driverFolder)
      .sort()
      .map((place) => readFileSync(join(driverFolder, place, 'information'), 'utf8'))
      .filter((text) => existsSync(`/dev/nvidia${/^Device Minor:\s*(\d+)/m.exec(text)?.[1] ?? 'ctl'}`))
      .map((text) => /^Model:\s*(.+)$/m.exec(text)?.[1].trim() ?? 'NVIDIA GPU');
  }
  return existsSync('/dev/dxg') && existsSync(join(wslFolder, 'libcuda.so.1')) ? ['NVIDIA GPU (WSL 2)'] : [];
}

/**
 * @returns {string | undefined} the name of the first GPU
 */
export function findGpu() {
  return findGpus()[0];
}

/**
 * The GPUs that a process may use, as CUDA_VISIBLE_DEVICES names them: what that says, up to the first entry that is
 * none (CUDA looks no further), else all of this machine by number.
 *
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {string[]}
 */
export function visibleGpus(env = process.env) {
  const named = env.CUDA_VISIBLE_DEVICES?.split(',').map((id) => id.trim());
  if (named === undefined) return findGpus().map((_, index) => String(index));
  const end = named.findIndex((id) => !/^(\d+|(GPU|MIG)-.+)$/.test(id));
  return end === -1 ? named : named.slice(0, end);
}

/**
 * @typedef {object} Gpu what the driver says of a GPU
 * @property {string} uuid
 * @property {string} name
 * @property {string} driver version of the driver
 * @property {number | null} memory in MiB, where it is known
 * @property {string} computeCapability e.g. `9.0`
 */

/**
 * Asks the driver about GPUs, through nvidia-smi.
 *
 * @param {string} [id] number, UUID or MIG UUID of one. Default: all
 * @returns {Promise<Gpu[]>}
 * @throws where nvidia-smi is not there or fails; the message says what it said
 */
export async function queryGpus(id) {
  const fields = ['uuid', 'name', 'driver_version', 'memory.total', 'compute_cap'];
  const of = id === undefined ? [] : [`--id=${id}`];
  const text = await nvidiaSmi([`--query-gpu=${fields}`, '--format=csv,noheader,nounits', ...of]);
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const [uuid, name, driver, memory, computeCapability] = line.split(', ');
      return { uuid, name, driver, memory: Number.isNaN(Number(memory)) ? null : Number(memory), computeCapability };
    });
}

/**
 * The newest CUDA that the driver knows, e.g. `12.8`; undefined where nvidia-smi does not say.
 *
 * @returns {Promise<string | undefined>}
 * @throws as `queryGpus`
 */
export async function cudaOfDriver() {
  return /^CUDA Version\s*:\s*(\d+\.\d+)/m.exec(await nvidiaSmi(['-q']))?.[1];
}

/**
 * The CUDA of the pinned wheels, e.g. `12.9`.
 *
 * @returns {string}
 */
export function cudaOfWheels() {
  const { tensorflow } = JSON.parse(readFileSync(new URL('wheels.json', import.meta.url), 'utf8'));
  /** @type {{file: string}[]} */
  const wheels = tensorflow.wheels['linux-x64-gpu'];
  const [version] = wheels.flatMap(({ file }) => /^nvidia_cuda_runtime_cu\d+-(\d+\.\d+)/.exec(file)?.[1] ?? []);
  return /** @type {string} */ (version);
}

/** The program that asks NVIDIA's driver. */
export function nvidiaSmiPath() {
  return toolFolders.map((folder) => join(folder, 'nvidia-smi')).find((path) => existsSync(path)) ?? 'nvidia-smi';
}

/** @param {string[]} args */
async function nvidiaSmi(args) {
  try {
    return (await promisify(execFile)(nvidiaSmiPath(), args, { timeout: 30_000 })).stdout;
  } catch (error) {
    const said = error.code === 'ENOENT' ? 'is not on PATH' : `failed: ${(error.stdout || error.message).trim()}`;
    throw new Error(`nvidia-smi ${said}`, { cause: error });
  }
}
