import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { open, readdir, readFile, readlink, rm, stat, statfs, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isRunning, type ProcessRecord, signalProcess } from '../../activities/processes.ts';
import { readHostState } from '../../cli/host-state.ts';
import { databasePath, storeFolder } from '../../store/home.ts';

/*
 * What can happen to lineages that run, each fault as it happens to people: a process is killed or stands still, a file
 * is cut off or changed, the disk is full, somebody reads the results, the clock is set.
 */

/** Where faults happen. */
export interface Scene {
  home: string;
  /** A whole number from `from` to `to`, both included. */
  draw(from: number, to: number): number;
  /** A `descent run` that is under way. */
  run: ChildProcess;
  /** The folders of the attempts that were changed; a fault that changes another adds it. */
  changed: Set<string>;
  /** The file by which all processes of the home take their clock: milliseconds that are added. */
  clock: string;
  /** Whether the home has a disk of its own, which may be filled. */
  ownDisk: boolean;
}

/** A fault; false where there is nothing now that it could happen to. */
type Fault = (scene: Scene) => Promise<boolean>;

export const faults = {
  'trainer killed': async (scene) => kill(await someTrainer(scene)),
  'trainer stopped': async (scene) => standStill(await someTrainer(scene), scene.draw(500, 3000)),
  'worker killed': async ({ home }) => kill((await readHostState(home))?.worker),
  // Longer than its heartbeat, now and then.
  'worker stopped': async ({ home, draw }) => standStill((await readHostState(home))?.worker, draw(500, 8000)),
  'server killed': async ({ home }) => kill((await readHostState(home))?.server),
  'server stopped': async ({ home, draw }) => standStill((await readHostState(home))?.server, draw(500, 4000)),
  'host killed': async ({ home }) => kill((await readHostState(home))?.host),
  'ingest killed': killIngest,
  'run interrupted': interrupt,
  'checkpoint cut off': cutCheckpoint,
  'artifact changed': changeArtifact,
  'results read': readResults,
  'disk filled': fillDisk,
  'clock set': setClock,
} satisfies Record<string, Fault>;

export type FaultKind = keyof typeof faults;

export const faultKinds = Object.keys(faults) as FaultKind[];

function kill(victim: ProcessRecord | null | undefined): boolean {
  return victim ? signalProcess(victim, 'SIGKILL') : false;
}

async function standStill(victim: ProcessRecord | null | undefined, milliseconds: number): Promise<boolean> {
  if (!victim || !signalProcess(victim, 'SIGSTOP')) return false;
  await sleep(milliseconds);
  signalProcess(victim, 'SIGCONT');
  return true;
}

/** A trainer that runs now. */
async function someTrainer({ home, draw }: Scene): Promise<ProcessRecord | undefined> {
  const trainers: ProcessRecord[] = [];
  for (const key of await namesIn(storeFolder(home))) {
    const text = await readFile(join(storeFolder(home), key, 'running.json'), 'utf8').catch(() => 'null');
    const trainer = (parsed(text) as { trainer: ProcessRecord | null } | null)?.trainer;
    if (trainer && isRunning(trainer)) trainers.push(trainer);
  }
  return oneOf(trainers, draw);
}

/** Kills the worker while it has the results open. */
async function killIngest({ home }: Scene): Promise<boolean> {
  const deadline = performance.now() + 3000;
  while (performance.now() < deadline) {
    const worker = (await readHostState(home))?.worker;
    if (worker && (await hasOpen(worker.pid, databasePath(home)))) return kill(worker);
    await sleep(5);
  }
  return false;
}

/** Whether a process has a file open, as Linux tells. */
async function hasOpen(pid: number, path: string): Promise<boolean> {
  const folder = `/proc/${pid}/fd`;
  for (const name of await namesIn(folder)) {
    if ((await readlink(join(folder, name)).catch(() => '')) === path) return true;
  }
  return false;
}

