import type { DeviceClass, KubernetesSettings, SlurmSettings, TorchrunSettings } from '../temporal.config.ts';

/** What a setting has to be; null for what is fine. */
type Check = (value: unknown) => string | null;

const text: Check = (value) => (typeof value === 'string' && value !== '' ? null : 'a text that is not empty');
const whole: Check = (value) =>
  Number.isSafeInteger(value) && (value as number) >= 1 ? null : 'a whole number from 1';
const texts: Check = (value) =>
  Array.isArray(value) && value.every((one) => text(one) === null) ? null : 'a list of texts';

const command: Check = (value) =>
  texts(value) === null && (value as string[]).length > 0 ? null : 'a list of program and arguments';

const torchrun: { [Name in keyof Required<TorchrunSettings>]: Check } = {
  processes: whole,
  program: command,
};

const slurm: { [Name in keyof Required<SlurmSettings>]: Check } = {
  partition: text,
  account: text,
  qos: text,
  walltime: (value) =>
    typeof value === 'string' && (walltimeSeconds(value) ?? 0) > 0
      ? null
      : 'a time as Slurm writes it, above 0: 24:00:00, 2-12:00:00',
  memory: (value) =>
    typeof value === 'string' && /^\d+[KMGT]?$/.test(value) ? null : 'memory as Slurm writes it: 16G',
  cpus: whole,
  gpus: (value) => (whole(value) === null || text(value) === null ? null : 'a number, or what `sbatch --gpus` takes'),
  options: texts,
  setup: texts,
  saveSeconds: whole,
  pollSeconds: whole,
};

const kubernetes: { [Name in keyof Required<KubernetesSettings>]: Check } = {
  image: text,
  claim: text,
  mountPath: (value) => (typeof value === 'string' && value.startsWith('/') ? null : 'an absolute path'),
  namespace: text,
  context: text,
  memory: text,
  cpus: whole,
  gpus: whole,
  nodeSelector: (value) => (isObject(value) && texts(Object.values(value)) === null ? null : 'labels and their values'),
  serviceAccount: text,
  priorityClass: text,
  secret: text,
  program: command,
  saveSeconds: whole,
  pollSeconds: whole,
};

/** What each launcher may be told, and what it must be. */
const launchers: Record<string, { checks: Record<string, Check>; needed: readonly string[] }> = {
  torchrun: { checks: torchrun, needed: ['processes'] },
  slurm: { checks: slurm, needed: [] },
  kubernetes: { checks: kubernetes, needed: ['image', 'claim', 'mountPath'] },
};

/** What is wrong with the launchers of device classes, to follow "`devices` must be"; null where nothing is. */
export function launcherFault(devices: Record<string, Record<string, unknown> | DeviceClass>): string | null {
  for (const [name, { launcher, gpus }] of Object.entries(devices)) {
    if (launcher === undefined) continue;
    const place = `\`${name}.launcher\``;
    const [[kind = '', settings] = [], ...others] = isObject(launcher) ? Object.entries(launcher) : [];
    const known = launchers[kind];
    if (known === undefined || others.length > 0 || !isObject(settings)) {
      return `with \`torchrun\`, \`slurm\` or \`kubernetes\`, and its settings, in ${place}`;
    }
    if (gpus !== undefined && kind !== 'torchrun') return `without \`${name}.gpus\`, as its cluster hands out GPUs`;
    const fault = faultOf(settings, known);
    if (fault !== null) return `such that in ${place} ${fault}`;
  }
  return null;
}

function faultOf(settings: Record<string, unknown>, { checks, needed }: (typeof launchers)[string]): string | null {
  const missing = needed.find((name) => settings[name] === undefined);
  if (missing !== undefined) return `\`${missing}\` is there`;
  for (const [name, value] of Object.entries(settings)) {
    const check = checks[name];
    if (check === undefined) return `there is nothing but ${Object.keys(checks).join(', ')}`;
    const expected = check(value);
    if (expected !== null) return `\`${name}\` is ${expected}`;
  }
  return null;
}

/** The seconds of a time as Slurm writes it (minutes, `MM:SS`, `HH:MM:SS`, `D-HH`, `D-HH:MM`, `D-HH:MM:SS`); null for what is none. */
export function walltimeSeconds(text: string): number | null {
  const [, days, rest = ''] = /^(?:(\d+)-)?(\d+(?::\d+){0,2})$/.exec(text) ?? [];
  if (rest === '') return null;
  const parts = rest.split(':').map(Number) as [number, number?, number?];
  // After days the first is hours; else a number alone is minutes, and of two the first is.
  const [hours, minutes = 0, seconds = 0] = days !== undefined || parts.length === 3 ? parts : [0, ...parts];
  return Number(days ?? 0) * 86_400 + hours * 3600 + minutes * 60 + seconds;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
