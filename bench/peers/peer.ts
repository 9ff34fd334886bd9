import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from '#setup/places.mjs';

/** Another's program, in Python, that a bench measures beside Descent. */
export interface Peer {
  name: string;
  /** The releases that `--peers` installs, with pip. */
  releases: string[];
  /** Its program where it is installed by a person. */
  onPath: string[];
  /** The same in a virtual environment. */
  inEnvironment(python: string): string[];
  /** What follows the program to have its version printed. */
  version: string[];
}

/** A peer that is on this machine. */
export type Found<P extends Peer> = P & {
  program: string[];
  /** What it says of its version. */
  found: string;
};

/** The peer that `--peers` installed, else what is on PATH; undefined where there is none. */
export async function findPeer<P extends Peer>(peer: P): Promise<Found<P> | undefined> {
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
  process.stderr.write(`installing ${peer.releases.join(', ')} into ${target} ...\n`);
  try {
    await must(['python3', '-m', 'venv', making]);
    await must([pythonOf(making), '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...peer.releases]);
    // Nothing in it is run by a path that it has written down.
    await renameUnlessThere(making, target);
  } finally {
    await rm(making, { recursive: true, force: true });
  }
}

/** Gives a folder its final name, unless another program was quicker: then what that one has put there stays. */
export async function renameUnlessThere(folder: string, target: string): Promise<void> {
  await rename(folder, target).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
  });
}

/** What a bench says of a peer that it did not find. */
export function leftOut({ name }: Peer, bench: string): string {
  return `${name} is not on this machine and was left out: \`npm run bench -- ${bench} --peers\` installs it.`;
}

/** Runs a program to its end. Throws, with what it said last, unless it ended well. */
export async function must(command: string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): Promise<void> {
  const { status, stderr } = await execute(command, options);
  if (status !== 0) throw new Error(`${command.join(' ')} ended with ${status}: ${stderr.trim().slice(-2000)}`);
}

function environmentOf({ releases }: Peer): string {
  return join(cacheFolder(), 'peers', releases.map((release) => release.replace('==', '-')).join('+'));
}

function pythonOf(environment: string): string {
  return join(environment, 'bin', 'python');
}

interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
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
