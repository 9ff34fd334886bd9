import { deepEqual, equal, match } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { findGpu } from '#setup/gpu.mjs';
import { isRunning } from '../../activities/processes.ts';
import { type HostState, readHostState } from '../../cli/host-state.ts';
import type { RunEvent } from '../../cli/render/run-event.ts';
import type { Steering } from '../fixtures/trainer.ts';
import { descent, start, temporaryFolder, writeLineage } from './support.ts';

/*
 * The real command with a real Temporal and the trainer of test/fixtures, which does as it is told:
 *
 *   tokenizer:bytes ─▶ base@lr=1e-3 ─▶ heldout
 *                  └─▶ base@lr=3e-3 ─▶ heldout
 */

const trainer = fileURLToPath(new URL('../fixtures/trainer.js', import.meta.url));

/** A folder with the small lineage and a configuration that uses the steerable trainer. */
async function prepare(t: TestContext, steering: Record<string, Steering>): Promise<{ folder: string; steer: string }> {
  const folder = await temporaryFolder(t);
  const steer = join(folder, 'steering');
  await mkdir(steer);
  await writeLineage(folder);
  const config = { trainer: [process.execPath, trainer, steer], devices: { cpu: { slots: 2, threads: 1 } } };
  await writeFile(join(folder, 'temporal.config.json'), JSON.stringify(config));
  for (const [address, how] of Object.entries(steering)) {
    await writeFile(join(steer, `${address}.json`), JSON.stringify(how));
  }
  return { folder, steer };
}

