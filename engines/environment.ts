import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withLock } from '#setup/lock.mjs';
import { cacheFolder, packageRoot } from '#setup/places.mjs';
import { onPath, run } from '#setup/processes.mjs';
import { engines } from '../schemas/engines.ts';
import type { DrivenEngine } from '../schemas/types/job.ts';
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
 * An environment has its own paths in it and cannot be renamed, so each is made where it will be, in a folder that no other
 * has, and counts once it has the file `descent-ready`. One that is ready is never changed or removed: a training may run in it.
 *
 * @throws TrainerFailure `no-network` where packages cannot be had, `disk-full` where they find no room, `bad-job` where there is
 * no Python for them; the message says what to do.
 */
export async function environmentOf(engine: DrivenEngine): Promise<Environment> {
  const place = await placeOf(engine);
  const { lock, name, requirements } = place;
  const found = await readyFolder(place);
  if (found !== undefined) return { python: pythonOf(found), lock };
  const made = await withLock(join(cacheFolder(), 'locks', `engine-${engine}-${lock}`), tell, async () => {
    const meanwhile = await readyFolder(place);
    if (meanwhile !== undefined) return meanwhile;
    // Of installations that were killed: who holds the lock is alone at it.
    for (const folder of await foldersOf(place))
      if (!existsSync(readyFile(folder))) await rm(folder, { recursive: true, force: true });
    await mkdir(place.parent, { recursive: true });
    const folder = join(place.parent, `${name}.${randomBytes(4).toString('hex')}`);
    tell(`installing ${engines[engine].title} into ${folder}: some gigabytes, once`);
    try {
      const uv = onPath('uv');
      for (const step of uv === undefined ? byVenv(folder, requirements) : byUv(engine, uv, folder, requirements))
        await install(engine, step);
      await writeFile(readyFile(folder), '');
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
    return folder;
  });
  return { python: pythonOf(made), lock };
}

/** What there is of an engine's environment. */
export interface EnvironmentState {
  lock: string;
  /** Where it is; null where it is not installed. */
  folder: string | null;
  /** What makes one: uv, which brings its own Python, or a Python of the machine's; null where there is neither. */
  installer: string | null;
}

/** Looks at the environment of an engine, and at what would make it. Makes nothing, and asks no network. */
export async function inspectEnvironment(engine: DrivenEngine): Promise<EnvironmentState> {
  const place = await placeOf(engine);
  const installer = onPath('uv') ?? (await suitingPython(engine));
  return { lock: place.lock, folder: (await readyFolder(place)) ?? null, installer };
}

async function suitingPython(engine: DrivenEngine): Promise<string | null> {
  const python = onPath('python3');
  if (python === undefined) return null;
  const { stdout } = await run(python, ['--version'], { timeoutSeconds: 60 });
  const minor = Number(/^Python 3\.(\d+)/.exec(stdout)?.[1]);
  return minor >= oldestPython && minor <= newestPython(engine) ? python : null;
}

/** Where the environments of an engine's lock lie. */
interface Place {
  requirements: string;
  lock: string;
  parent: string;
  /** What their folders' names begin with. */
  name: string;
}

async function placeOf(engine: DrivenEngine): Promise<Place> {
  const requirements = join(packageRoot, 'engines', engine, 'requirements.txt');
  const digest = createHash('sha256').update(await readFile(requirements));
  const lock = digest.digest('hex').slice(0, 12);
  return { requirements, lock, parent: join(cacheFolder(), 'engines'), name: `${engine}-${lock}` };
}

async function foldersOf({ parent, name }: Place): Promise<string[]> {
  const all = existsSync(parent) ? await readdir(parent) : [];
  const own = all.filter((one) => one === name || one.startsWith(`${name}.`));
  return own.sort().map((one) => join(parent, one));
}

/** One that is whole. Its Python is a link to the machine's, which another version may have replaced. */
async function readyFolder(place: Place): Promise<string | undefined> {
  return (await foldersOf(place)).find((folder) => existsSync(readyFile(folder)) && existsSync(pythonOf(folder)));
}

function readyFile(folder: string): string {
  return join(folder, 'descent-ready');
}

function pythonOf(folder: string): string {
  return join(folder, 'bin', 'python');
}

type Command = [program: string, ...args: string[]];

function byUv(engine: DrivenEngine, uv: string, folder: string, requirements: string): Command[] {
  const python = pythonOf(folder);
  return [
    [
      uv,
      'venv',
      '--quiet',
      '--allow-existing',
      '--python',
      `>=3.${oldestPython},<3.${newestPython(engine) + 1}`,
      folder,
    ],
    // Compiled once, and not by every trainer that starts: that takes half a minute where Python is told to keep nothing.
    [uv, 'pip', 'install', '--quiet', '--compile-bytecode', '--require-hashes', '--python', python, '-r', requirements],
  ];
}

function byVenv(folder: string, requirements: string): Command[] {
  const python = onPath('python3') ?? 'python3';
  const pip = [pythonOf(folder), '-m', 'pip', '--disable-pip-version-check', '--quiet'] as const;
  return [
    [python, '-m', 'venv', folder],
    [...pip, 'install', '--require-hashes', '-r', requirements],
  ];
}

const oldestPython = 11;

/** An engine's lock is for Python 3.11 to this minor version. */
export function newestPython(engine: DrivenEngine): number {
  return engine === 'verl' ? 12 : 13;
}

async function install(engine: DrivenEngine, [program, ...args]: Command): Promise<void> {
  const { status, stderr, timedOut } = await run(program, args, { timeoutSeconds: installSeconds });
  if (status === 0) return;
  const { title } = engines[engine];
  const said = stderr.trim().split('\n').slice(-10).join('\n');
  const command = [program, ...args].join(' ');
  if (timedOut)
    throw new TrainerFailure(
      'no-network',
      `${title} was not installed within ${installSeconds / 3600} hours. Run the lineage again on a faster line: what was ` +
        'downloaded is kept.',
    );
  const { kind, remedy } = faultsOf(engine).find(({ sign }) => sign.test(said)) ?? otherFault;
  throw new TrainerFailure(kind, `${title} cannot be installed. ${remedy} \`${command}\` says: ${said}`);
}

interface Fault {
  sign: RegExp;
  kind: 'no-network' | 'disk-full' | 'bad-job';
  remedy: string;
}

/** What an installer says, what that is, and what to do. */
const faultsOf = (engine: DrivenEngine): readonly Fault[] => [
  {
    sign: /no space left|disk quota/i,
    kind: 'disk-full',
    remedy:
      'Free some gigabytes of disk, or let XDG_CACHE_HOME name a folder on a larger one, and run the lineage again.',
  },
  {
    sign: /network|connect|resolve host|timed out|temporary failure|name resolution/i,
    kind: 'no-network',
    remedy: 'Run the lineage again where this machine reaches PyPI; UV_INDEX_URL or PIP_INDEX_URL names a mirror.',
  },
  {
    sign: /hash(es)? (mismatch|do not match)|hash mismatch/i,
    kind: 'bad-job',
    remedy: 'The index serves other files than those that the lock was made of: take PyPI, or a mirror that copies it.',
  },
  {
    sign: /no (virtual environment|interpreter)|python.*(not found|not exist)|no matching distribution|requires-python|ENOENT/i,
    kind: 'bad-job',
    remedy: `Its packages are for Python 3.11 to 3.${newestPython(engine)}: install one of these, or uv, which brings its own.`,
  },
];

const otherFault = {
  kind: 'bad-job',
  remedy: 'Try the command that failed by hand, mend what it says, and run the lineage again.',
} as const;

function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}
