import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import type { JobName } from '../../activities/launchers/launcher.ts';
import {
  batchScript,
  endOf,
  jobEnvironment,
  queueReason,
  sbatchArguments,
  slurmLauncher,
} from '../../activities/launchers/slurm.ts';
import { loadConfig } from '../../cli/config.ts';
import { walltimeSeconds } from '../../cli/launcher-config.ts';
import type { SlurmSettings } from '../../temporal.config.ts';
import { packageRoot, temporaryFolder } from '../cli/support.ts';

const array = (count: number) => ({ name: 'descent-x', count, log: '/jobs/1.%a.log' });

test('jobs are handed in with what their class says, and nothing that it does not', () => {
  const least = sbatchArguments(array(1), {}, { device: 'cpu', threads: 2 });
  assert.deepEqual(least, [
    '--job-name=descent-x',
    '--array=0-0',
    '--nodes=1',
    '--ntasks=1',
    '--cpus-per-task=2',
    '--requeue',
    '--signal=B:USR2@60',
    '--output=/jobs/1.%a.log',
    '--open-mode=append',
  ]);
  const settings: SlurmSettings = {
    partition: 'a100',
    account: 'lm',
    qos: 'long',
    walltime: '1-00:00:00',
    memory: '64G',
    cpus: 16,
    saveSeconds: 120,
    options: ['--constraint=nvlink'],
  };
  const all = sbatchArguments(array(3), settings, { device: 'gpu-large', threads: 2 });
  assert.deepEqual(all.slice(1), [
    '--array=0-2',
    '--nodes=1',
    '--ntasks=1',
    '--cpus-per-task=16',
    '--requeue',
    '--signal=B:USR2@120',
    '--output=/jobs/1.%a.log',
    '--open-mode=append',
    '--partition=a100',
    '--account=lm',
    '--qos=long',
    '--time=1-00:00:00',
    '--mem=64G',
    '--gpus=1',
    '--constraint=nvlink',
  ]);
  const two = sbatchArguments(array(1), { gpus: 'a100:2' }, { device: 'gpu', threads: 1 });
  assert.ok(two.includes('--gpus=a100:2'));
});

test('a job has the environment of the worker, without keys and what is of its machine', () => {
  const kept = { PATH: '/bin', LANG: 'C', SLURM_CONF: '/etc/slurm.conf', OMP_NUM_THREADS: '2' };
  const keys = { TEMPORAL_API_KEY: 'x', OTEL_EXPORTER_OTLP_HEADERS: 'x', HF_TOKEN: 'x', OPENAI_API_KEY: 'x' };
  const machine = { TMPDIR: '/scratch', CUDA_VISIBLE_DEVICES: '0', DESCENT_MACHINE: 'x', SLURM_JOB_ID: '7' };
  assert.deepEqual(jobEnvironment({ ...kept, ...keys, ...machine, SBATCH_EXPORT: 'NONE' }), kept);
});

test('a job is found whatever people have set for their own use of squeue', async (t) => {
  const folder = await temporaryFolder(t);
  const listing =
    '[ -n "$SQUEUE_PARTITION" ] || echo "7_0|descent-x|0|RUNNING|None"; echo "7_1|descent-x|1|PENDING|QOSMaxJobsPerUserLimit"';
  writeFileSync(join(folder, 'squeue'), `#!/bin/sh\n${listing}\n`, { mode: 0o755 });
  const { PATH: path } = process.env;
  Object.assign(process.env, { PATH: `${folder}${delimiter}${path}`, SQUEUE_PARTITION: 'short' });
  t.after(() => {
    process.env.PATH = path;
    delete process.env.SQUEUE_PARTITION;
  });
  const { look } = slurmLauncher({}, { device: 'cpu', threads: 1 }, folder);
  assert.deepEqual(await look({ name: 'descent-x', task: 0 }), { phase: 'running' });
  const queue = { reason: 'QOSMaxJobsPerUserLimit', message: '', weight: 'notable' };
  assert.deepEqual(await look({ name: 'descent-x', task: 1 }), { phase: 'queued', queue });
  const ended = { phase: 'ended', by: null, words: 'is not known to Slurm any more' };
  assert.deepEqual(await look({ name: 'descent-y', task: 0 }), ended);
});

