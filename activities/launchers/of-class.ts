import type { DeviceClass } from '../../temporal.config.ts';
import { kubernetesLauncher } from './kubernetes.ts';
import type { JobOptions, Launcher } from './launcher.ts';
import { slurmLauncher } from './slurm.ts';

/** The cluster that runs the trainers of a device class; undefined where they are processes of this machine. */
export function launcherOf(name: string, { launcher, threads }: DeviceClass): Launcher | undefined {
  const options: JobOptions = { device: name, threads };
  if (launcher === undefined || 'torchrun' in launcher) return undefined;
  if ('slurm' in launcher) return slurmLauncher(launcher.slurm, options);
  return kubernetesLauncher(launcher.kubernetes, options);
}
