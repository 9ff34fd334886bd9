import type { DeviceClass, TorchrunSettings } from '../../temporal.config.ts';

/** What a device class says of `torchrun`; undefined where a training is one process. */
export function torchrunOf(device: Pick<DeviceClass, 'launcher'> | undefined): TorchrunSettings | undefined {
  const { launcher } = device ?? {};
  return launcher !== undefined && 'torchrun' in launcher ? launcher.torchrun : undefined;
}

/**
 * The command that starts as many processes of a trainer on this machine, which find each other at a port that is free. One
 * that fails ends all: the next execution starts them anew, from a checkpoint.
 */
export function torchrunCommand(
  trainer: readonly string[],
  { processes, program = ['torchrun'] }: TorchrunSettings,
): string[] {
  return [...program, '--standalone', `--nproc-per-node=${processes}`, '--max-restarts=0', '--no-python', ...trainer];
}
