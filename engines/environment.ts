import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withLock } from '#setup/lock.mjs';
import { cacheFolder, packageRoot } from '#setup/places.mjs';
import { onPath, run } from '#setup/processes.mjs';
import { engines } from '../schemas/engines.ts';
import type { Engine } from '../schemas/types/job.ts';
import { TrainerFailure } from '../trainer/failure.ts';

/** Where a driver runs. */
export interface Environment {
  /** The Python that has the engine's packages. */
  python: string;
  /** The first digits of the lock's digest: which versions these are. */
  lock: string;
}

/** As long as a slow line takes for the five gigabytes of PyTorch and CUDA. */
const installSeconds = 3 * 3600;

/**
 * The environment of an engine: a folder in the user's cache with the packages of `engines/<engine>/requirements.txt`, whose
 * every version and digest is fixed. Made when it is first asked for, and shared by all homes and checkouts with that lock; by
 * uv where it is on PATH, else by Python's own venv and pip. What takes time is told on standard error.
 *
 * @throws TrainerFailure `no-network` where packages cannot be had, `bad-job` where there is no Python for them.
 */
export async function environmentOf(engine: Engine): Promise<Environment> {
  const requirements = join(packageRoot, 'engines', engine, 'requirements.txt');
  const lock = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex')
    .slice(0, 12);
  const folder = join(cacheFolder(), 'engines', `${engine}-${lock}`);
  const environment = { python: join(folder, 'bin', 'python'), lock };
  const ready = join(folder, 'descent-ready');
  if (existsSync(ready)) return environment;
  await withLock(join(cacheFolder(), 'locks', `engine-${engine}-${lock}`), tell, async () => {
    if (existsSync(ready)) return;
    tell(`installing ${engines[engine].title} into ${folder}: some gigabytes, once`);
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    const uv = onPath('uv');
    for (const step of uv === undefined ? byVenv(folder, requirements) : byUv(uv, folder, requirements))
      await install(engine, step);
    await writeFile(ready, '');
  });
  return environment;
}

type Command = [program: string, ...args: string[]];

function byUv(uv: string, folder: string, requirements: string): Command[] {
  const python = join(folder, 'bin', 'python');
  return [
    [uv, 'venv', '--quiet', '--allow-existing', '--python', pythons.join(','), folder],
    [uv, 'pip', 'install', '--quiet', '--require-hashes', '--python', python, '-r', requirements],
  ];
}

function byVenv(folder: string, requirements: string): Command[] {
  const python = onPath('python3') ?? 'python3';
  const pip = [join(folder, 'bin', 'python'), '-m', 'pip', '--disable-pip-version-check', '--quiet'] as const;
  return [
    [python, '-m', 'venv', folder],
    [...pip, 'install', '--require-hashes', '-r', requirements],
  ];
}

/** The versions that the locks were made for. */
const pythons = ['>=3.11', '<3.14'];

async function install(engine: Engine, [program, ...args]: Command): Promise<void> {
  const { status, stderr, timedOut } = await run(program, args, { timeoutSeconds: installSeconds });
  if (status === 0) return;
  const { title } = engines[engine];
  const said = stderr.trim().split('\n').slice(-10).join('\n');
  if (timedOut)
    throw new TrainerFailure('no-network', `${title} was not installed within ${installSeconds / 3600} hours`);
  const isNetwork = /network|connect|resolve host|timed out|temporary failure|name resolution/i.test(said);
  throw new TrainerFailure(
    isNetwork ? 'no-network' : 'bad-job',
    `${title} cannot be installed: \`${[program, ...args].join(' ')}\` says: ${said}`,
  );
}

function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}
