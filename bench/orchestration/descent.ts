import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runQuery } from '../../results/query.ts';
import { type Case, lineageOf } from './cases.ts';
import { end, slots, startServer } from './server.ts';

const binary = fileURLToPath(new URL('../../cli/main.js', import.meta.url));
const idleWorker = fileURLToPath(new URL('./idle-worker.js', import.meta.url));

/** Resident memory in megabytes when so many nodes were done. */
export interface MemorySample {
  done: number;
  worker: number;
  server: number;
}

/** What Descent took for a case. */
export interface Measured {
  coldSeconds: number;
  /** Of the run after it, which has nothing to do. */
  againSeconds: number;
  memory: MemorySample[];
}

/**
 * Runs a case as a person does, `descent run FILE`, in a folder where the cases before it have run: cold, with the start
 * and the end of server and worker, and again, with nothing to do and no server there.
 */
export async function measureDescent(folder: string, each: Case): Promise<Measured> {
  await writeFile(join(folder, `${each.name}.yaml`), lineageOf(each));
  const memory: MemorySample[] = [];
  const coldSeconds = await timed(() => runCold(folder, each, memory));
  await expectRecorded(folder, each);
  const againSeconds = await timed(() => descentRun(folder, each));
  return { coldSeconds, againSeconds, memory };
}

/** Seconds that something takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1000;
}

async function runCold(folder: string, each: Case, memory: MemorySample[]): Promise<void> {
  const temporal = await startTemporal(folder);
  let done = 0;
  const sampling = setInterval(async () => {
    const [worker, server] = await Promise.all([megabytes(temporal.worker), megabytes(temporal.server)]);
    memory.push({ done, worker, server });
  }, 1000);
  try {
    await descentRun(folder, each, (count) => {
      done = count;
    });
  } finally {
    clearInterval(sampling);
    await end(temporal.worker);
    await end(temporal.server);
  }
}

/** `onDone` is told how many nodes are done. */
async function descentRun(folder: string, { name }: Case, onDone: (count: number) => void = () => {}): Promise<void> {
  const child = spawn(process.execPath, [binary, 'run', `${name}.yaml`, '--json'], {
    cwd: folder,
    env: { ...process.env, DESCENT_HOME: join(folder, 'home') },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const counts = [...text.matchAll(/"event":"counts","counts":(\{[^}]*\})/g)].at(-1)?.[1];
    if (counts) onDone((JSON.parse(counts) as { done: number }).done);
  });
  const [status] = await once(child, 'close');
  if (status !== 0) throw new Error(`descent run ${name}.yaml ended with ${status}`);
}

/** A server as a home's own, with a worker whose trainers do nothing; configured for whoever runs in the folder. */
async function startTemporal(folder: string): Promise<{ server: ChildProcess; worker: ChildProcess }> {
  const { server, address } = await startServer(folder);
  const config = { address, searchAttributes: true, devices: { cpu: { slots, threads: 1 } } };
  await writeFile(join(folder, 'temporal.config.json'), JSON.stringify(config));
  const worker = spawn(process.execPath, [idleWorker, join(folder, 'home')], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return { server, worker };
}

/** Resident memory of a process; 0 where it has ended, or this system does not tell. */
async function megabytes({ pid }: ChildProcess): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

/** Everything that was run is in DuckDB, or the figures are of something else. */
async function expectRecorded(folder: string, { trainings, evaluations }: Case): Promise<void> {
  for (const [type, wanted] of Object.entries({ pretrain: trainings, evaluate: evaluations })) {
    const { rows } = await runQuery(
      join(folder, 'home'),
      `SELECT count(*)::INTEGER FROM attempts JOIN nodes USING (key) WHERE state = 'done' AND nodes.type = $type`,
      { type },
    );
    if (Number(rows[0]?.[0]) < wanted) throw new Error(`${rows[0]?.[0]} of ${wanted} nodes (${type}) are recorded`);
  }
}
