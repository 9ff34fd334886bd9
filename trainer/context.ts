import type { TrainerEvent } from '../schemas/types/event.ts';

/** What a stage is handed besides its job: its line to the outside. */
export interface TrainerContext {
  /** Writes one event as a line of standard output. Throws where the event breaks the contract (a NaN, for example). */
  emit(event: TrainerEvent): void;
  /** True once the trainer was asked to stop (SIGTERM, or its parent died): finish the step, save, emit `interrupted`. */
  stopRequested(): boolean;
  /**
   * Throws a `fenced` TrainerFailure when another execution holds the attempt. Asked before a file is begun, and again when
   * it is to take its place. Events need no lease: each execution writes its own, and what one says of steps that a later
   * execution does again counts no more.
   */
  checkLease(): void;
}

/** How a stage ended; a failure is thrown instead. */
export type Outcome = 'done' | 'interrupted';
