import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { onPath } from '#setup/processes.mjs';
import { isGpuClass } from '../../schemas/device-class.ts';
import { lately } from '../../store/lately.ts';
import type { SlurmSettings } from '../../temporal.config.ts';
import type { QueueReason } from '../../workflows/messages.ts';
import { NodeError } from '../failures.ts';
import { type ClusterEnd, trainerEnvironment } from '../trainer.ts';
import { type Answer, ask } from './command.ts';
import type { JobName, JobOptions, JobState, Launcher, Ticket } from './launcher.ts';

/** What of Slurm's is asked. */
const commands = ['sbatch', 'squeue', 'scontrol', 'scancel'];

/** So long jobs are waited for that are ready at about the same time: they are handed in as one array. */
const gatherMs = 500;

/**
 * Runs trainers as jobs of Slurm, by its own commands, as the person who runs the worker.
 *
 * @param logs absolute path of a folder for what jobs' shells write: no node's own, as all of an array write there, and nodes
 * are removed
 */
export function slurmLauncher(settings: SlurmSettings, options: JobOptions, logs: string): Launcher {
  const { pollSeconds = 15 } = settings;
  const gathered = new Map<string, { tickets: Ticket[]; submitted: Promise<void> }>();
  const list = lately(pollSeconds * 900, listJobs);

  const find = async ({ name, task }: JobName): Promise<Listed | undefined> =>
    (await list()).find((one) => one.name === name && one.task === task);

  return {
    pollSeconds,
    submit(ticket) {
      const key = JSON.stringify(ticket.env);
      const open = gathered.get(key);
      if (open !== undefined) {
        open.tickets.push(ticket);
        return open.submitted;
      }
      const tickets = [ticket];
      const submitted = sleep(gatherMs).then(() => {
        gathered.delete(key);
        list.forget();
        return submitArray(tickets, settings, options, logs).finally(list.forget);
      });
      gathered.set(key, { tickets, submitted });
      return submitted;
    },
    async wouldTake() {
      const missing = commands.filter((command) => onPath(command) === undefined);
      if (missing.length > 0)
        throw new NodeError('no-launcher', `there is no ${missing.join(', no ')} on this machine's PATH`);
      const array = { name: 'descent-doctor', count: 1, log: '/dev/null' };
      await sbatch(['--test-only', ...sbatchArguments(array, settings, options)], {
        input: batchScript(['/dev/null'], settings),
        env: jobEnvironment(process.env),
      });
      await list();
    },
    async look(job) {
      try {
        const found = await find(job);
        if (found === undefined) return { phase: 'ended', by: null, words: 'is not known to Slurm any more' };
        return await stateOf(found);
      } catch (error) {
        return { phase: 'unknown', words: (error as Error).message };
      }
    },
    async stop(job) {
      list.forget();
      const found = await find(job);
      if (found === undefined || isEnded(found)) return;
      // The job's own program gets the signal and asks the trainer; nothing has to be saved of one that waits.
      await cancel(isQueued(found) ? [found.id] : ['--batch', '--signal=TERM', found.id]);
    },
    async end(job) {
      list.forget();
      const found = await find(job);
      if (found !== undefined && !isEnded(found)) await cancel([found.id]);
    },
    readLog: memoryEnd,
  };
}

/** Hands in jobs as one array, in which each has its place. */
async function submitArray(
  tickets: readonly Ticket[],
  settings: SlurmSettings,
  options: JobOptions,
  logs: string,
): Promise<void> {
  const [first] = tickets as [Ticket];
  const name = tickets.length === 1 ? first.name : `descent-array-${randomUUID().slice(0, 8)}`;
  // An array has one pattern of paths for all, and Slurm starts no job whose folder for it is gone.
  mkdirSync(logs, { recursive: true });
  const log = join(logs, name);
  for (const [task, ticket] of tickets.entries()) ticket.write({ name, task, log: `${log}.${task}.log` });
  const array = { name, count: tickets.length, log: `${log.replaceAll('%', '%%')}.%a.log` };
  await sbatch(sbatchArguments(array, settings, options), {
    input: batchScript(
      tickets.map(({ notePath }) => notePath),
      settings,
    ),
    env: { ...jobEnvironment(process.env), ...first.env },
  });
}

