import { DatabaseBusyError, QueryError } from '../results/errors.ts';
import type { Problem } from './protocol.ts';

/** What a request is answered with in place of what it asked for. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly hint: string | null;
  readonly headers: Record<string, string>;

  constructor(status: number, message: string, hint: string | null = null, headers: Record<string, string> = {}) {
    super(message);
    this.status = status;
    this.hint = hint;
    this.headers = headers;
  }
}

/** An answer that tells of an error. `unexpected`: it is no fault of who asked, nor anything that passes. */
export interface Told {
  status: number;
  problem: Problem;
  headers: Record<string, string>;
  unexpected: boolean;
}

/** After how many seconds to ask again what somebody who writes results kept from being read. */
const retrySeconds = 1;

/** Who keeps the results from being read. */
export function heldText({ holder }: DatabaseBusyError): string {
  return `the results are held by ${holder}`;
}

/** What to answer for an error, whoever threw it. */
export function toldOf(error: unknown): Told {
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof Error && 'hint' in error && typeof error.hint === 'string' ? error.hint : null;
  const told = (status: number, headers: Record<string, string> = {}): Told => ({
    status,
    problem: { error: message, remedy: hint },
    headers,
    unexpected: status === 500,
  });
  if (error instanceof Refusal) return told(error.status, error.headers);
  if (error instanceof DatabaseBusyError) {
    const problem = { error: heldText(error), remedy: null };
    return { ...told(503, { 'retry-after': String(retrySeconds) }), problem };
  }
  if (error instanceof QueryError) return told(400);
  // What an error has a remedy for, a person can do something about.
  return told(hint === null ? 500 : 409);
}
