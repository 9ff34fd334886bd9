import type { FailedEvent } from '../schemas/types/event.ts';

/** Why a trainer failed, as its `failed` event says it. */
export type FailureKind = FailedEvent['kind'];

/**
 * A failure whose cause is known: thrown anywhere in the trainer, it ends the run with one `failed` event of this kind.
 * The message is for a person: what happened, where, what was expected, what to do.
 */
export class TrainerFailure extends Error {
  readonly kind: FailureKind;

  constructor(kind: FailureKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TrainerFailure';
    this.kind = kind;
  }
}

/**
 * The kind and message of any error. Errors of the file system and of TensorFlow are told by their codes and texts,
 * all that is left is `internal`.
 */
export function describeFailure(error: unknown): { kind: FailureKind; message: string; stack?: string } {
  if (!(error instanceof Error)) return { kind: 'internal', message: String(error) };
  const stack = error.stack === undefined ? {} : { stack: error.stack };
  if (error instanceof TrainerFailure) return { kind: error.kind, message: error.message, ...stack };
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return {
      kind: 'disk-full',
      message: `${error.message}. Free some space, then run again: it goes on from the newest checkpoint.`,
      ...stack,
    };
  }
  if (
    /OOM when allocating|out of memory|ResourceExhausted|bad_alloc|Array buffer allocation failed/i.test(error.message)
  ) {
    return {
      kind: 'out-of-memory',
      message: `${error.message}. Take a smaller batch or context, or a machine with more memory.`,
      ...stack,
    };
  }
  if (/CUDA_ERROR|device (is )?lost|failed to enqueue|cudaGetDevice/i.test(error.message)) {
    return { kind: 'device-lost', message: error.message, ...stack };
  }
  return { kind: 'internal', message: error.message, ...stack };
}
