import type { Estimate, NodeCost } from '../planner/estimate.ts';
import type { DeviceClass, SlurmSettings } from '../temporal.config.ts';
import { counted, duration } from '../words/figures.ts';
import { walltimeSeconds } from './launcher-config.ts';

/**
 * What plans ask of a cluster's time, a sentence for each device class of Slurm that has something to do: how many jobs, and
 * their walltime. What takes longer than that is handed in again when its time is up.
 */
export function walltimeNotes({ nodes }: Estimate, devices: Record<string, DeviceClass>): string[] {
  return Object.entries(devices).flatMap(([name, { launcher }]) => {
    if (launcher === undefined || !('slurm' in launcher)) return [];
    const own = nodes.filter((cost) => cost.device === name && isJob(cost));
    return own.length === 0 ? [] : [sentence(name, own, launcher.slurm)];
  });
}

/** How long a job of a device class may run, in seconds; null where temporal.config says nothing of that. */
export function walltimeOf(device: DeviceClass | undefined): number | null {
  const launcher = device?.launcher;
  const walltime = launcher !== undefined && 'slurm' in launcher ? launcher.slurm.walltime : undefined;
  return walltime === undefined ? null : walltimeSeconds(walltime);
}

/** Whether it is left to do and a trainer does it: data is prepared, and models are adopted, by the worker itself. */
function isJob({ node, part, same }: NodeCost): boolean {
  return part > 0 && same === null && node.type !== 'data' && node.type !== 'adopt';
}

/** Slurm may ask a job to save up to this much earlier than it is told to, in seconds. */
const early = 60;

function sentence(name: string, own: readonly NodeCost[], { walltime, saveSeconds = 60 }: SlurmSettings): string {
  const limit = walltime === undefined ? null : walltimeSeconds(walltime);
  if (limit === null) return `${name} hands in ${counted(own.length, 'job')} to Slurm, with the partition's time limit`;
  const usable = Math.max(1, limit - saveSeconds - early);
  const left = own.map(({ node, time, part }) => ({ node, seconds: (time?.seconds ?? 0) * part }));
  const jobs = left.reduce((sum, { seconds }) => sum + Math.max(1, Math.ceil(seconds / usable)), 0);
  const longest = left.reduce((one, other) => (other.seconds > one.seconds ? other : one));
  const least = own.some(({ time }) => time === null) ? 'at least ' : '';
  const more =
    longest.seconds > usable
      ? `: ${longest.node.address} takes about ${duration(longest.seconds)}, and is handed in again when its time is up`
      : '';
  return `${name} hands in ${least}${counted(jobs, 'job')} to Slurm, with a walltime of ${duration(limit)} each${more}`;
}
