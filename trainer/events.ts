/** A trainer's line to the outside: events on standard output, requests to stop, the lease. */
import { fstatSync, readFileSync, writeSync } from 'node:fs';
import type { TrainerEvent } from '../schemas/types/event.ts';
import type { Lease } from '../schemas/types/job.ts';
import { validateEvent } from '../schemas/validate.ts';
import type { TrainerContext } from './context.ts';
import { TrainerFailure } from './failure.ts';

/** Writes events as JSON lines. */
export interface EventWriter {
  /** Throws where the event breaks the contract or cannot be written, and after that whenever it is called. */
  emit(event: TrainerEvent): void;
  /** Steps done, by the newest event that said so. */
  readonly step: number;
}

/**
 * The writer to a descriptor, that of standard output by default. A line that was emitted is out, whatever comes next.
 * When nobody reads any more `onUnread` is called, and events go nowhere. Whatever else keeps a line from being written
 * (a full disk) is thrown, then and at each further event: what came after half a line would be lost with it.
 */
export function createEventWriter(onUnread: () => void, descriptor = 1): EventWriter {
  let latest = 0;
  let broken: unknown;
  let unread = false;
  return {
    emit(event) {
      if (broken !== undefined) throw broken;
      const line = `${JSON.stringify(validateEvent(event))}\n`;
      try {
        if (!unread) writeWhole(descriptor, Buffer.from(line));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EPIPE') {
          broken = error;
          throw error;
        }
        unread = true;
        onUnread();
      }
      if (event.event === 'started') latest = event.resumedFrom ?? 0;
      else if ('step' in event) latest = event.step;
    },
    get step() {
      return latest;
    },
  };
}

/** Writes all of it: on a disk that becomes full a file takes a part, without an error, and `process.stdout` leaves it at that. */
function writeWhole(descriptor: number, bytes: Buffer): void {
  let written = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(descriptor, bytes, written);
    } catch (error) {
      // A pipe that was set not to block, and whose reader is behind.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(pause, 0, 0, 10);
    }
  }
}

const pause = new Int32Array(new SharedArrayBuffer(4));

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
