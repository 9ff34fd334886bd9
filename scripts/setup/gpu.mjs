import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { platform } from './places.mjs';

const driverFolder = '/proc/driver/nvidia/gpus';

/**
 * The NVIDIA GPU of this machine, where TensorFlow has CUDA wheels (x86-64 Linux). Found without starting anything:
 * the driver says in /proc what it drives, and a container that was not given the GPU has no device file for it.
 * Under WSL 2 there is only Windows' own device.
 *
 * @returns {string | undefined} its name, e.g. `NVIDIA H200`
 */
export function findGpu() {
  if (platform !== 'linux-x64') return undefined;
  if (existsSync('/dev/nvidiactl') && existsSync(driverFolder)) {
    const names = readdirSync(driverFolder).map((gpu) => {
      const information = readFileSync(join(driverFolder, gpu, 'information'), 'utf8');
      return /^Model:\s*(.+)$/m.exec(information)?.[1].trim() ?? 'NVIDIA GPU';
    });
    return names[0];
  }
  return existsSync('/dev/dxg') && existsSync('/usr/lib/wsl/lib/libcuda.so.1') ? 'NVIDIA GPU (WSL 2)' : undefined;
}
