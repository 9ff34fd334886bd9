import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { FailedEvent, MetricsEvent, StartedEvent, TrainedOn } from '../schemas/types/event.ts';
import type { Outcome, TrainerContext } from '../trainer/context.ts';
import { TrainerFailure } from '../trainer/failure.ts';
import { createPace } from '../trainer/pace.ts';
import type { Environment } from './environment.ts';

/** A line of a driver's standard output (engines/python/descent.py). */
type Said =
  | StartedEvent
  | MetricsEvent
  | { event: 'checkpoint'; step: number; path: string }
  | { event: 'interrupted'; step: number }
  | Pick<FailedEvent, 'event' | 'kind' | 'message'>;

export interface Drive {
  /** The engine, as messages name it. */
  title: string;
  environment: Environment;
  /** The Python file that drives it, and what that reads. */
  driver: string;
  run: string;
  /** What each step learned from, from the one after `step` on. */
  trainedOn(step: number): AsyncIterator<TrainedOn>;
}

/** How far a driver came. */
export interface Driven {
  outcome: Outcome;
  /** Steps done, and tokens trained on. */
  step: number;
  tokens: number;
}

/**
 * Runs an engine's driver to its end and passes its events on, with what each step learned from. Asked to stop, it asks the
 * driver, which saves. The driver ends when its standard input does, and so with this process.
 *
 * @throws TrainerFailure of the kind that the driver says; `internal` where it ends without a word.
 */
export async function drive(
  { title, environment, driver, run, trainedOn }: Drive,
  context: TrainerContext,
): Promise<Driven> {
  const child = spawn(environment.python, [driver, run], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const stopping = setInterval(() => {
    if (context.stopRequested() && child.kill('SIGTERM')) clearInterval(stopping);
  }, 100);
  const driven: Driven = { outcome: 'done', step: 0, tokens: 0 };
  const pace = createPace(0);
  let [steps, failed] = [0, undefined as Pick<FailedEvent, 'kind' | 'message'> | undefined];
  let data: AsyncIterator<TrainedOn> | undefined;
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const said = JSON.parse(line) as Said;
      switch (said.event) {
        case 'started':
          steps = said.steps;
          data = trainedOn(said.resumedFrom ?? 0);
          context.emit({ ...said, engine: `${said.engine}, lock ${environment.lock}` });
          break;
        case 'metrics': {
          const tokens = said.tokens - driven.tokens;
          Object.assign(driven, { step: said.step, tokens: said.tokens });
          const learned = await data?.next();
          context.emit({ ...said, ...(learned?.done === false && { data: learned.value }) });
          const speed = pace.afterStep(tokens, steps - said.step);
          if (speed !== undefined)
            context.emit({ event: 'progress', step: said.step, steps, ...speed, values: said.values });
          break;
        }
        case 'checkpoint':
          context.checkLease();
          context.emit(said);
          break;
        case 'interrupted':
          driven.outcome = 'interrupted';
          context.emit(said);
          break;
        case 'failed':
          failed = said;
      }
    }
    const [code, signal] = await ended;
    if (failed !== undefined) throw new TrainerFailure(failed.kind, `${title}: ${failed.message}`);
    if (code !== 0 && driven.outcome === 'done') {
      const how = signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
      throw new TrainerFailure(
        'internal',
        `${title} ${how} and did not say why: its last lines are in the errors' log`,
      );
    }
    const secondsPerStep = pace.secondsPerStep();
    if (driven.outcome === 'done' && secondsPerStep !== undefined) context.emit({ event: 'pace', secondsPerStep });
    return driven;
  } finally {
    clearInterval(stopping);
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await data?.return?.();
  }
}