/** Throws a NodeError that says why Slurm does not take the job. */
async function sbatch(args: readonly string[], given: { input: string; env: NodeJS.ProcessEnv }): Promise<void> {
  const answer = await ask('sbatch', args, given);
  if (answer.code === 0) return;
  throw isUnreachable(answer.stderr)
    ? new NodeError('no-cluster', `Slurm does not answer: ${answer.stderr}`)
    : new NodeError(
        'no-launcher',
        `Slurm does not take its job: ${answer.stderr || `sbatch ended with ${answer.code}`}`,
      );
}

/** Of a controller that is away or too busy, in whatever of Slurm's ways of saying so. */
function isUnreachable(text: string): boolean {
  return /unable to contact slurm controller|connection (refused|timed out|failure)|socket timed out|communication|zero bytes|temporarily|did not answer/i.test(
    text,
  );
}

/** The arguments of `sbatch` for an array of jobs; the script comes on standard input. */
export function sbatchArguments(
  { name, count, log }: { name: string; count: number; log: string },
  { partition, account, qos, walltime, memory, cpus, gpus, saveSeconds = 60, options = [] }: SlurmSettings,
  { device, threads }: JobOptions,
): string[] {
  const devices = gpus ?? (isGpuClass(device) ? 1 : undefined);
  const given = { partition, account, qos, time: walltime, mem: memory, gpus: devices };
  return [
    `--job-name=${name}`,
    `--array=0-${count - 1}`,
    '--nodes=1',
    '--ntasks=1',
    `--cpus-per-task=${cpus ?? threads}`,
    '--requeue',
    `--signal=B:USR2@${saveSeconds}`,
    `--output=${log}`,
    '--open-mode=append',
    ...Object.entries(given).flatMap(([option, value]) => (value === undefined ? [] : [`--${option}=${value}`])),
    ...options,
  ];
}

/** What a job runs: its program takes the place of the shell, so that signals for the shell are signals for it. */
export function batchScript(notePaths: readonly string[], { setup = [] }: Pick<SlurmSettings, 'setup'>): string {
  const program = [process.execPath, fileURLToPath(new URL('./main.js', import.meta.url))];
  return [
    '#!/bin/bash',
    `notes=(${notePaths.map(quoted).join(' ')})`,
    `note=\${notes[$SLURM_ARRAY_TASK_ID]}`,
    ...setup,
    `exec ${program.map(quoted).join(' ')} "$note"`,
    '',
  ].join('\n');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Of this machine, and none of a job's that runs elsewhere. */
const ofThisMachine = /^(DESCENT_MACHINE|TMPDIR|CUDA_VISIBLE_DEVICES|SLURM_(?!CONF$).*|SBATCH_.*)$/;

/** What jobs have of a worker's environment: `sbatch` hands them the one that it is started in. */
export function jobEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(trainerEnvironment(env)).filter(([name]) => !ofThisMachine.test(name)));
}

/** Asks without what people have set for their own use of a command: a SQUEUE_PARTITION would hide jobs, as if they had ended. */
function askSlurm(command: string, args: readonly string[]): Promise<Answer> {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(SQUEUE|SCANCEL|SCONTROL)_/.test(name)),
  );
  return ask(command, args, { env });
}

/** A line of `squeue`. */
interface Listed {
  id: string;
  name: string;
  task: number;
  state: string;
  /** Why it is in that state; `None` of most. */
  reason: string;
}

/** All jobs of the person's that Slurm remembers: those that ended it forgets after a while (`MinJobAge`, 300 s). */
async function listJobs(): Promise<Listed[]> {
  const { code, stdout, stderr } = await askSlurm('squeue', [
    '--me',
    '--noheader',
    '--array',
    '--states=all',
    '--format=%i|%j|%K|%T|%r',
  ]);
  if (code !== 0) throw new NodeError('no-cluster', `Slurm does not answer: ${stderr}`);
  return stdout.split('\n').flatMap((line) => {
    const [id = '', name = '', task = '', state = '', ...reason] = line.trim().split('|');
    return state === '' ? [] : [{ id, name, task: Number(task), state, reason: reason.join('|') }];
  });
}

