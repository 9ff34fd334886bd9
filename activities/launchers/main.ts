/*
 * The program that a cluster's job runs: `node main.js <note>`, which `notes.ts` describes. It starts the trainer as a worker
 * would, asks it to save and exit when the job is (SIGTERM, or SIGUSR2 where its time is up), and writes down how it ended.
 * Where its cluster starts the job again, that is the attempt's next execution, with a lease of its own: should the first
 * still run on a machine that the cluster lost, it is fenced.
 */
import { readFileSync } from 'node:fs';
import { outOfMemoryKills } from '../../schemas/memory-kills.ts';
import type { Job } from '../../schemas/types/job.ts';
import { renewLease } from '../../store/lease.ts';
import { machineName } from '../../store/machine.ts';
import { writeNote } from '../../store/notes.ts';
import { endpointEnvironment, spawnTrainer } from '../trainer.ts';
import { type JobEnd, type LaunchNote, newestOfJob, writeBegan, writeEnd } from './notes.ts';

const note = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as LaunchNote;
let asked: JobEnd['asked'] = null;
let stop = (): void => undefined;
const ask = (how: JobEnd['asked']) => (): void => {
  asked ??= how;
  stop();
};
process.on('SIGTERM', ask('stop'));
process.on('SIGUSR2', ask('limit'));

const execution = begin(note);
if (execution === undefined) process.stderr.write(`another execution has taken over ${note.folder}\n`);
else process.exitCode = await run(note, execution);

/** Gives the execution that this is; undefined where another took over meanwhile. */
function begin({ folder, jobPath, execution: first }: LaunchNote): number | undefined {
  const began = { at: new Date().toISOString(), machine: machineName() };
  for (;;) {
    const newest = newestOfJob(folder, first);
    if (newest === undefined) return undefined;
    if (writeBegan(folder, newest.execution, began)) {
      const job = JSON.parse(readFileSync(jobPath, 'utf8')) as Job;
      if (job.lease.token !== newest.token)
        writeNote(jobPath, { ...job, lease: { ...job.lease, token: newest.token } });
      return newest.execution;
    }
    if (renewLease(folder, newest.execution, first) === undefined) return undefined;
  }
}

/** Gives the exit code. */
async function run(note: LaunchNote, execution: number): Promise<number> {
  const killsBefore = outOfMemoryKills();
  const job = JSON.parse(readFileSync(note.jobPath, 'utf8')) as Job;
  const trainer = spawnTrainer({ ...note, execution, env: endpointEnvironment(job, process.env) });
  stop = trainer.stop;
  if (asked !== null) stop();
  try {
    const exit = await trainer.exit;
    const memoryRanOut = outOfMemoryKills() > killsBefore;
    writeEnd(note.folder, execution, { ...exit, asked, ...(memoryRanOut && { memoryRanOut }) });
    return exit.code ?? 1;
  } catch (error) {
    writeEnd(note.folder, execution, { code: null, signal: null, asked, error: (error as Error).message });
    return 1;
  } finally {
    trainer.killLeft();
  }
}
