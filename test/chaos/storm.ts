import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { VerifyReport } from '../../cli/render/verify.ts';
import { runQuery } from '../../results/query.ts';
import { attemptFolder } from '../../store/home.ts';
import { binary, descent } from '../cli/support.ts';
import { weights } from '../lineage/support.ts';
import { unexplainedDamage, unexplainedEnd } from './explain.ts';
import { type FaultKind, faults, type Scene } from './faults.ts';

/** Lineages to run at once, whatever happens. */
export interface Storm {
  /** The lineage files' folder, which is where `descent` runs. */
  folder: string;
  files: readonly string[];
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

/** A `descent run` under way. */
interface Run {
  file: string;
  process: ChildProcess;
  said: { stdout: string; stderr: string };
  /** What has happened since it was started. */
  struck: FaultKind[];
  closed: Promise<unknown>;
}

/**
 * Runs lineages under faults, as often as it takes, then once without, after which all must be done and `descent verify`
 * find nothing wrong. Gives how often each fault happened. Throws where a run ends, or something is found, that nothing
 * explains which happened.
 */
export async function weather(storm: Storm): Promise<Map<FaultKind, number>> {
  const { home, files, kinds, calmMs, tell } = storm;
  const generator = xoroshiro128plus(storm.seed);
  const draw: Scene['draw'] = (from, to) => uniformInt(generator, from, to);
  const clock = join(storm.folder, 'clock');
  await writeFile(clock, '0');
  const happened = new Map<FaultKind, number>();
  const changed = new Set<string>();
  const waiting = [...kinds];
  const runs = files.map((file) => startRun(storm, file, clock));
  const strike = async (kind: FaultKind): Promise<boolean> => {
    const run = runs[draw(0, runs.length - 1)] as Run;
    // Beforehand: a run may end of it before it is over.
    const hit = kind === 'run interrupted' ? [run] : runs;
    for (const { struck } of hit) struck.push(kind);
    const did = await faults[kind]({ home, draw, run: run.process, clock, ownDisk: storm.ownDisk, changed });
    if (did) happened.set(kind, (happened.get(kind) ?? 0) + 1);
    else for (const { struck } of hit) struck.pop();
    return did;
  };
  try {
    while (waiting.length > 0) {
      await sleep(draw(200, calmMs));
      for (const [at, run] of runs.entries()) {
        if (!hasEnded(run)) continue;
        await endOf(run, tell);
        // Done before its time: what it has to do again is what was changed.
        for (let more = run.process.exitCode === 0 ? 3 : 0; more > 0; more -= 1) await strike('artifact changed');
        await verify(storm, changed);
        runs[at] = startRun(storm, run.file, clock);
      }
      const at = draw(0, waiting.length - 1);
      const kind = waiting[at] as FaultKind;
      // With nothing to strike now, it stays among those that wait.
      if (!(await strike(kind))) continue;
      waiting.splice(at, 1);
      tell(`${kinds.length - waiting.length}/${kinds.length} ${kind}`);
    }
    for (const run of runs) await endOf(run, tell);
  } finally {
    for (const run of runs) run.process.kill('SIGKILL');
  }
  await verify(storm, changed);
  for (const file of files) {
    const last = startRun(storm, file, clock);
    await endOf(last, tell);
    assert.equal(last.process.exitCode, 0, `nothing happened to ${file}:\n${last.said.stdout.slice(-20_000)}`);
    await calmly(storm, 0, 'plan', file, '--detailed-exitcode');
  }
  // Attempts that were changed stay for whoever wants to look, until they are removed.
  await calmly(storm, 0, 'gc', ...files, '--attempts', '--apply');
  await calmly(storm, 0, 'verify');
  return happened;
}

/** Where a lineage stands at its end: each model's weights, and every row of its curves, data and evaluations. */
export async function outcome(
  home: string,
): Promise<{ weights: object; metrics: unknown[]; batches: unknown[]; evaluations: unknown[] }> {
  const batches = await runQuery(
    home,
    'SELECT key, step, digest, documents, problems FROM batches SEMI JOIN latest_attempts USING (key, attempt) ORDER BY ALL',
  );
  assert.ok(batches.rows.length > 0, 'each step says what it learned from');
  const metrics = await runQuery(home, 'SELECT key, step, metric, value FROM latest_metrics ORDER BY ALL');
  const evaluations = await runQuery(
    home,
    'SELECT key, suite, task, metric, value, n FROM latest_evaluations ORDER BY ALL',
  );
  assert.ok(metrics.rows.length > 0 && evaluations.rows.length > 0, 'there are curves and evaluations');
  return {
    weights: await weights(home),
    metrics: metrics.rows,
    batches: batches.rows,
    evaluations: evaluations.rows,
  };
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

/** Hashes everything again: what was changed is found, noted, and made anew by the next run. Throws where more is found. */
async function verify(storm: Storm, changed: ReadonlySet<string>): Promise<void> {
  const report = JSON.parse(await calmly(storm, [0, 1], 'verify', '--json')) as VerifyReport;
  const isInjected = (key: string, attempt: number) => changed.has(attemptFolder(storm.home, key, attempt));
  const found = unexplainedDamage(report, isInjected);
  assert.equal(found, undefined, `\`descent verify\` finds what was not injected: ${found}`);
}

/** Runs a command to which nothing happens; gives what it printed. Throws where it ends otherwise, or with an error. */
async function calmly({ folder, home }: Storm, expected: number | number[], ...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await descent(args, folder, { env: { DESCENT_HOME: home } });
  const fine = [expected].flat().some((code) => code === exitCode) && !/^error: /m.test(stderr);
  assert.ok(fine, `descent ${args.join(' ')} ended with ${exitCode}:\n${stdout.slice(-20_000)}${stderr}`);
  return stdout;
}

function startRun({ folder, home }: Storm, file: string, clock: string): Run {
  const preload = new URL('./shifted-clock.js', import.meta.url).href;
  const child = spawn(process.execPath, [binary, 'run', file, '--json'], {
    cwd: folder,
    env: { ...process.env, DESCENT_HOME: home, CHAOS_CLOCK: clock, NODE_OPTIONS: `--import=${preload}` },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      said[stream] += text;
    });
  return { file, process: child, said, struck: [], closed: once(child, 'close') };
}

function hasEnded({ process: { exitCode, signalCode } }: Run): boolean {
  return exitCode !== null || signalCode !== null;
}

/** Waits for a run's end. Throws where nothing that happened while it ran explains it. */
async function endOf(run: Run, tell: Storm['tell']): Promise<void> {
  const { file, said, struck } = run;
  await run.closed;
  const exitCode = codeOf(run.process);
  const unexplained = unexplainedEnd({ exitCode, ...said, struck });
  const happened = `after ${struck.join(', ') || 'nothing'}`;
  assert.equal(
    unexplained,
    undefined,
    `${file}: ${unexplained}, ${happened}:\n${said.stdout.slice(-20_000)}${said.stderr}`,
  );
  tell(`${file} ended with ${exitCode} ${happened}`);
}

/** As a shell says it: 130 also where Ctrl-C came before the command had begun, or after it was over. */
function codeOf({ exitCode, signalCode }: ChildProcess): number | null {
  return signalCode === null ? exitCode : 128 + constants.signals[signalCode];
}
