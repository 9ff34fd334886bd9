import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder, packageRoot } from '#setup/places.mjs';
import type { Case } from './cases.ts';
import { timed } from './descent.ts';

/** Another engine that runs the same lineages, on two cores. */
export interface Peer {
  name: 'Snakemake' | 'Prefect';
  /** The release that `--peers` installs, with pip. */
  release: string;
  /** Its program where it is installed by a person. */
  onPath: string[];
  /** The same in a virtual environment. */
  inEnvironment(python: string): string[];
  /** What follows the program to have its version printed. */
  version: string[];
  /** The file in this folder that has the lineages. */
  file: string;
  /** What follows the program to run a case in a folder where `file` is. */
  run(each: Case): string[];
  /** All that it keeps lies in the folder; nothing is told to anybody. */
  env(folder: string): NodeJS.ProcessEnv;
}

export const peers: readonly Peer[] = [
  {
    name: 'Snakemake',
    release: 'snakemake==9.27.1',
    onPath: ['snakemake'],
    inEnvironment: (python) => [python, '-m', 'snakemake'],
    version: ['--version'],
    file: 'Snakefile',
    // Jobs are no processes, as those of Descent are none here: a process for each would take Snakemake a second.
    run: ({ seeds, suites }) => [
      ...['--cores', '2', '--force-use-threads', '--quiet', 'host', 'progress', 'rules', 'reason'],
      ...['--config', `seeds=${seeds}`, `suites=${suites.join(' ')}`],
    ],
    env: (folder) => ({ XDG_CACHE_HOME: join(folder, 'cache'), XDG_CONFIG_HOME: join(folder, 'config') }),
  },
  {
    name: 'Prefect',
    release: 'prefect==3.9.1',
    onPath: ['python3'],
    inEnvironment: (python) => [python],
    version: ['-c', 'import prefect; print(prefect.__version__)'],
    file: 'flow.py',
    run: ({ seeds, suites }) => ['flow.py', String(seeds), ...suites],
    // Without an address it starts a server of its own, with SQLite, for as long as the flow runs.
    env: (folder) => ({
      PREFECT_HOME: join(folder, 'prefect'),
      PREFECT_LOGGING_LEVEL: 'ERROR',
      PREFECT_SERVER_LOGGING_LEVEL: 'CRITICAL',
      PREFECT_SERVER_ANALYTICS_ENABLED: 'false',
      DO_NOT_TRACK: '1',
    }),
  },
];

/** A peer that is on this machine. */
export interface FoundPeer extends Peer {
  program: string[];
  found: string;
}

/** The peer that `--peers` installed, else what is on PATH; undefined where there is none. */
export async function findPeer(peer: Peer): Promise<FoundPeer | undefined> {
  const python = pythonOf(environmentOf(peer));
  for (const program of [...(existsSync(python) ? [peer.inEnvironment(python)] : []), peer.onPath]) {
    const { status, stdout } = await execute([...program, ...peer.version]);
    if (status === 0) return { ...peer, program, found: stdout.trim() };
  }
  return undefined;
}

/** Installs a peer with pip into a virtual environment of its own in the user's cache folder, unless it is there. */
export async function installPeer(peer: Peer): Promise<void> {
  const target = environmentOf(peer);
  if (existsSync(target)) return;
  const making = `${target}.partial-${process.pid}`;
  process.stderr.write(`installing ${peer.release} into ${target} ...\n`);
  try {
    await must(['python3', '-m', 'venv', making]);
    await must([pythonOf(making), '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', peer.release]);
    // Nothing in it is run by a path that it has written down.
    await rename(making, target);
  } finally {
    await rm(making, { recursive: true, force: true });
  }
}

/** Seconds that a peer takes for a case, cold and with nothing to do, where the cases before it have run in the folder. */
export async function measurePeer(
  peer: FoundPeer,
  folder: string,
  each: Case,
): Promise<{ coldSeconds: number; againSeconds: number }> {
  await mkdir(folder, { recursive: true });
  await copyFile(join(packageRoot, 'bench', 'orchestration', peer.file), join(folder, peer.file));
  const run = () => must([...peer.program, ...peer.run(each)], { cwd: folder, env: peerEnvironment(peer, folder) });
  const measured = { coldSeconds: await timed(run), againSeconds: await timed(run) };
  await expectFiles(folder, each);
  return measured;
}

/** Everything is there, or the figures are of something else. */
async function expectFiles(folder: string, { seeds, suites }: Case): Promise<void> {
  const wanted = ['config.json', 'model.safetensors', ...suites.map((suite) => `${suite}.json`)];
  for (let seed = 1; seed <= seeds; seed += 1) {
    const found = await readdir(join(folder, `base@seed=${seed}`));
    const missing = wanted.find((file) => !found.includes(file));
    if (missing) throw new Error(`base@seed=${seed}/${missing} was not made`);
  }
}

/** Without a person's own settings of it: a server elsewhere, a profile. */
function peerEnvironment(peer: Peer, folder: string): NodeJS.ProcessEnv {
  const others = Object.entries(process.env).filter(([name]) => !/^(PREFECT|SNAKEMAKE)_/.test(name));
  return { ...Object.fromEntries(others), ...peer.env(folder) };
}

function environmentOf({ release }: Peer): string {
  return join(cacheFolder(), 'peers', release.replace('==', '-'));
}

function pythonOf(environment: string): string {
  return join(environment, 'bin', 'python');
}

interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

async function must(command: string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): Promise<void> {
  const { status, stderr } = await execute(command, options);
  if (status !== 0) throw new Error(`${command.join(' ')} ended with ${status}: ${stderr.trim().slice(-2000)}`);
}

/** Runs a program to its end; status null where it could not be started, or a signal ended it. */
async function execute(
  [program = '', ...args]: string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Ended> {
  const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended: Ended = { status: null, stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    ended.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    ended.stderr += text;
  });
  try {
    const [status] = await once(child, 'close');
    return { ...ended, status };
  } catch (error) {
    return { ...ended, stderr: (error as Error).message };
  }
}