test('jobs of an array write beside one another, and into no folder of a node, which may be removed before they begin', async (t) => {
  const folder = await temporaryFolder(t);
  const script = '#!/bin/sh\nprintf "%s\\n" "$@" > "$(dirname "$0")/asked"\n';
  writeFileSync(join(folder, 'sbatch'), script, { mode: 0o755 });
  const { PATH: path } = process.env;
  process.env.PATH = `${folder}${delimiter}${path}`;
  t.after(() => {
    process.env.PATH = path;
  });
  const logs = join(folder, 'home', 'logs', '100%');
  const { submit } = slurmLauncher({}, { device: 'cpu', threads: 1 }, logs);
  const written: JobName[] = [];
  const nodes = ['first', 'second'].map((name) => join(folder, name, 'jobs', '1.json'));
  await Promise.all(
    nodes.map((notePath) => submit({ name: 'one', notePath, env: {}, write: (job) => void written.push(job) })),
  );
  assert.ok(existsSync(logs), 'Slurm makes no folder');
  const name = written[0]?.name;
  assert.deepEqual(
    written.map(({ log }) => log),
    [0, 1].map((task) => join(logs, `${name}.${task}.log`)),
  );
  const output = join(folder, 'home', 'logs', '100%%', `${name}.%a.log`);
  assert.ok(readFileSync(join(folder, 'asked'), 'utf8').split('\n').includes(`--output=${output}`));
});

test('a job of an array begins with its own note, whatever folders are called', async (t) => {
  const jobs = join(await temporaryFolder(t), "it's $HOME");
  mkdirSync(jobs);
  const notes = ['1.json', '2.json'].map((name) => join(jobs, name));
  for (const note of notes) writeFileSync(note, `no note: ${note.slice(-6)}`);
  const input = batchScript(notes, { setup: ['echo "set up on $SLURM_ARRAY_TASK_ID"'] });
  const env = { ...process.env, SLURM_ARRAY_TASK_ID: '1' };
  const { status, stdout, stderr } = spawnSync('bash', [], { input, env, encoding: 'utf8' });
  assert.deepEqual([status, stdout], [1, 'set up on 1\n']);
  assert.match(stderr, /SyntaxError: .*"no note: 2.json" is not valid JSON/);
});

test('why Slurm ended a job is told by its state, and that it was preempted by the time of that', () => {
  const kinds = (state: string, shown = 'JobState=X PreemptTime=None') => endOf({ id: '7_0', state }, shown)?.kind;
  assert.deepEqual(
    ['CANCELLED', 'TIMEOUT', 'DEADLINE', 'OUT_OF_MEMORY', 'NODE_FAIL', 'BOOT_FAIL', 'PREEMPTED'].map((state) =>
      kinds(state),
    ),
    ['job-cancelled', 'time-limit', 'time-limit', 'out-of-memory', 'device-lost', 'device-lost', 'preempted'],
  );
  assert.deepEqual(
    ['COMPLETED', 'FAILED'].map((state) => kinds(state)),
    [undefined, undefined],
  );
  assert.equal(kinds('FAILED', 'PreemptEligibleTime=2026-01-01T00:00:00 PreemptTime=2026-01-01T00:00:10'), 'preempted');
  assert.equal(kinds('CANCELLED', 'PreemptEligibleTime=2026-01-01T00:00:00 PreemptTime=None'), 'job-cancelled');
});

