/** A trainer's line to the outside: events on standard output, requests to stop, the lease. */
import { fstatSync, readFileSync } from 'node:fs';
import type { TrainerEvent } from '../schemas/types/event.ts';
import type { Lease } from '../schemas/types/job.ts';
import { validateEvent } from '../schemas/validate.ts';
import type { TrainerContext } from './context.ts';
import { TrainerFailure } from './failure.ts';

/** Writes events as JSON lines. */
export interface EventWriter {
  /** Throws where the event breaks the contract, and what made standard output fail before. */
  emit(event: TrainerEvent): void;
  /** Steps done, by the newest event that said so. */
  readonly step: number;
}

/**
 * The writer to standard output. Pipes and files are written synchronously: a line that was emitted is out, whatever
 * comes next. When nobody reads any more `onUnread` is called, and events go nowhere; other errors of the output (a full
 * disk) are thrown to the process's last handler.
 */
export function createEventWriter(onUnread: () => void): EventWriter {
  let latest = 0;
  let broken: Error | undefined;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return onUnread();
    broken = error;
    throw error;
  });
  return {
    emit(event) {
      if (broken !== undefined) throw broken;
      process.stdout.write(`${JSON.stringify(validateEvent(event))}\n`);
      if (event.event === 'started') latest = event.resumedFrom ?? 0;
      else if ('step' in event) latest = event.step;
    },
    get step() {
      return latest;
    },
  };
}

/** Requests to stop: only a flag. The stage that sees it finishes its step, saves and ends. */
export interface Stop {
  request(): void;
  requested(): boolean;
  /** Ends watching, which would keep the process alive. */
  end(): void;
}

/**
 * Watches for what makes a trainer stop: SIGTERM, SIGINT, and its parent's death.
 *
 * That shows as the end of standard input, when it is a pipe or a socket: keep it open and write nothing. A terminal, a
 * file or /dev/null says nothing about a parent and is not watched; nor is anything when `detached`.
 */
export function watchForStop({ detached }: { detached: boolean }): Stop {
  let requested = false;
  const request = () => {
    requested = true;
  };
  process.on('SIGTERM', request);
  process.on('SIGINT', request);
  const watched = !detached && isPipe(0);
  if (watched) process.stdin.on('end', request).on('error', request).resume();
  return {
    request,
    requested: () => requested,
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