function isQueued({ state }: Listed): boolean {
  return /^(PENDING|REQUEUED|REQUEUE_.*|SPECIAL_EXIT|RESV_DEL_HOLD)$/.test(state);
}

function isEnded({ state }: Listed): boolean {
  return /^(BOOT_FAIL|CANCELLED|COMPLETED|DEADLINE|FAILED|NODE_FAIL|OUT_OF_MEMORY|PREEMPTED|REVOKED|TIMEOUT)$/.test(
    state,
  );
}

async function stateOf(found: Listed): Promise<JobState> {
  if (isQueued(found)) {
    const queue = queueReason(found.reason);
    return { phase: 'queued', ...(queue && { queue }) };
  }
  if (!isEnded(found)) return { phase: 'running' };
  const { stdout } = await askSlurm('scontrol', ['show', 'job', '--oneliner', found.id]);
  return { phase: 'ended', by: endOf(found, stdout), words: `(${found.id}) ended as ${found.state}` };
}

/** Those for which any job waits now and then: others are before it, machines are busy, it was requeued a moment ago. */
const ordinary = /^(Priority|Resources|BeginTime|Cleaning|Dependency|JobArrayTaskLimit|Licenses|Prolog|Reservation)$/;

/** Those that somebody has to mend: the job asks for what it cannot have, or was held. */
const stuck =
  /^(AccountNotAllowed|BadConstraints|DependencyNeverSatisfied|Invalid(Account|QOS)|JobHeld(Admin|User)|MaxMemPerLimit|Partition(Config|NodeLimit|TimeLimit)|QOSNotAllowed|ReservationDeleted|(QOS|Assoc)Max\w*PerJob(Limit)?|QOSMin\w*|.*requeued held)$/;

/** What a reason of Slurm's for a job that waits comes to; undefined where it has none yet. */
export function queueReason(told: string): QueueReason | undefined {
  // `ReqNodeNotAvail, UnavailableNodes:a100-[1-4]`, which changes with the machines.
  const [, reason = '', message = ''] = /^\(?([^,)]*)(?:, *(.*?))?\)?$/.exec(told) ?? [];
  if (reason === '' || reason === 'None') return undefined;
  const weight = ordinary.test(reason) ? 'ordinary' : stuck.test(reason) ? 'stuck' : 'notable';
  return { reason, message, weight };
}

/**
 * Why Slurm ended a job; null where the job ended by itself.
 *
 * @param shown what `scontrol show job` says of it; nothing where it is forgotten
 */
export function endOf({ id, state }: Pick<Listed, 'id' | 'state'>, shown: string): ClusterEnd | null {
  const preempted = /\bPreemptTime=(?!None|N\/A)\S/.test(shown);
  if (state === 'PREEMPTED' || preempted) return { kind: 'preempted', message: `Slurm preempted its job ${id}` };
  switch (state) {
    case 'CANCELLED':
      return { kind: 'job-cancelled', message: `somebody cancelled its job ${id} (scancel)` };
    case 'TIMEOUT':
    case 'DEADLINE':
      return { kind: 'time-limit', message: `its job ${id} reached its time limit` };
    case 'OUT_OF_MEMORY':
      return { kind: 'out-of-memory', message: `its job ${id} took more memory than Slurm gave it` };
    case 'NODE_FAIL':
    case 'BOOT_FAIL':
      return { kind: 'device-lost', message: `the machine of its job ${id} failed` };
    default:
      return null;
  }
}

/** Without cgroups Slurm kills a job that takes too much memory, calls it FAILED, and says why in its log alone. */
function memoryEnd(lines: readonly string[]): ClusterEnd | null {
  const line = lines.find((one) => /exceeded .*memory limit|oom.kill/i.test(one));
  return line === undefined ? null : { kind: 'out-of-memory', message: `Slurm ended its job: ${line}` };
}

/** That it has ended meanwhile is no error. */
async function cancel(args: readonly string[]): Promise<void> {
  const { code, stderr } = await askSlurm('scancel', args);
  if (code !== 0 && isUnreachable(stderr)) throw new NodeError('no-cluster', `Slurm does not answer: ${stderr}`);
}
