import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { runQuery } from '../../results/query.ts';
import { binary, descent } from '../cli/support.ts';
import { weights } from '../lineage/support.ts';
import { type FaultKind, faults, type Scene } from './faults.ts';

/** A lineage to run, whatever happens. */
export interface Storm {
  /** The lineage file's folder, which is where `descent` runs. */
  folder: string;
  file: string;
  home: string;
  /** Of the faults' order, places and times. */
  seed: number;
  /** What is to happen, in some order: the storm decides. */
  kinds: readonly FaultKind[];
  ownDisk: boolean;
  /** Longest pause between two faults, in milliseconds. */
  calmMs: number;
  tell(text: string): void;
}

/** A run that ends by itself this often in a row is not hindered by faults any more. */
const mostRuns = 12;

/**
 * Runs a lineage under faults, as often as it takes, then without until all is done and `descent verify` finds nothing
 * wrong. Gives how often each fault happened. Throws where the lineage cannot be brought to its end.
 */
export async function weather(storm: Storm): Promise<Map<FaultKind, number>> {
  const { home, kinds, calmMs, tell } = storm;
  const generator = xoroshiro128plus(storm.seed);
  const draw: Scene['draw'] = (from, to) => uniformInt(generator, from, to);
  const clock = join(storm.folder, 'clock');
  await writeFile(clock, '0');
  const happened = new Map<FaultKind, number>();
  const waiting = [...kinds];
  let run = startRun(storm, clock);
  const strike = async (kind: FaultKind): Promise<boolean> => {
    const did = await faults[kind]({ home, draw, run, clock, ownDisk: storm.ownDisk });
    if (did) happened.set(kind, (happened.get(kind) ?? 0) + 1);
    return did;
  };
  try {
    while (waiting.length > 0) {
      await sleep(draw(200, calmMs));
      if (hasEnded(run)) {
        // Done before its time: what it has to do again is what was changed.
        for (let more = run.exitCode === 0 ? 3 : 0; more > 0; more -= 1) await strike('artifact changed');
        await verify(storm);
        run = startRun(storm, clock);
      }
      const at = draw(0, waiting.length - 1);
      const kind = waiting[at] as FaultKind;
      // With nothing to strike now, it stays among those that wait.
      if (!(await strike(kind))) continue;
      waiting.splice(at, 1);
      tell(`${kinds.length - waiting.length}/${kinds.length} ${kind}`);
    }
    await ended(run);
  } finally {
    run.kill('SIGKILL');
  }
  for (let runs = 1; ; runs += 1) {
    const last = startRun(storm, clock);
    const output = collect(last);
    const exitCode = await ended(last);
    await verify(storm);
    if (exitCode === 0 && (await isDone(storm))) return happened;
    tell(`run ${runs} after the last fault ended with ${exitCode}`);
    if (runs === mostRuns) throw new Error(`the lineage does not come to its end:\n${output()}`);
  }
}

/** Where a lineage stands at its end: each model's weights, and every row of its curves and evaluations. */
export async function outcome(home: string): Promise<{ weights: object; metrics: unknown[]; evaluations: unknown[] }> {
  const metrics = await runQuery(home, 'SELECT key, step, metric, value FROM latest_metrics ORDER BY ALL');
  const evaluations = await runQuery(
    home,
    'SELECT key, suite, task, metric, value, n FROM latest_evaluations ORDER BY ALL',
  );
  assert.ok(metrics.rows.length > 0 && evaluations.rows.length > 0, 'there are curves and evaluations');
  return { weights: await weights(home), metrics: metrics.rows, evaluations: evaluations.rows };
}

/** Fails where a process of the home is still there; those that are ending get ten seconds. */
export async function expectNothingRuns(home: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  let left = await processesOf(home);
  while (left.length > 0 && performance.now() < deadline) {
    await sleep(100);
    left = await processesOf(home);
  }
  assert.deepEqual(left, []);
}

/** The command lines of processes that have a home in their environment or arguments. */
async function processesOf(home: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
    const [command, environment] = await Promise.all(
      ['cmdline', 'environ'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '')),
    );
    if (command?.includes(home) || environment?.includes(`DESCENT_HOME=${home}\0`)) {
      found.push(`${pid} ${command?.replaceAll('\0', ' ')}`);
    }
  }
  return found;
}

/** Hashes everything again: what was changed is found, noted, and made anew by the next run. */
async function verify({ folder, home }: Storm): Promise<void> {
  await descent(['verify'], folder, { env: { DESCENT_HOME: home } });
}

/** Whether nothing is to do any more. */
async function isDone({ folder, file, home }: Storm): Promise<boolean> {
  const { exitCode } = await descent(['plan', file, '--detailed-exitcode'], folder, { env: { DESCENT_HOME: home } });
  return exitCode === 0;
}

function startRun({ folder, file, home }: Storm, clock: string): ChildProcess {
  const preload = new URL('./shifted-clock.js', import.meta.url).href;
  return spawn(process.execPath, [binary, 'run', file, '--json'], {
    cwd: folder,
    env: { ...process.env, DESCENT_HOME: home, CHAOS_CLOCK: clock, NODE_OPTIONS: `--import=${preload}` },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

function hasEnded(run: ChildProcess): boolean {
  return run.exitCode !== null || run.signalCode !== null;
}

async function ended(run: ChildProcess): Promise<number | null> {
  run.stdout?.resume();
  run.stderr?.resume();
  if (!hasEnded(run)) await once(run, 'exit');
  return run.exitCode;
}

/** What a run says, from now on. */
function collect(run: ChildProcess): () => string {
  let text = '';
  for (const stream of [run.stdout, run.stderr])
    stream?.setEncoding('utf8').on('data', (data: string) => {
      text = `${text}${data}`.slice(-20_000);
    });
  return () => text;
}