test('why a job waits is told, and of what no waiting mends that this is so', () => {
  const weights = (weight: string, ...reasons: string[]) =>
    assert.deepEqual(
      reasons.filter((reason) => queueReason(reason)?.weight !== weight),
      [],
      weight,
    );
  weights('ordinary', 'Priority', 'Resources', 'BeginTime', 'JobArrayTaskLimit');
  weights('notable', 'QOSMaxJobsPerUserLimit', 'AssocMaxJobsLimit', 'AssocGrpGRES', 'PartitionDown', 'ReqNodeNotAvail');
  weights('stuck', 'PartitionTimeLimit', 'BadConstraints', 'InvalidAccount', 'InvalidQOS', 'JobHeldUser');
  weights('stuck', 'QOSMaxWallDurationPerJobLimit', 'AssocMaxGRESPerJob', 'QOSMinGRES', 'launch failed requeued held');
  for (const none of ['None', '']) assert.equal(queueReason(none), undefined);
  for (const told of ['ReqNodeNotAvail, UnavailableNodes:a100-[1-4]', '(ReqNodeNotAvail, UnavailableNodes:a100-[1-4])'])
    assert.deepEqual(queueReason(told), {
      reason: 'ReqNodeNotAvail',
      message: 'UnavailableNodes:a100-[1-4]',
      weight: 'notable',
    });
});

test('a time as Slurm writes it is so many seconds', () => {
  const times = {
    '90': 5400,
    '10:30': 630,
    '24:00:00': 86_400,
    '2-12': 216_000,
    '1-01:30': 91_800,
    '1-00:00:01': 86_401,
  };
  for (const [text, seconds] of Object.entries(times)) assert.equal(walltimeSeconds(text), seconds, text);
  for (const text of ['', '24h', '1-', '1:2:3:4']) assert.equal(walltimeSeconds(text), null, text);
});

test('a launcher that cannot be is refused, with what it would have to be', async (t) => {
  const folder = await temporaryFolder(t);
  const load = async (device: object, name = 'gpu') => {
    const devices = { [name]: { slots: 8, threads: 4, ...device } };
    writeFileSync(join(folder, 'temporal.config.json'), JSON.stringify({ devices }));
    return (await loadConfig(folder, {})).config.devices[name];
  };
  const slurm = { partition: 'a100', walltime: '24:00:00', gpus: 'a100:2', setup: ['module load cuda'] };
  assert.deepEqual((await load({ launcher: { slurm } }))?.launcher, { slurm });
  const wrong: [object, RegExp][] = [
    [{ launcher: {} }, /`devices.gpu.launcher` must be `torchrun`, `slurm` or `kubernetes` with its settings$/],
    [{ launcher: { slurm, kubernetes: {} } }, /must be `torchrun`, `slurm` or `kubernetes`/],
    [{ launcher: { slrum: slurm } }, /there is no setting `devices.gpu.launcher.slrum`$/],
    [{ launcher: { slurm: { walltime: '24h' } } }, /`devices.gpu.launcher.slurm.walltime` must be a time as Slurm /],
    // Of Slurm that is no limit, and of a plan a job for each second.
    [{ launcher: { slurm: { walltime: '0' } } }, /`devices.gpu.launcher.slurm.walltime` must be .*, above 0/],
    [{ launcher: { slurm: { time: 1 } } }, /there is no setting `devices.gpu.launcher.slurm.time`$/],
    [
      { launcher: { kubernetes: { image: 'x', claim: 'y' } } },
      /`devices.gpu.launcher.kubernetes.mountPath` is missing/,
    ],
    [{ launcher: { torchrun: {} } }, /`devices.gpu.launcher.torchrun.processes` is missing/],
    [
      { launcher: { torchrun: { processes: 8 } } },
      /`devices.gpu.launcher` is torchrun, and there is no `trainer` for it to start$/,
    ],
    [{ launcher: { slurm }, gpus: ['0'] }, /`devices.gpu.gpus` cannot be beside its launcher/],
  ];
  for (const [device, message] of wrong) await assert.rejects(load(device), { message });
});

test('configurations in docs/launchers.md can be had', async (t) => {
  const folder = await temporaryFolder(t);
  const page = readFileSync(join(packageRoot, 'docs', 'launchers.md'), 'utf8');
  const blocks = [...page.matchAll(/^```json \S+\n(.*?)^```/gms)].map(([, text = '']) => text);
  assert.equal(blocks.length, 3);
  for (const text of blocks) {
    writeFileSync(join(folder, 'temporal.config.json'), text);
    assert.deepEqual((await loadConfig(folder, {})).config.devices, JSON.parse(text).devices);
  }
});