/** Ctrl-C. */
async function interrupt({ run }: Scene): Promise<boolean> {
  return run.exitCode === null && run.signalCode === null && run.kill('SIGINT');
}

/** Cuts the newest checkpoint of an unfinished attempt in two, as a power cut may, and ends whoever might still mend it. */
async function cutCheckpoint(scene: Scene): Promise<boolean> {
  const found: string[] = [];
  for (const attempt of await attempts(scene.home)) {
    const newest = (await namesIn(join(attempt, 'checkpoints')))
      .filter((name) => /^step-\d+$/.test(name))
      .sort()
      .at(-1);
    if (newest !== undefined) found.push(join(attempt, 'checkpoints', newest, 'model.safetensors'));
  }
  const path = oneOf(found, scene.draw);
  if (path === undefined) return false;
  try {
    await truncate(path, Math.floor((await stat(path)).size / 2));
  } catch (error) {
    // Its attempt was published meanwhile.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
  kill(await someTrainer(scene));
  return true;
}

/** Changes a byte of a model that is published: bit rot. */
async function changeArtifact({ home, draw, changed }: Scene): Promise<boolean> {
  const modelOf = (attempt: string): string => join(attempt, 'model', 'model.safetensors');
  const whole = (await attempts(home)).filter(
    (attempt) =>
      existsSync(join(attempt, 'manifest.json')) &&
      !existsSync(join(attempt, 'damage.txt')) &&
      existsSync(modelOf(attempt)),
  );
  const attempt = oneOf(whole, draw);
  if (attempt === undefined) return false;
  changed.add(attempt);
  const file = await open(modelOf(attempt), 'r+');
  try {
    const place = Math.floor((await file.stat()).size / 2);
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, place);
    await file.write(Buffer.from([(byte[0] ?? 0) ^ 0xff]), 0, 1, place);
  } finally {
    await file.close();
  }
  return true;
}

/** Somebody keeps the results open for a while, so that nothing can be written to them. */
async function readResults({ home, draw }: Scene): Promise<boolean> {
  if (!existsSync(databasePath(home))) return false;
  const hold = fileURLToPath(new URL('../results/scripts/hold.js', import.meta.url));
  const reader = spawn(process.execPath, [hold, home, 'read'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = once(reader, 'close');
  await Promise.race([once(reader.stdout, 'data'), closed]);
  await sleep(draw(500, 4000));
  reader.stdin.on('error', () => undefined);
  reader.stdin.end('\n');
  await closed;
  return true;
}

/** Leaves some kilobytes on the disk for a while. */
async function fillDisk({ home, draw, ownDisk }: Scene): Promise<boolean> {
  if (!ownDisk) return false;
  const ballast = join(home, 'ballast.tmp');
  try {
    const { bavail, bsize } = await statfs(home);
    const full = (error: NodeJS.ErrnoException): void => {
      if (error.code !== 'ENOSPC') throw error;
    };
    await writeFile(ballast, Buffer.alloc(Math.max(0, bavail * bsize - draw(0, 64) * 1024))).catch(full);
    await sleep(draw(500, 4000));
  } finally {
    await rm(ballast, { force: true });
  }
  return true;
}

/** Sets the clock of the home's processes, by up to a day, forwards or backwards. */
async function setClock({ clock, draw }: Scene): Promise<boolean> {
  await writeFile(clock, String(draw(-86_400_000, 86_400_000)));
  return true;
}

/** The folders of all attempts in a home. */
async function attempts(home: string): Promise<string[]> {
  const found: string[] = [];
  for (const key of (await namesIn(storeFolder(home))).sort()) {
    const folder = join(storeFolder(home), key);
    for (const name of await namesIn(folder)) if (name.startsWith('attempt-')) found.push(join(folder, name));
  }
  return found;
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw error;
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A note that is written now.
    return null;
  }
}

function oneOf<T>(choices: readonly T[], draw: Scene['draw']): T | undefined {
  return choices.length === 0 ? undefined : choices[draw(0, choices.length - 1)];
}
