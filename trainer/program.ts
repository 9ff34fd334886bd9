/**
 * What every program has that speaks the trainer's contract: it reads a job (schemas/job.schema.json), writes events to
 * standard output (schemas/event.schema.json, a line each) and files into the job's output folder. Exit codes: 0 done, 75
 * interrupted (go on by starting it again), 1 failed, after a `failed` event that says why. `watchForStop` tells what makes it
 * stop; --detached ignores the end of standard input.
 */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { Job } from '../schemas/types/job.ts';
import { ContractError, validateJob } from '../schemas/validate.ts';
import type { Outcome, TrainerContext } from './context.ts';
import { createEventWriter, leaseCheck, watchForStop } from './events.ts';
import { describeFailure, isFaultOfFile, TrainerFailure } from './failure.ts';

/** Runs the job that the arguments name, and sets the exit code. */
export async function runProgram(run: (job: Job, context: TrainerContext) => Promise<Outcome>): Promise<void> {
  const args = process.argv.slice(2);
  const stop = watchForStop({ detached: args.includes('--detached') });
  const events = createEventWriter(stop.request);
  const fail = (error: unknown) => {
    const failure = describeFailure(error);
    try {
      events.emit({ event: 'failed', ...failure, step: events.step });
    } catch {
      // A full disk, perhaps, that standard output goes to: what is left is standard error.
      process.stderr.write(`${failure.kind}: ${failure.message}\n`);
    }
    process.exit(exitCodes.failed);
  };
  process.on('uncaughtException', fail);
  try {
    const job = await readJob(jobPath(args));
    const context = { emit: events.emit, stopRequested: stop.requested, checkLease: leaseCheck(job.lease) };
    context.checkLease();
    process.exitCode = exitCodes[await run(job, context)];
  } catch (error) {
    fail(error);
  }
  stop.end();
}

const exitCodes: Record<Outcome | 'failed', number> = { done: 0, interrupted: 75, failed: 1 };

/** The one path among the arguments. Throws `bad-job` where there is none or more, or an option that there is not. */
function jobPath(args: string[]): string {
  const usage = 'Start the trainer with the path of one job file, and perhaps --detached';
  try {
    const { positionals } = parseArgs({ args, options: { detached: { type: 'boolean' } }, allowPositionals: true });
    const [path, ...others] = positionals;
    if (path !== undefined && others.length === 0) return path;
  } catch (error) {
    throw new TrainerFailure('bad-job', `${usage}: ${(error as Error).message}`, { cause: error });
  }
  throw new TrainerFailure('bad-job', `${usage}.`);
}

async function readJob(path: string): Promise<Job> {
  try {
    return validateJob(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    if (error instanceof ContractError)
      throw new TrainerFailure('bad-job', `${path}: ${error.message}`, { cause: error });
    if (!isFaultOfFile(error)) throw error;
    throw new TrainerFailure('bad-job', `${path} cannot be read as a job: ${error.message}`, { cause: error });
  }
}
