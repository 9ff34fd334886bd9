import { join } from 'node:path';
import { commandName, engineOf } from '../schemas/engines.ts';
import { outOfMemoryKills } from '../schemas/memory-kills.ts';
import type { DoneEvent, StartedEvent, TrainerEvent } from '../schemas/types/event.ts';
import type { Artifact } from '../store/inspect.ts';
import { writeNote } from '../store/notes.ts';
import type { NodeProgress } from '../workflows/messages.ts';
import { findDamage, refuseDamaged } from './damage.ts';
import { BadEventError } from './events.ts';
import type { ExecuteOptions, Execution } from './execution.ts';
import { isDiskFull, NodeError } from './failures.ts';
import { jobFor } from './job.ts';
import { isHandedIn } from './launchers/join.ts';
import { launchTrainer } from './launchers/launch.ts';
import { torchrunCommand, torchrunOf } from './launchers/torchrun.ts';
import { earlierResponses } from './responses.ts';
import { endpointEnvironment, startTrainer } from './trainer.ts';
import { diskFullOf, errorOf, timeoutOf } from './trainer-errors.ts';

/**
 * Runs the trainer of a node to its end, and has the node's parents hashed again meanwhile. Throws a NodeError that says why
 * where that is not `done`; stops it when the activity is cancelled, when its time is over, or where a parent is damaged.
 */
export async function train(
  execution: Execution,
  {
    home,
    trainer: builtIn,
    engines,
    commands = {},
    start = startTrainer,
    devices,
    launchers = {},
    stopSeconds,
    env: outside = process.env,
  }: ExecuteOptions,
  parents: Record<string, Artifact>,
): Promise<{ started: StartedEvent; done: DoneEvent }> {
  const { node, device, context, progress, claim, attempt, env } = execution;
  const responses = await earlierResponses(home, node);
  // Where an earlier evaluation's responses are graded again, no model is asked, and so no engine.
  const engine = responses === undefined ? engineOf(node.recipe) : undefined;
  const torchrun = torchrunOf(devices[device]);
  const own = engine && commandName(engine);
  if (torchrun !== undefined && engine !== undefined && own === undefined) {
    throw new NodeError(
      'no-launcher',
      `${node.address}: ${engine} runs in one process, and ${device} starts several (torchrun)`,
    );
  }
  const trainerCommand = engine === undefined ? builtIn : own === undefined ? engines : commands[own];
  if (trainerCommand === undefined) {
    throw new NodeError(
      'no-trainer',
      `${node.address}: \`engines\` of this worker's temporal.config does not name \`${own}\`, which is to train it`,
    );
  }
  const command = torchrun === undefined ? trainerCommand : torchrunCommand(trainerCommand, torchrun);
  const job = jobFor(node, { attempt, parents, device, threads: devices[device]?.threads ?? 1, responses });
  const jobPath = join(attempt.folder, 'job.json');
  // A job that is joined has its own, with the token of its newest execution.
  if (!isHandedIn(attempt)) writeNote(jobPath, job);
  context.cancellationSignal.throwIfAborted();

  const killsBefore = outOfMemoryKills();
  let damage: string | undefined;
  let checked: Promise<void> | undefined;
  const check = async (): Promise<void> => {
    damage = await findDamage(parents, context.cancellationSignal);
  };
  const launcher = launchers[device];
  // Looked at and not waited for: a timer holds at most 24 days.
  const timeLeft = () => performance.now() + node.placement.timeoutSeconds * 1000;
  // Time in a cluster's queue is nobody's fault.
  let deadline = launcher === undefined ? timeLeft() : Number.POSITIVE_INFINITY;
  const common = {
    command,
    jobPath,
    stopSeconds,
    env: { ...env, ...endpointEnvironment(job, outside) },
    onEvent: (event: TrainerEvent) => {
      follow(progress, event);
      if (event.event === 'started') deadline = Math.min(deadline, timeLeft());
      // What it starts from is in its memory now: parents that are whole after that were whole when they were read.
      if (event.event !== 'started' || checked !== undefined) return;
      checked = check();
      // Awaited when the trainer has ended; until then a rejection is not unhandled.
      checked.catch(() => undefined);
    },
  };
  const trainer =
    launcher === undefined
      ? await start({ ...common, folder: attempt.folder, execution: attempt.executions })
      : await launchTrainer({
          ...common,
          launcher,
          device,
          attempt,
          address: node.address,
          onPhase(phase, queue) {
            if (phase === 'queued') deadline = Number.POSITIVE_INFINITY;
            if (queue === undefined) delete progress.queue;
            else progress.queue = queue;
            if (phase === 'queued' ? progress.phase !== 'saving' : progress.phase === 'queued') progress.phase = phase;
          },
        });
  let timedOut = false;
  const stop = (): void => {
    progress.phase = 'saving';
    trainer.stop();
  };
  const leaveOrStop = (): void => {
    if (trainer.leave === undefined || isUnwanted(context, claim)) stop();
    else trainer.leave();
  };
  const watching = setInterval(() => {
    if (context.cancellationSignal.aborted) return;
    timedOut ||= performance.now() > deadline;
    if (timedOut || damage !== undefined) stop();
  }, 500);
  context.cancellationSignal.addEventListener('abort', leaveOrStop);
  if (context.cancellationSignal.aborted) leaveOrStop();
  try {
    if (trainer.process !== null) claim.nameTrainer(trainer.process);
    const end = await trainer.ended;
    await checked;
    refuseDamaged(execution, damage);
    const { started, last } = end.said;
    if (started !== undefined && last?.event === 'done') return { started, done: last };
    if (timedOut) throw timeoutOf(node);
    throw errorOf(node, end, {
      memoryRanOut: end.memoryRanOut ?? outOfMemoryKills() > killsBefore,
      diskRanOut: end.said.half === true || isDiskFull(attempt.folder),
    });
  } catch (error) {
    if (error instanceof BadEventError) {
      const diskRanOut = error.cutOff || isDiskFull(attempt.folder);
      throw diskRanOut ? diskFullOf(node) : new NodeError('bad-events', `${node.address}: ${error.message}`);
    }
    if ((error as NodeJS.ErrnoException).syscall?.startsWith('spawn')) {
      throw new NodeError(
        'no-trainer',
        `${node.address}: cannot start the trainer \`${command.join(' ')}\`: ${(error as Error).message}`,
      );
    }
    throw error;
  } finally {
    clearInterval(watching);
    context.cancellationSignal.removeEventListener('abort', leaveOrStop);
  }
}

/**
 * Whether nobody wants the node to be executed now, as far as this worker may say so: not where only it is to leave, and not
 * where another has the node.
 */
function isUnwanted({ cancellationDetails }: Execution['context'], claim: Execution['claim']): boolean {
  return (cancellationDetails?.cancelRequested || cancellationDetails?.paused || false) && claim.isHeld();
}

function follow(progress: NodeProgress, event: TrainerEvent): void {
  if (progress.phase === 'starting' || progress.phase === 'queued') progress.phase = 'running';
  delete progress.queue;
  if (event.event === 'started') Object.assign(progress, { steps: event.steps, step: event.resumedFrom ?? 0 });
  if (event.event === 'metrics') Object.assign(progress, { step: event.step, values: event.values });
  if (event.event === 'progress') {
    const { event: _, ...newest } = event;
    Object.assign(progress, newest);
  }
}
