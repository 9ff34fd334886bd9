import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { findGpu, visibleGpus } from '#setup/gpu.mjs';
import { torchrunOf } from '../activities/launchers/torchrun.ts';
import { isGpuClass } from '../schemas/device-class.ts';
import defaults, {
  type DeviceClass,
  type ObjectStorage,
  type SlotSpeed,
  type TemporalConfig,
  type TlsFiles,
} from '../temporal.config.ts';
import { widestWindow } from '../workflows/names.ts';
import { CommandError } from './failure.ts';
import { launcherFault } from './launcher-config.ts';

/** The configuration of this run, and the file that something in it comes from. */
export interface LoadedConfig {
  config: TemporalConfig;
  /** Absolute path; null where all are defaults. */
  file: string | null;
}

const names = ['temporal.config.json', 'temporal.config.mjs', 'temporal.config.js'];

/**
 * The configuration: the defaults of `temporal.config.ts`, with what the file in `DESCENT_TEMPORAL_CONFIG`, or a
 * `temporal.config.{json,mjs,js}` in the working folder, puts in their place. Throws a CommandError for a file that is
 * missing or says something it cannot.
 */
export async function loadConfig(cwd: string, env: NodeJS.ProcessEnv): Promise<LoadedConfig> {
  const file = findFile(cwd, env);
  const own = file === null ? {} : checkConfig(await readConfig(file), file);
  const config = { ...defaults, ...own };
  if (file !== null && own.codec !== undefined) config.codec = resolve(dirname(file), own.codec);
  if (own.devices === undefined) {
    // Where there is no GPU, what was meant for one runs on the CPU, and `deviceNotices` says so.
    const gpus = visibleGpus(env).length;
    const gpu = findGpu() === undefined || gpus === 0 ? defaults.devices.cpu : { slots: gpus, threads: 2 };
    config.devices = { ...defaults.devices, ...(gpu && { gpu }) };
  }
  const several = Object.entries(config.devices).find(([, device]) => torchrunOf(device) !== undefined);
  if (several !== undefined && config.trainer === undefined) {
    throw new CommandError(
      `${file}: \`${several[0]}.launcher\` is torchrun, and there is no \`trainer\` for it to start`,
      "name one that PyTorch's processes can be; Descent's own is one process",
    );
  }
  return { config, file };
}

/** The device class that `auto` stands for: `DESCENT_DEVICE` (`--device`), else a GPU where there is one. */
export function autoDevice(config: TemporalConfig, env: NodeJS.ProcessEnv): string {
  const usable = isElsewhere(config.devices.gpu) || (findGpu() !== undefined && visibleGpus(env).length > 0);
  const found = config.devices.gpu !== undefined && usable ? 'gpu' : undefined;
  return env.DESCENT_DEVICE ?? found ?? Object.keys(config.devices)[0] ?? 'cpu';
}

/** Whether nodes of a class run on a cluster's machines, whose GPUs and memory are none of this one's. */
export function isElsewhere(device: DeviceClass | undefined): boolean {
  return device?.launcher !== undefined && torchrunOf(device) === undefined;
}

/** The error that a device class which this machine lacks is; it says which there are. */
export function unknownClass(name: string, { devices }: TemporalConfig): CommandError {
  const known = Object.keys(devices).map((one) =>
    one === 'gpu' && !isElsewhere(devices.gpu) && findGpu() === undefined
      ? 'gpu (which runs on the CPU: no GPU was found)'
      : one,
  );
  return new CommandError(
    `this machine has no device class \`${name}\``,
    `it has ${known.join(', ')}; choose one with --device, --queue or in the lineage's placement, or name others in temporal.config`,
  );
}

function findFile(cwd: string, env: NodeJS.ProcessEnv): string | null {
  const named = env.DESCENT_TEMPORAL_CONFIG;
  if (!named) return names.map((name) => join(cwd, name)).find((path) => existsSync(path)) ?? null;
  const path = resolve(cwd, named);
  if (existsSync(path)) return path;
  throw new CommandError(`${path}, which DESCENT_TEMPORAL_CONFIG names, does not exist`, 'correct it, or unset it');
}

async function readConfig(path: string): Promise<unknown> {
  try {
    if (path.endsWith('.json')) return JSON.parse(await readFile(path, 'utf8'));
    const module = (await import(pathToFileURL(path).href)) as { default?: unknown };
    if (module.default !== undefined) return module.default;
  } catch (error) {
    throw new CommandError(`cannot read ${path}`, 'it is JSON, or a module whose default export is an object', error);
  }
  throw new CommandError(`${path} has no default export`, 'write `export default { ... }`');
}

