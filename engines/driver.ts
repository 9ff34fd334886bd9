import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { outOfMemoryKills } from '../schemas/memory-kills.ts';
import type { FailedEvent, MetricsEvent, SampleEvent, StartedEvent, TrainedOn } from '../schemas/types/event.ts';
import type { Outcome, TrainerContext } from '../trainer/context.ts';
import { TrainerFailure } from '../trainer/failure.ts';
import { createPace } from '../trainer/pace.ts';
import type { Environment } from './environment.ts';
import { learnedFrom } from './learned.ts';

/** A line of a driver's standard output (engines/python/descent.py). */
type Said =
  | StartedEvent
  | SampleEvent
  | (Pick<MetricsEvent, 'event' | 'step' | 'values'> & Partial<Counted>)
  | { event: 'checkpoint'; step: number; path: string }
  | { event: 'interrupted'; step: number }
  | { event: 'facts'; values: Record<string, number> }
  | Pick<FailedEvent, 'event' | 'kind' | 'message'>;

/** What was learned from when a step is done, tokens in all and in it: told by a driver whose engine only knows it then. */
interface Counted {
  tokens: number;
  added: number;
  data: TrainedOn;
}

export interface Drive {
  /** The engine, as messages name it. */
  title: string;
  environment: Environment;
  /** The Python file that drives it, and what that reads. */
  driver: string;
  run: string;
  /** The file that says of each step what it learns from; none where nothing is learned, or where the driver tells of tokens. */
  learned?: string | undefined;
}

/** How far a driver came. */
export interface Driven {
  outcome: Outcome;
  /** Steps done, and tokens trained on. */
  step: number;
  tokens: number;
  /** What it says of the result. */
  facts: Record<string, number>;
}

/**
 * Runs an engine's driver to its end and passes its events on, with what each step learned from. Asked to stop, it asks the
 * driver, which saves. The driver ends when its standard input does, and so with this process.
 *
 * @throws TrainerFailure of the kind that the driver says; `out-of-memory` where it was killed, and not by this process, or ended
 * without a word while the kernel killed for want of memory; `internal` where it otherwise ends without a word.
 */
export async function drive(
  { title, environment, driver, run, learned }: Drive,
  context: TrainerContext,
): Promise<Driven> {
  const killsBefore = outOfMemoryKills();
  const child = spawn(environment.python, [driver, run], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  // One that cannot be started has ended before it is awaited; until then a rejection is not unhandled.
  ended.catch(() => undefined);
  const stopping = setInterval(() => {
    if (context.stopRequested() && child.kill('SIGTERM')) clearInterval(stopping);
  }, 100);
  const driven: Driven = { outcome: 'done', step: 0, tokens: 0, facts: {} };
  const pace = createPace(0);
  let [count, failed] = [0, undefined as Pick<FailedEvent, 'kind' | 'message'> | undefined];
  let steps: ReturnType<typeof learnedFrom> | undefined;
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const said = JSON.parse(line) as Said;
      switch (said.event) {
        case 'started':
          count = said.steps;
          steps = learned === undefined ? undefined : learnedFrom(learned, said.resumedFrom ?? 0);
          context.emit({ ...said, engine: `${said.engine}, lock ${environment.lock}` });
          break;
        case 'metrics': {
          const { step, values, tokens: told, added: toldOf, data: toldFrom } = said;
          const planned = await steps?.next();
          const learned =
            told !== undefined && toldOf !== undefined
              ? { tokens: told, added: toldOf, data: toldFrom }
              : planned?.value || undefined;
          if (learned === undefined) throw new Error(`${title} tells of step ${step}, which is not planned`);
          const { tokens, added, data } = learned;
          Object.assign(driven, { step, tokens });
          context.emit({ event: 'metrics', step, tokens, values, ...(data && { data }) });
          const speed = pace.afterStep(added, count - step);
          if (speed !== undefined) context.emit({ event: 'progress', step, steps: count, ...speed, values });
          break;
        }
        case 'sample':
          context.emit(said);
          break;
        case 'checkpoint':
          context.checkLease();
          context.emit(said);
          break;
        case 'interrupted':
          driven.outcome = 'interrupted';
          context.emit(said);
          break;
        case 'facts':
          Object.assign(driven.facts, said.values);
          break;
        case 'failed':
          failed = said;
      }
    }
    const [code, signal] = await ended.catch((error: Error) => {
      throw new TrainerFailure('internal', `${title} cannot be started: ${error.message}`);
    });
    if (failed !== undefined) throw new TrainerFailure(failed.kind, `${title}: ${failed.message}`);
    if (code !== 0 && driven.outcome === 'done')
      throw wordless(title, { code, signal, memoryRanOut: outOfMemoryKills() > killsBefore });
    const secondsPerStep = pace.secondsPerStep();
    if (driven.outcome === 'done' && secondsPerStep !== undefined) context.emit({ event: 'pace', secondsPerStep });
    return driven;
  } finally {
    clearInterval(stopping);
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await steps?.return();
  }
}

/** What became of a driver that did not say why it ended. It is asked to end and never killed while it is waited for. */
function wordless(
  title: string,
  { code, signal, memoryRanOut }: { code: number | null; signal: NodeJS.Signals | null; memoryRanOut: boolean },
): TrainerFailure {
  const how = signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
  const said = `${title} ${how} and did not say why`;
  if (memoryRanOut)
    return new TrainerFailure(
      'out-of-memory',
      `${said}, while the kernel killed processes for want of memory. ${remedy}`,
    );
  if (signal === 'SIGKILL')
    return new TrainerFailure(
      'out-of-memory',
      `${said}: unless somebody killed it, most likely for want of memory. ${remedy}`,
    );
  return new TrainerFailure('internal', `${said}: its last lines are in the errors' log`);
}

const remedy =
  'Take a shorter context or a smaller batch, run fewer nodes at once (`slots` in temporal.config), or take a machine with more memory.';
