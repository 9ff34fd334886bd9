import { deviceFailure } from '../schemas/device-failures.ts';
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
 * Whether it is the fault of a file that it could not be read as JSON: it is missing, or something else. What else keeps a
 * file from being read (too many are open, the network drive is gone) may have passed when it is tried again.
 */
export function isFaultOfFile(error: unknown): error is Error {
  const { code = '' } = error as NodeJS.ErrnoException;
  return error instanceof SyntaxError || ['ENOENT', 'ENOTDIR', 'EISDIR'].includes(code);
}

/** What to do about failures that are told by the message of a system or a library. */
const remedies: Readonly<Record<'disk-full' | 'out-of-memory' | 'device-lost', string>> = {
  'disk-full': 'Free some space and start it again: it goes on from its newest checkpoint.',
  'out-of-memory': 'Take a smaller batch or context, or a machine with more memory.',
  'device-lost': 'Start it again: it goes on from its newest checkpoint. If that does not help, look after the device.',
};

/**
 * The kind and message of any error, as a `failed` event has them. Errors of the system and of TensorFlow are told by
 * their messages; what is left is `internal`.
 */
export function describeFailure(error: unknown): Pick<FailedEvent, 'kind' | 'message' | 'stack'> {
  if (!(error instanceof Error)) return { kind: 'internal', message: String(error) };
  const stack = error.stack === undefined ? {} : { stack: error.stack };
  if (error instanceof TrainerFailure) return { kind: error.kind, message: error.message, ...stack };
  // tfjs-node puts two lines before what TensorFlow says.
  const said = error.message.replace(/^Invalid TF_Status: \d+\s+Message: /, '');
  const kind = /^(ENOSPC|EDQUOT)\b/.test(said) ? 'disk-full' : deviceFailure(said);
  return kind === undefined
    ? { kind: 'internal', message: said, ...stack }
    : { kind, message: `${said}. ${remedies[kind]}`, ...stack };
}
