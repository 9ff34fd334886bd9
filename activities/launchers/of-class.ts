import type { DeviceClass } from '../../temporal.config.ts';
import { kubernetesLauncher } from './kubernetes.ts';
import type { JobOptions, Launcher } from './launcher.ts';
import { slurmLauncher } from './slurm.ts';

/**
 * The cluster that runs the trainers of a device class; undefined where they are processes of this machine.
 *
 * @param logs a folder for what the shells of jobs write
 */
export function launcherOf(name: string, { launcher, threads }: DeviceClass, logs: string): Launcher | undefined {
  const options: JobOptions = { device: name, threads };
  if (launcher === undefined || 'torchrun' in launcher) return undefined;
  if ('slurm' in launcher) return slurmLauncher(launcher.slurm, options, logs);
  return kubernetesLauncher(launcher.kubernetes, options);
}
