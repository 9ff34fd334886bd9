import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir, userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { until } from '../../fixtures/home.ts';
import { freePort } from '../../fixtures/server.ts';

/** A Slurm of a test's own: one machine, which is this one, with four cores. */
export interface TestSlurm {
  /** To be SLURM_CONF of whoever uses it. */
  conf: string;
  /** Hands in a job that has all cores of the partition whose jobs go before others, for so long; gives its id. */
  preemptFor(seconds: number): string;
  /** All jobs it knows, also those that have ended, as `squeue` writes them: `3_0 descent-… RUNNING`. */
  jobs(): string[];
  /** Runs one of its commands; fails the test where that fails. */
  ask(command: string, ...args: string[]): string;
  /** Ends all jobs, and then everything that was started. */
  stop(): Promise<void>;
}

const programs = ['munged', 'slurmctld', 'slurmd', 'sbatch', 'squeue', 'scancel', 'scontrol'];

/** What is missing of Slurm on this machine; false where nothing is. */
export function missingSlurm(): string | false {
  const folders = `${process.env.PATH}${delimiter}/usr/sbin${delimiter}/sbin`.split(delimiter);
  const missing = programs.filter((program) => !folders.some((folder) => existsSync(join(folder, program))));
  if (missing.length > 0)
    return `there is no ${missing.join(', ')}: apt-get install slurmctld slurmd slurm-client munge`;
  return userInfo().uid === 0 ? false : 'only root can start a Slurm of its own';
}

/** Starts it. Its partitions: `low`, whose jobs are requeued for those of `high`. */
export async function startSlurm(): Promise<TestSlurm> {
  const folder = mkdtempSync(join(tmpdir(), 'descent-slurm-'));
  for (const name of ['munge', 'state', 'spool']) mkdirSync(join(folder, name), { mode: 0o700 });
  writeFileSync(join(folder, 'munge', 'key'), randomBytes(1024), { mode: 0o400 });
  const conf = join(folder, 'slurm.conf');
  writeFileSync(conf, configuration(folder, await freePort(), await freePort()));
  const env = { ...process.env, SLURM_CONF: conf, PATH: `${process.env.PATH}${delimiter}/usr/sbin${delimiter}/sbin` };
  const started: ChildProcess[] = [];
  const start = (program: string, ...args: string[]): void => {
    started.push(spawn(program, args, { env, stdio: 'ignore' }));
  };
  const run = (command: string, args: string[], input = '') =>
    spawnSync(command, args, { env, input, encoding: 'utf8', timeout: 30_000 });
  const ask = (command: string, args: string[], input = ''): string => {
    const { status, stdout, stderr } = run(command, args, input);
    if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${stderr}`);
    return stdout.trim();
  };
  const list = (...args: string[]): string[] =>
    ask('squeue', ['--noheader', '--array', '--format=%i %j %T', ...args])
      .split('\n')
      .filter((line) => line !== '');

  const munge = join(folder, 'munge');
  start(
    'munged',
    '--foreground',
    '--force',
    `--key-file=${munge}/key`,
    `--socket=${munge}/socket`,
    `--pid-file=${munge}/pid`,
    `--log-file=${munge}/log`,
    `--seed-file=${munge}/seed`,
  );
  await until(() => existsSync(join(munge, 'socket')), 'munged listens');
  start('slurmctld', '-D');
  start('slurmd', '-D', '-N', nodeName());
  await until(
    () => run('sinfo', ['--noheader', '--format=%T']).stdout.includes('idle'),
    'Slurm has its machine',
    () => ['controller.log', 'machine.log'].map((name) => logOf(join(folder, name))).join('\n'),
  );
  return {
    conf,
    preemptFor: (seconds) =>
      ask(
        'sbatch',
        ['--parsable', '--partition=high', '--exclusive', '--output=/dev/null'],
        `#!/bin/bash\nsleep ${seconds}\n`,
      ),
    jobs: () => list('--states=all'),
    ask: (command, ...args) => ask(command, args),
    async stop() {
      run('scancel', ['--user', userInfo().username]);
      await until(
        () => list().length === 0,
        'all jobs have ended',
        () => list().join('\n'),
      );
      for (const child of started.reverse()) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        child.kill();
        await once(child, 'exit');
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function configuration(folder: string, controllerPort: number, machinePort: number): string {
  return `ClusterName=descent
SlurmctldHost=${nodeName()}(127.0.0.1)
SlurmctldPort=${controllerPort}
SlurmdPort=${machinePort}
SlurmUser=${userInfo().username}
AuthType=auth/munge
# How long a job waits after it was requeued.
AuthInfo=socket=${folder}/munge/socket,cred_expire=5
CredType=cred/munge
StateSaveLocation=${folder}/state
SlurmdSpoolDir=${folder}/spool
SlurmctldPidFile=${folder}/controller.pid
SlurmdPidFile=${folder}/machine.pid
SlurmctldLogFile=${folder}/controller.log
SlurmdLogFile=${folder}/machine.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=4000
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SchedulerParameters=bf_interval=1
MpiDefault=none
KillWait=10
JobRequeue=0
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
NodeName=${nodeName()} NodeAddr=127.0.0.1 CPUs=4 RealMemory=16000 State=UNKNOWN
PartitionName=low Nodes=ALL Default=YES PriorityTier=1 State=UP
PartitionName=high Nodes=ALL PriorityTier=10 PreemptMode=OFF State=UP
`;
}

function nodeName(): string {
  return hostname().split('.')[0] as string;
}

function logOf(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(-20).join('\n') : '';
}
