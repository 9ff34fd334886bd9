import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findGpu, visibleGpus } from '#setup/gpu.mjs';
import { type Check, inspectSetup } from '#setup/inspect.mjs';
import { freeBytes, homePath, leastFreeBytes } from '../store/home.ts';
import type { TemporalConfig } from '../temporal.config.ts';
import { loadConfig } from './config.ts';
import { CommandError } from './failure.ts';
import { lastLine } from './last-line.ts';
import { checkEngines, checkLaunchers, checkStorage } from './reach.ts';

/** What `descent doctor` finds. */
export interface DoctorReport {
  checks: Check[];
  /** Whether nothing is missing; warnings do not count. */
  healthy: boolean;
}

/** Below this much free space a long lineage may not end: a checkpoint of a small model is some ten megabytes. */
const comfortableGigabytes = 5;

/**
 * Looks at all that Descent needs on this machine and changes nothing: what set-up provides, TensorFlow multiplying in
 * a process of its own, DuckDB, the configuration, the home folder, the storage and the clusters that are configured, and what
 * there is of engines. Takes some seconds; needs a network for a storage or a cluster alone.
 *
 * @param env where DESCENT_HOME is looked up
 * @param cwd what a relative home is relative to
 */
export async function doctor(env: NodeJS.ProcessEnv = process.env, cwd: string = process.cwd()): Promise<DoctorReport> {
  const setup = await inspectSetup();
  const hasGpu = findGpu() !== undefined && visibleGpus(env).length > 0;
  const devices = hasGpu ? (['cpu', 'gpu'] as const) : (['cpu'] as const);
  const multiplications = [];
  for (const device of devices) {
    const runtime = setup.find(({ name }) => name === `TensorFlow runtime (${device})`);
    multiplications.push(
      ...(runtime?.status === 'missing' ? [notTried(device, runtime)] : await checkMultiplication(device)),
    );
  }
  const home = homePath(cwd, env);
  const { check: configuration, config } = await checkConfiguration(cwd, env);
  const checks = [
    ...setup,
    ...multiplications,
    await checkDuckDb(),
    configuration,
    await checkHome(home),
    ...(config === undefined ? [] : [...(await checkStorage(config)), ...(await checkLaunchers(config))]),
    ...(await checkEngines()),
  ];
  return { checks, healthy: checks.every(({ status }) => status !== 'missing') };
}

/** One line of trainer/probe.ts. */
interface Probe {
  device: 'cpu' | 'gpu';
  version: string;
  fallback: string | null;
  correct: boolean;
  /** Whether it has units that multiply bfloat16. */
  bfloat16: boolean;
}

/** A warning: what is missing is told of, and counted, as the runtime. */
function notTried(device: 'cpu' | 'gpu', { remedy }: Check): Check {
  const found = 'not tried: the runtime is missing';
  return { name: `TensorFlow multiplies (${device})`, status: 'warning', found, ...(remedy && { remedy }) };
}

/** In a process of its own, because a TensorFlow that does not suit the machine may end the process that loads it. */
async function checkMultiplication(device: 'cpu' | 'gpu'): Promise<Check[]> {
  const name = `TensorFlow multiplies (${device})`;
  const probe = fileURLToPath(new URL('../trainer/probe.js', import.meta.url));
  const start = performance.now();
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [probe, device], { timeout: 120_000 });
    const { version, device: used, fallback, correct, bfloat16 }: Probe = JSON.parse(stdout);
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    if (!correct) return [{ name, status: 'missing', found: `${version} multiplies wrongly`, remedy: rebuild }];
    if (fallback !== null) {
      const remedy = 'see that the NVIDIA driver works (`nvidia-smi`), or train on the CPU (`--device cpu`)';
      return [{ name, status: 'missing', found: fallback, remedy }];
    }
    const units = bfloat16 ? 'multiplied by units for it' : 'no units for it: rounded, and multiplied as float32';
    return [
      { name, status: 'ok', found: `${version} on the ${used}, loaded and right in ${seconds} s` },
      { name: `bfloat16 (${device})`, status: 'ok', found: units },
    ];
  } catch (error) {
    return [{ name, status: 'missing', found: `the process failed: ${lastLine(error)}`, remedy: rebuild }];
  }
}

const rebuild = 'delete the folder `descent` in your cache (~/.cache) and run `npm run setup`';

async function checkDuckDb(): Promise<Check> {
  const name = 'DuckDB';
  try {
    const { DuckDBInstance, version } = await import('@duckdb/node-api');
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    const [row] = (await connection.runAndReadAll('SELECT 6 * 7 AS answer')).getRows();
    connection.closeSync();
    instance.closeSync();
    if (row?.[0] !== 42) throw new Error(`6 * 7 gives ${row?.[0]}`);
    return { name, status: 'ok', found: version() };
  } catch (error) {
    return { name, status: 'missing', found: `does not open: ${lastLine(error)}`, remedy: 'run `npm run setup`' };
  }
}

/** `config`: undefined where it cannot be read. */
async function checkConfiguration(
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<{ check: Check; config?: TemporalConfig }> {
  const name = 'Configuration';
  try {
    const { file, config } = await loadConfig(cwd, env);
    return { check: { name, status: 'ok', found: file ?? 'the defaults' }, config };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const because = error.cause instanceof Error ? `: ${error.cause.message}` : '';
    const found = `${error.message}${because}`;
    return { check: { name, status: 'missing', found, remedy: error.hint ?? 'correct it' } };
  }
}

/** The home need not exist yet; then the folder it would be made in counts. Makes a folder there, and removes it. */
async function checkHome(home: string): Promise<Check> {
  const name = 'Home folder';
  let folder = home;
  while (!existsSync(folder)) folder = dirname(folder);
  const remedy = 'free some space, or name another folder with --home or DESCENT_HOME';
  const free = freeBytes(folder);
  const gigabytes = free / 1e9;
  const found = `${home}, ${gigabytes.toFixed(1)} GB free`;
  if (free < leastFreeBytes) return { name, status: 'missing', found: `${found}: the disk is full`, remedy };
  try {
    // Rights alone do not tell: a file system may be read-only, or take no new files.
    await rmdir(await mkdtemp(join(folder, '.descent-doctor-')));
  } catch {
    return {
      name,
      status: 'missing',
      found: `${home} cannot be written`,
      remedy: `make ${folder} writable, or name another folder with --home or DESCENT_HOME`,
    };
  }
  return gigabytes < comfortableGigabytes ? { name, status: 'warning', found, remedy } : { name, status: 'ok', found };
}