async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 90_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited too long for ${what}`);
    await sleep(50);
  }
}

/** The address and verb of each plain line that says what became of a node. */
function deeds(stdout: string): string[] {
  return [...stdout.matchAll(/ {2}(start|done|blocked) +(\S+)/g)]
    .map(([, verb, address]) => `${verb} ${address}`)
    .sort();
}

test('interrupted, continued, and asked for again', { timeout: 240_000 }, async (t) => {
  const { folder, steer } = await prepare(t, { 'base@lr=1e-3': { steps: 4, gateAt: 3 } });
  const first = start(t, folder, 'run', 'lineage.yaml');
  await until(() => existsSync(join(steer, 'base@lr=1e-3.waiting')), 'the trainer to wait at its gate');
  await until(() => existsSync(join(steer, 'base@lr=3e-3_heldout.executions')), 'the other branch to go on');
  const host = await readHostState(join(folder, '.descent'));
  first.child.kill('SIGINT');
  const interrupted = await first.ended;
  equal(interrupted.exitCode, 130, interrupted.stderr);
  equal(interrupted.stderr, '');
  match(interrupted.stdout, /\n\ninterrupted after .*\n {2}go on with: {3}descent run lineage\.yaml\n$/);
  for (const record of [host?.host, host?.server, host?.worker]) {
    equal(record ? isRunning(record) : undefined, false, 'nothing that it started runs on');
  }

  const status = await descent(['status', 'small', '--json'], folder);
  const [report] = JSON.parse(status.stdout) as [
    { running: boolean; nodes: { address: string; state: string; reason: string }[] },
  ];
  equal(report.running, false);
  const node = report.nodes.find(({ address }) => address === 'base@lr=1e-3');
  deepEqual([node?.state, node?.reason], ['interrupted', 'attempt 1, step 2 of 8']);

  await writeFile(join(steer, 'base@lr=1e-3.go'), '');
  const second = await start(t, folder, 'run', 'lineage.yaml').ended;
  equal(second.exitCode, 0, second.stderr);
  deepEqual(
    deeds(second.stdout).filter((deed) => deed.startsWith('done base@lr=1e-3')),
    ['done base@lr=1e-3', 'done base@lr=1e-3/heldout'],
  );
  match(second.stdout, /^small: 5 nodes: \d reuse, 1 resume, \d run · 6,144 tokens · /);

  const before = readFileSync(join(steer, 'base@lr=1e-3.executions'), 'utf8');
  const third = await descent(['run', 'lineage.yaml'], folder);
  deepEqual([third.exitCode, third.stderr], [0, '']);
  match(
    third.stdout,
    /^small: 5 nodes: 5 reuse\n\ndone in .*\n {2}results: {6}\.descent\n {2}ask them: {5}descent query summary\n$/,
  );
  equal(readFileSync(join(steer, 'base@lr=1e-3.executions'), 'utf8'), before);

  await t.test('force a node that succeeded: attempt 2, the old kept', async () => {
    const nothing = await descent(['run', 'lineage.yaml', '--force', 'bsae'], folder);
    equal(nothing.exitCode, 1);
    match(nothing.stderr, /there is no stage `bsae`[\s\S]*base/);
    const outside = await descent(['run', 'lineage.yaml', '--select', '*@lr=3e-3', '--force', 'base@lr=1e-3'], folder);
    match(outside.stderr, /--force names base@lr=1e-3, which --select leaves out/);

    const planned = await descent(['plan', 'lineage.yaml', '--force', 'base@lr=1e-3'], folder);
    match(planned.stdout, /\nrun +base@lr=1e-3 +[0-9a-f]{12} +forced: attempt 2, and attempt 1 is kept/);
    match(planned.stdout, /\nreuse +base@lr=1e-3\/heldout /);
    const forced = await start(t, folder, 'run', 'lineage.yaml', '--force', 'base@lr=1e-3').ended;
    deepEqual([forced.exitCode, forced.stderr], [0, '']);
    match(forced.stdout, /^small: 5 nodes: 4 reuse, 1 run /);
    deepEqual(
      deeds(forced.stdout).filter((deed) => deed.startsWith('done')),
      ['done base@lr=1e-3'],
    );
    const ask = async (sql: string) =>
      JSON.parse((await descent(['query', sql, '--format', 'json'], folder)).stdout) as unknown;
    deepEqual(
      await ask("select attempt, state from attempts where address = 'base@lr=1e-3' order by attempt"),
      [
        { attempt: 1, state: 'done' },
        { attempt: 2, state: 'done' },
      ],
      'both are in the tables',
    );
    const newest =
      "select distinct attempt from latest_metrics join latest_attempts using (key, attempt) where address = 'base@lr=1e-3'";
    deepEqual(await ask(newest), [{ attempt: 2 }], 'views take the newest');
    const { attempts } = JSON.parse((await descent(['show', 'base@lr=1e-3', '--json'], folder)).stdout) as {
      attempts: { attempt: number; state: string }[];
    };
    deepEqual(attempts.map(({ attempt }) => attempt).sort(), [1, 2], 'both are in the store');

    const again = await descent(['run', 'lineage.yaml'], folder);
    match(again.stdout, /^small: 5 nodes: 5 reuse\n/, 'forced once is not forced for ever');
  });
});

test('a node that fails: its branch is blocked, the other goes on, exit code 1', { timeout: 240_000 }, async (t) => {
  const { folder } = await prepare(t, { 'base@lr=3e-3': { failAt: 2, kind: 'diverged' } });
  const { exitCode, stdout, stderr } = await start(t, folder, 'run', 'lineage.yaml', '--json').ended;
  deepEqual([exitCode, stderr], [1, '']);
  // Where the machine is busy, that the server is waited for is noted.
  const events = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as RunEvent)
    .filter(({ event }) => event !== 'notice');
  equal(events[0]?.event, 'planned');
  equal(events[1]?.event, 'connected');
  const finished = events.flatMap((event) => (event.event === 'finished' ? [event.address] : []));
  deepEqual(finished.sort(), ['base@lr=1e-3', 'base@lr=1e-3/heldout', 'tokenizer:bytes']);
  const failed = events.find((event) => event.event === 'failed');
  deepEqual(failed && { ...failed, key: '' }, {
    event: 'failed',
    address: 'base@lr=3e-3',
    key: '',
    kind: 'diverged',
    reason: 'it was told to fail at step 2',
    lastLines: ['about to fail: diverged'],
    remedy:
      'lower its lr, lengthen its warmup or give clip a smaller value above 0 (0 is off), then `descent run` again',
  });
  deepEqual(
    events.find((event) => event.event === 'blocked'),
    { event: 'blocked', addresses: ['base@lr=3e-3/heldout'] },
  );
  const last = events.at(-1);
  deepEqual(last?.event === 'ended' && [last.outcome, last.reason], [
    'failed',
    '1 of 5 nodes failed, and 1 could not run because of them',
  ]);
});

test('run --select: those nodes and what they need; then those that failed', { timeout: 240_000 }, async (t) => {
  const { folder, steer } = await prepare(t, { 'base@lr=3e-3': { failAt: 2, kind: 'diverged', failures: 1 } });
  const addressesOf = async (selector: string): Promise<string[]> => {
    const { stdout } = await descent(['plan', 'lineage.yaml', '--json', '--select', selector], folder);
    return (JSON.parse(stdout) as { nodes: { address: string }[] }).nodes.map(({ address }) => address);
  };
  const first = await start(t, folder, 'run', 'lineage.yaml', '--select', '*@lr=3e-3').ended;
  equal(first.exitCode, 1, first.stderr);
  match(first.stdout, /^small: 2 nodes: 2 run .*\n.*this runs 2 of the 5 nodes in lineage\.yaml/);
  deepEqual(
    deeds(first.stdout).filter((deed) => !deed.startsWith('start')),
    ['done tokenizer:bytes'],
  );
  match(first.stdout, /\nfailed {2}base@lr=3e-3: /);
  match(first.stdout, /\n {2}try again: {4}descent run lineage\.yaml --select '\*@lr=3e-3'\n/);
  deepEqual(await addressesOf('state:failed'), ['base@lr=3e-3']);
  deepEqual(await addressesOf('state:done'), ['tokenizer:bytes']);
  deepEqual(await addressesOf('state:waiting,type:pretrain'), ['base@lr=1e-3']);

  const second = await start(t, folder, 'run', 'lineage.yaml', '--select', 'state:failed').ended;
  equal(second.exitCode, 0, second.stderr);
  deepEqual(await addressesOf('state:done'), ['tokenizer:bytes', 'base@lr=3e-3']);
  equal(existsSync(join(steer, 'base@lr=1e-3.executions')), false, 'nothing else was run');
});

test('a second Ctrl-C ends at once what does not end by itself', { timeout: 240_000 }, async (t) => {
  const { folder, steer } = await prepare(t, { 'base@lr=1e-3': { gateAt: 2, ignoreSigterm: true } });
  const { child, ended } = start(t, folder, 'run', 'lineage.yaml');
  const waiting = join(steer, 'base@lr=1e-3.waiting');
  await until(() => existsSync(waiting), 'the trainer to wait at its gate');
  const host = await readHostState(join(folder, '.descent'));
  const stubborn = Number(readFileSync(waiting, 'utf8'));
  t.after(() => killGroup(stubborn));
  child.kill('SIGINT');
  await sleep(1000);
  if (child.exitCode !== null) throw new Error(`it did not wait for the trainer: ${JSON.stringify(await ended)}`);
  child.kill('SIGINT');
  const { exitCode, stdout } = await ended;
  equal(exitCode, 130);
  match(stdout, /\ninterrupted after .*: stopped at once, so what was done since the newest checkpoints is lost\n/);
  for (const record of [host?.host, host?.server, host?.worker]) {
    equal(record ? isRunning(record) : undefined, false, 'nothing that it started runs on');
  }
});

test('up keeps a server and a worker until Ctrl-C; run joins them and leaves them', { timeout: 240_000 }, async (t) => {
  const { folder } = await prepare(t, {});
  const up = start(t, folder, 'up');
  const home = join(folder, '.descent');
  const states: (HostState | undefined)[] = [];
  await until(async () => {
    states[0] = await readHostState(home);
    return states[0]?.state === 'running';
  }, 'the host');
  equal((await start(t, folder, 'run', 'lineage.yaml').ended).exitCode, 0);
  const [before] = states;
  deepEqual((await readHostState(home))?.host, before?.host, 'the same host runs on');
  up.child.kill('SIGINT');
  const { exitCode, stdout, stderr } = await up.ended;
  equal(exitCode, 130);
  match(stdout, /^Temporal: 127\.0\.0\.1:\d+, with its UI at http:\/\/127\.0\.0\.1:\d+\n/);
  equal(stderr, 'stopping; Ctrl-C again stops at once\n');
  equal(before ? isRunning(before.host) : undefined, false, 'it has ended');
});

test('a worker for a GPU that is not there says so, to who starts it and in the log', {
  timeout: 240_000,
}, async (t) => {
  if (findGpu() !== undefined) {
    t.skip('this machine has a GPU');
    return;
  }
  const { folder } = await prepare(t, {});
  await writeFile(join(folder, 'temporal.config.json'), JSON.stringify({ devices: { gpu: { slots: 1, threads: 1 } } }));
  const home = join(folder, '.descent');
  const up = start(t, folder, 'up');
  await until(async () => (await readHostState(home))?.state === 'running', 'the host');
  const worker = start(t, folder, 'worker', '--queue', 'gpu');
  const log = join(home, 'logs', 'worker.log');
  await until(() => existsSync(log) && /WARN no GPU was found/.test(readFileSync(log, 'utf8')), 'the log');
  worker.child.kill('SIGTERM');
  match(
    (await worker.ended).stderr,
    /^warning: no GPU was found on this machine: what asks for one runs on the CPU; `descent doctor` says more\n/,
  );
  up.child.kill('SIGINT');
  await up.ended;
});

test('a second run follows the first; interrupted, it leaves it to go on', { timeout: 240_000 }, async (t) => {
  const { folder, steer } = await prepare(t, { 'base@lr=1e-3': { steps: 4, gateAt: 3 } });
  const first = start(t, folder, 'run', 'lineage.yaml');
  await until(() => existsSync(join(steer, 'base@lr=1e-3.waiting')), 'the trainer to wait at its gate');
  const second = start(t, folder, 'run', 'lineage.yaml');
  let said = '';
  second.child.stdout?.on('data', (text: string) => {
    said += text;
  });
  await until(() => said.includes('start     base@lr=1e-3'), 'the second to follow');
  second.child.kill('SIGINT');
  const { exitCode, stdout } = await second.ended;
  equal(exitCode, 130);
  match(stdout, /note +follows a run that is already under way\n/);
  match(
    stdout,
    /\n\nleft after .*: it goes on in the other `descent run`\n {2}follow again: descent run lineage\.yaml\n$/,
  );
  equal(stdout.includes('saving checkpoints'), false);
  await writeFile(join(steer, 'base@lr=1e-3.go'), '');
  const { exitCode: end, stdout: told } = await first.ended;
  equal(end, 0);
  equal(told.includes('already under way'), false);
});

test('a disk that is full, or becomes so, is said to be, and nothing runs on', { timeout: 120_000 }, async (t) => {
  const { folder } = await prepare(t, {});
  const home = join(folder, 'home');
  await mkdir(home);
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=60m', 'tmpfs', home]).status !== 0) {
    t.skip('this user may not mount a small disk');
    return;
  }
  const fill = (megabytes: number) =>
    spawnSync('dd', ['if=/dev/zero', `of=${join(home, `fill-${megabytes}`)}`, 'bs=64k', `count=${megabytes * 16}`]);
  const full = /^error: .*the Temporal server .*: the disk of .* is full \(\d+ MB free\): free some space/;

  try {
    fill(40);
    match((await descent(['--home', 'home', 'run', 'lineage.yaml'], folder)).stderr, full);
    rmSync(join(home, 'fill-40'));
    fill(26);
    const { ended } = start(t, folder, '--home', 'home', 'run', 'lineage.yaml');
    await until(() => existsSync(join(home, 'logs', 'temporal.log')), 'the server');
    await sleep(200);
    fill(60);
    const { exitCode, stderr } = await ended;
    equal(exitCode, 1);
    match(stderr, full);
    const left = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && commandOf(pid).includes(home));
    deepEqual(left.map(commandOf), []);
  } finally {
    spawnSync('umount', [home]);
  }
});

test('a Temporal that cannot be reached: why, and what to do', { timeout: 120_000 }, async (t) => {
  const { folder } = await prepare(t, {});
  const to = (address: string) => descent(['run', 'lineage.yaml'], folder, { env: { TEMPORAL_ADDRESS: address } });
  const hint = 'hint: check that it runs and that the address is right; without TEMPORAL_ADDRESS, Descent starts';
  const refused = await to('127.0.0.1:9');
  equal(refused.exitCode, 1);
  match(refused.stderr, new RegExp(`because: nothing listens there \\(ECONNREFUSED\\)\\n {2}${hint}`));
  match((await to('nowhere.invalid:7233')).stderr, /because: the name nowhere\.invalid does not resolve/);
});

test('a device class that nobody serves is an error before anything is started', async (t) => {
  const { folder } = await prepare(t, {});
  const expected = (hint: string) => ({
    exitCode: 1,
    stdout: 'small: 5 nodes: 5 run · 16.4K tokens · 1.25e9 FLOP\n',
    stderr: `error: this machine has no device class \`tpu\`\n  hint: ${hint}\n`,
  });
  deepEqual(
    await descent(['run', 'lineage.yaml', '--device', 'tpu'], folder),
    expected(
      "it has cpu; choose one with --device, --queue or in the lineage's placement, or name others in temporal.config",
    ),
  );
  equal(existsSync(join(folder, '.descent', 'host.json')), false);
  const worker = await descent(['worker', '--queue', 'cpu'], folder);
  equal(worker.exitCode, 1);
  match(
    worker.stderr,
    /^error: no Temporal is configured, and none runs for this home\n {2}hint: set TEMPORAL_ADDRESS/,
  );
});

/** The command line of a process; empty where it has ended. */
function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

/** Ends the trainer that ignores every request. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
