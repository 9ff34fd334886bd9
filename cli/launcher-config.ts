import type { KubernetesSettings, SlurmSettings, TorchrunSettings } from '../temporal.config.ts';
import { type Check, checked, command, isObject, named, settings, text, texts, wholeNumber } from './settings.ts';

const count = wholeNumber(1);

const torchrun: { [Name in keyof Required<TorchrunSettings>]: Check } = { processes: count, program: command };

const slurm: { [Name in keyof Required<SlurmSettings>]: Check } = {
  partition: text,
  account: text,
  qos: text,
  walltime: checked(
    'a time as Slurm writes it, above 0: 24:00:00, 2-12:00:00',
    (value) => typeof value === 'string' && (walltimeSeconds(value) ?? 0) > 0,
  ),
  memory: checked('memory as Slurm writes it: 16G', (value) => typeof value === 'string' && /^\d+[KMGT]?$/.test(value)),
  cpus: count,
  gpus: checked(
    'a number, or what `sbatch --gpus` takes',
    (value) => count(value, '') === null || text(value, '') === null,
  ),
  options: texts,
  setup: texts,
  saveSeconds: count,
  pollSeconds: count,
};

const kubernetes: { [Name in keyof Required<KubernetesSettings>]: Check } = {
  image: text,
  claim: text,
  mountPath: checked('an absolute path', (value) => typeof value === 'string' && value.startsWith('/')),
  namespace: text,
  context: text,
  memory: text,
  cpus: count,
  gpus: count,
  nodeSelector: named(
    'an object of labels and their values',
    (name) => name !== '',
    () => text,
  ),
  serviceAccount: text,
  priorityClass: text,
  secret: text,
  program: command,
  saveSeconds: count,
  pollSeconds: count,
};

const one = settings({
  torchrun: settings(torchrun, ['processes']),
  slurm: settings(slurm),
  kubernetes: settings(kubernetes, ['image', 'claim', 'mountPath']),
});

/** The `launcher` of a device class: one of them, with its settings. */
export const launcher: Check = (value, place) =>
  isObject(value) && Object.keys(value).length === 1
    ? one(value, place)
    : {
        message: `\`${place}\` must be \`torchrun\`, \`slurm\` or \`kubernetes\` with its settings`,
        hint: 'for example {"slurm": {"partition": "a100"}}',
      };

/** The seconds of a time as Slurm writes it (minutes, `MM:SS`, `HH:MM:SS`, `D-HH`, `D-HH:MM`, `D-HH:MM:SS`); null for what is none. */
export function walltimeSeconds(text: string): number | null {
  const [, days, rest = ''] = /^(?:(\d+)-)?(\d+(?::\d+){0,2})$/.exec(text) ?? [];
  if (rest === '') return null;
  const parts = rest.split(':').map(Number) as [number, number?, number?];
  // After days the first is hours; else a number alone is minutes, and of two the first is.
  const [hours, minutes = 0, seconds = 0] = days !== undefined || parts.length === 3 ? parts : [0, ...parts];
  return Number(days ?? 0) * 86_400 + hours * 3600 + minutes * 60 + seconds;
}
