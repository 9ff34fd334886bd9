import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { findGpu, visibleGpus } from '#setup/gpu.mjs';
import { torchrunOf } from '../activities/launchers/torchrun.ts';
import { isGpuClass } from '../schemas/device-class.ts';
import { isCommandName } from '../schemas/engines.ts';
import defaults, {
  type DeviceClass,
  type ObjectStorage,
  type SlotSpeed,
  type TemporalConfig,
  type TlsFiles,
} from '../temporal.config.ts';
import { widestWindow } from '../workflows/names.ts';
import { CommandError } from './failure.ts';
import { launcher } from './launcher-config.ts';
import { type Check, checked, command, isObject, named, settings, text, wholeNumber } from './settings.ts';

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
      `${file}: \`devices.${several[0]}.launcher\` is torchrun, and there is no \`trainer\` for it to start`,
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

/** The settings that a file may have, and what each has to be. */
const checks: { [Name in keyof Required<TemporalConfig>]: Check } = {
  address: checked('host:port', (value) => typeof value === 'string' && /^[^\s:/]+:\d+$/.test(value)),
  namespace: text,
  apiKey: text,
  tls: (value, place) =>
    typeof value === 'boolean' ? null : isObject(value) ? tlsFiles(value, place) : trueFalseOrFiles(value, place),
  codec: text,
  otlpEndpoint: checked('a URL, http://host:4318', (value) => isWebAddress(value)),
  storage: settings(
    {
      bucket: checked(
        'the name of a bucket, without `s3://` and without what names in it begin with: that is `prefix`',
        (value) => typeof value === 'string' && value !== '' && !/[/:]/.test(value),
      ),
      prefix: checked(
        'names with slashes between them, and none at the ends: `team/replay`',
        (value) => typeof value === 'string' && /^[\w!.*'()-]+(\/[\w!.*'()-]+)*$/.test(value),
      ),
      // A user and a password in it would stand in every message that names it.
      endpoint: checked(
        'a URL without user and password, http://host:9000',
        (value) => isWebAddress(value) && withoutUser(value),
      ),
      region: text,
      cache: wholeNumber(0, undefined, 'bytes'),
    } satisfies { [Name in keyof Required<ObjectStorage>]: Check },
    ['bucket'],
  ),
  searchAttributes: checked('true or false', (value) => typeof value === 'boolean'),
  queue: checked('letters, digits, `-` and `_`', (value) => typeof value === 'string' && /^[\w-]+$/.test(value)),
  devices: (value, place) =>
    isObject(value) && Object.keys(value).length > 0
      ? deviceClasses(value, place)
      : { message: `\`${place}\` must be an object of classes, each with \`slots\` and \`threads\`` },
  window: wholeNumber(1, widestWindow),
  heartbeatSeconds: wholeNumber(2, 3600),
  stopSeconds: wholeNumber(1, 3600),
  trainer: command,
  engines: named(
    'an object of programs by names of small letters, digits, `.`, `_` and `-`',
    isCommandName,
    () => command,
  ),
};

const trueFalseOrFiles = checked('true, false, or an object of files', () => false);
const tlsFiles = settings({
  serverName: text,
  serverCA: text,
  clientCertificate: text,
  clientKey: text,
} satisfies { [Name in keyof Required<TlsFiles>]: Check });

const positive = checked('a number above 0', (value) => Number.isFinite(value) && (value as number) > 0);
const speed = settings(
  {
    peak: positive,
    utilisation: checked(
      'a share above 0 and at most 1',
      (value) => Number.isFinite(value) && (value as number) > 0 && (value as number) <= 1,
    ),
  } satisfies { [Name in keyof Required<SlotSpeed>]: Check },
  ['peak', 'utilisation'],
);
const gpus = checked(
  'a list of GPUs, each a text: a number, or a UUID',
  (value) =>
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((id) => typeof id === 'string' && /^(\d+|(GPU|MIG)-[\w-]+)$/.test(id)),
);
const deviceClass = settings(
  {
    slots: wholeNumber(1),
    threads: wholeNumber(1),
    gpus,
    speed,
    memory: wholeNumber(1, undefined, 'bytes'),
    launcher,
  } satisfies { [Name in keyof Required<DeviceClass>]: Check },
  ['slots', 'threads'],
);

const deviceClasses = named(
  'an object of classes by names of letters, digits, `-` and `_`, which are not `auto` and `results`',
  (name) => /^[a-zA-Z][\w-]*$/.test(name) && !['auto', 'results'].includes(name),
  (name) => (value, place) => {
    const fault = deviceClass(value, place);
    if (fault !== null || (value as DeviceClass).gpus === undefined) return fault;
    if (isElsewhere(value as DeviceClass))
      return { message: `\`${place}.gpus\` cannot be beside its launcher, as the cluster hands out GPUs` };
    return isGpuClass(name)
      ? null
      : { message: `\`${place}.gpus\` is for classes \`gpu\` and \`gpu-...\`: others run on CPUs` };
  },
);

const known = settings(checks);

function checkConfig(value: unknown, file: string): Partial<TemporalConfig> {
  if (!isObject(value)) throw new CommandError(`${file} is not an object of settings`);
  const fault = known(value, '');
  if (fault !== null) throw new CommandError(`${file}: ${fault.message}`, fault.hint);
  return value as Partial<TemporalConfig>;
}

function isWebAddress(value: unknown): value is string {
  return typeof value === 'string' && URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
}

function withoutUser(address: string): boolean {
  const { username, password } = new URL(address);
  return username === '' && password === '';
}
