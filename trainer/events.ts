/** A trainer's line to the outside: events on standard output, requests to stop, the lease. */
import { fstatSync, readFileSync } from 'node:fs';
import type { TrainerEvent } from '../schemas/types/event.ts';
import type { Lease } from '../schemas/types/job.ts';
import { validateEvent } from '../schemas/validate.ts';
import type { TrainerContext } from './context.ts';
import { TrainerFailure } from './failure.ts';

/** Writes events as JSON lines. Pipes are written synchronously: a line that was emitted is out, whatever comes next. */
export interface EventWriter {
  emit(event: TrainerEvent): void;
  /** Steps done, by the newest event that said so. */
  readonly step: number;
}

export function createEventWriter(output: { write(text: string): unknown } = process.stdout): EventWriter {
  let latest = 0;
  return {
    emit(event) {
      output.write(`${JSON.stringify(validateEvent(event))}\n`);
      if (event.event === 'started') latest = event.resumedFrom ?? 0;
      else if ('step' in event) latest = event.step;
    },
    get step() {
      return latest;
    },
  };
}

/**
 * Whether the trainer was asked to stop: by SIGTERM or SIGINT, by its parent's death, or because nobody reads its events
 * any more. It only sets a flag; the stage finishes its step, saves and ends.
 *
 * The parent's death shows as the end of standard input, when that is a pipe or a socket: keep it open and write nothing.
 * A terminal, a file or /dev/null says nothing about a parent and is not watched; nor is anything when `detached`.
 */
export function watchForStop({ detached }: { detached: boolean }): { stopRequested(): boolean; end(): void } {
  let requested = false;
  const request = () => {
    requested = true;
  };
  process.on('SIGTERM', request);
  process.on('SIGINT', request);
  process.stdout.on('error', request);
  const watched = !detached && isPipe(0);
  if (watched) process.stdin.on('end', request).on('error', request).resume();
  return {
    stopRequested: () => requested,
    end: () => {
      if (watched) process.stdin.destroy();
    },
  };
}

function isPipe(descriptor: number): boolean {
  try {
    const status = fstatSync(descriptor);
    return status.isFIFO() || status.isSocket();
  } catch {
    // Standard input may be closed from the start: then there is nothing to watch.
    return false;
  }
}

/** A check that this execution still holds the lease of its attempt: throws `fenced` when another took it or it is gone. */
export function leaseCheck({ path, token }: Lease): TrainerContext['checkLease'] {
  return () => {
    let held: unknown;
    try {
      held = (JSON.parse(readFileSync(path, 'utf8')) as { token?: unknown }).token;
    } catch (error) {
      const gone = (error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError;
      if (!gone) throw error;
    }
    if (held === token) return;
    throw new TrainerFailure(
      'fenced',
      `Another execution has taken over the lease ${path}: this one stops and writes nothing more.`,
    );
  };
}