/** What each setting has to be; null for what is fine. */
const checks: { [Name in keyof Required<TemporalConfig>]: (value: unknown) => string | null } = {
  address: (value) => (typeof value === 'string' && /^[^\s:/]+:\d+$/.test(value) ? null : 'host:port'),
  namespace: text,
  apiKey: text,
  tls: (value) => (typeof value === 'boolean' || isTlsFiles(value) ? null : 'true, false, or an object of files'),
  codec: text,
  otlpEndpoint: (value) =>
    isText(value) && URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)
      ? null
      : 'a URL, http://host:4318',
  storage: (value) =>
    isStorage(value)
      ? null
      : 'an object with a `bucket`, and perhaps a `prefix` without slashes at its ends, an `endpoint` (http://host:9000, without a user), a `region`, and a `cache` in bytes',
  searchAttributes: (value) => (typeof value === 'boolean' ? null : 'true or false'),
  queue: (value) => (typeof value === 'string' && /^[\w-]+$/.test(value) ? null : 'letters, digits, `-` and `_`'),
  devices: (value) =>
    isDevices(value)
      ? launcherFault(value)
      : 'an object of classes, each with `slots` and `threads` of at least 1, and perhaps a `memory` in bytes for each slot and a `speed` with a `peak` in FLOP/s and a `utilisation` from 0 to 1, and for a class `gpu` or `gpu-...` a list of `gpus` by number or UUID',
  window: (value) => wholeNumber(value, 1, widestWindow),
  heartbeatSeconds: (value) => wholeNumber(value, 2, 3600),
  stopSeconds: (value) => wholeNumber(value, 1, 3600),
  trainer: (value) => (isCommand(value) ? null : 'a list of program and arguments'),
  engines: (value) =>
    isObject(value) &&
    Object.entries(value).every(([name, one]) => /^[a-z0-9][a-z0-9._-]*$/.test(name) && isCommand(one))
      ? null
      : 'an object of programs, each a list of program and arguments by a name of small letters, digits, `.`, `_` and `-`',
};

function isCommand(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(isText);
}

function checkConfig(value: unknown, file: string): Partial<TemporalConfig> {
  if (!isObject(value)) throw new CommandError(`${file} is not an object of settings`);
  for (const [name, setting] of Object.entries(value)) {
    const check = (checks as Record<string, ((value: unknown) => string | null) | undefined>)[name];
    if (check === undefined) {
      throw new CommandError(
        `${file}: there is no setting \`${name}\``,
        `there are: ${Object.keys(checks).join(', ')}`,
      );
    }
    const expected = check(setting);
    // The value is not shown: it may be a key.
    if (expected !== null) throw new CommandError(`${file}: \`${name}\` must be ${expected}`);
  }
  return value as Partial<TemporalConfig>;
}

function text(value: unknown): string | null {
  return isText(value) ? null : 'a text that is not empty';
}

function wholeNumber(value: unknown, least: number, most: number): string | null {
  return isWhole(value) && value >= least && value <= most ? null : `a whole number from ${least} to ${most}`;
}

function isDevices(value: unknown): value is Record<string, DeviceClass> {
  return (
    isObject(value) &&
    Object.keys(value).length > 0 &&
    Object.entries(value).every(
      ([name, entry]) =>
        /^[a-zA-Z][\w-]*$/.test(name) &&
        !['auto', 'results'].includes(name) &&
        isObject(entry) &&
        Object.keys(entry).every((key) => ['slots', 'threads', 'gpus', 'speed', 'memory', 'launcher'].includes(key)) &&
        [entry.slots, entry.threads].every((count) => isWhole(count) && count >= 1) &&
        (entry.gpus === undefined || (isGpuClass(name) && areGpus(entry.gpus))) &&
        (entry.speed === undefined || isSpeed(entry.speed)) &&
        (entry.memory === undefined || (isWhole(entry.memory) && entry.memory >= 1)),
    )
  );
}

function areGpus(value: unknown): value is string[] {
  const isGpu = (id: unknown) => typeof id === 'string' && /^(\d+|(GPU|MIG)-[\w-]+)$/.test(id);
  return Array.isArray(value) && value.length > 0 && value.every(isGpu);
}

function isSpeed(value: unknown): value is SlotSpeed {
  return (
    isObject(value) &&
    Object.keys(value).every((key) => ['peak', 'utilisation'].includes(key)) &&
    [value.peak, value.utilisation].every((number) => Number.isFinite(number) && (number as number) > 0) &&
    (value.utilisation as number) <= 1
  );
}

function isStorage(value: unknown): value is ObjectStorage {
  if (!isObject(value)) return false;
  const { bucket, prefix, endpoint, region, cache, ...others } = value;
  return (
    Object.keys(others).length === 0 &&
    isText(bucket) &&
    !bucket.includes('/') &&
    (prefix === undefined || (isText(prefix) && /^[\w!.*'()-]+(\/[\w!.*'()-]+)*$/.test(prefix))) &&
    (endpoint === undefined || (isText(endpoint) && isEndpoint(endpoint))) &&
    (region === undefined || isText(region)) &&
    (cache === undefined || (isWhole(cache) && cache >= 0))
  );
}

/** A user and a password in it would stand in every message that names it. */
function isEndpoint(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return /^https?:$/.test(protocol) && username === '' && password === '';
}

function isTlsFiles(value: unknown): value is TlsFiles {
  const known = ['serverName', 'serverCA', 'clientCertificate', 'clientKey'];
  return isObject(value) && Object.entries(value).every(([name, path]) => known.includes(name) && isText(path));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value);
}
