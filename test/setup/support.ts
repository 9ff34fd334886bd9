import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** The checkout that the tests were compiled in. */
export const packageRoot = fileURLToPath(new URL('../../../', import.meta.url));

/** The cache that this machine's set-up filled. */
export const realCache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'descent');

/** A folder of the test's own, with a space in its path, as users have them. */
export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'descent set-up '));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export interface Outcome {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a Node program to its end; killed after two minutes. */
export function runNode(args: string[], options: { env?: NodeJS.ProcessEnv; cwd?: string } = {}): Promise<Outcome> {
  return startNode(args, options).ended;
}

export interface Running {
  interrupt: () => void;
  ended: Promise<Outcome>;
}

/** Starts a Node program. */
export function startNode(args: string[], options: { env?: NodeJS.ProcessEnv; cwd?: string } = {}): Running {
  const child = spawn(process.execPath, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    timeout: 120_000,
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (text) => {
    stdout += text;
  });
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, stdout, stderr }));
  });
  return { interrupt: () => child.kill('SIGINT'), ended };
}

/** Set-up's module of that name, as it is. */
export function setupModule(name: string): string {
  return pathToFileURL(join(packageRoot, 'scripts', 'setup', name)).href;
}

/** A world for one set-up: an empty cache, and a PATH with the given shell scripts on it and nothing else. */
export async function makeWorld(folder: string, programs: Record<string, string>): Promise<NodeJS.ProcessEnv> {
  const bin = join(folder, 'bin');
  await mkdir(bin, { recursive: true });
  for (const [name, script] of Object.entries(programs)) {
    await writeFile(join(bin, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(bin, name), 0o755);
  }
  return {
    HOME: join(folder, 'home'),
    XDG_CACHE_HOME: join(folder, 'cache'),
    PATH: bin,
    DESCENT_DEVICE: 'cpu',
    CXX: '',
  };
}

/** Lends a product of the real cache to a world's own. */
export async function lendFromCache(env: NodeJS.ProcessEnv, product: string): Promise<void> {
  const cache = join(env.XDG_CACHE_HOME ?? '', 'descent');
  await mkdir(cache, { recursive: true });
  await symlink(join(realCache, product), join(cache, product));
}
