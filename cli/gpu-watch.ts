import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { nvidiaSmiPath } from '#setup/gpu.mjs';

/** Watching how busy a GPU is. */
export interface UtilisationWatch {
  /** Ends it; gives the mean share of the time in which the GPU was at work, null where its driver did not say. Safe to call twice. */
  end(): Promise<number | null>;
}

/** Milliseconds between two looks; the driver itself averages over a sixth of a second and more. */
const everyMs = 200;

/**
 * Has the driver say, again and again, in what share of the time some kernel ran. Of a slice of a GPU (MIG) it does not
 * say that.
 *
 * @param uuid of the GPU
 * @param program Default: nvidia-smi, where it is found
 */
export function watchUtilisation(uuid: string, program: string = nvidiaSmiPath()): UtilisationWatch {
  const args = ['--query-gpu=utilization.gpu', '--format=csv,noheader,nounits', `--id=${uuid}`];
  const child = spawn(program, [...args, `--loop-ms=${everyMs}`], { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = new Promise<void>((resolve) => {
    child.once('error', () => resolve());
    child.once('close', () => resolve());
  });
  let [sum, count] = [0, 0];
  createInterface({ input: child.stdout }).on('line', (line) => {
    const percent = Number.parseFloat(line);
    if (!Number.isFinite(percent)) return;
    sum += percent / 100;
    count += 1;
  });
  return {
    async end() {
      child.kill();
      await ended;
      return count === 0 ? null : sum / count;
    },
  };
}
