/** Something about the results that a person has to know: what happened, where, what to do. */
export class ResultsError extends Error {
  override name = 'ResultsError';
}

/** Another process kept `results.duckdb` open for longer than there was patience for. Trying again later helps. */
export class DatabaseBusyError extends ResultsError {
  override name = 'DatabaseBusyError';
  /** Who has it: `process 4711 (/usr/bin/node)`. */
  readonly holder: string;

  constructor(message: string, holder: string, options?: ErrorOptions) {
    super(message, options);
    this.holder = holder;
  }
}

/** `results.duckdb` is no database any more, or a damaged one. */
export class UnreadableDatabaseError extends ResultsError {
  override name = 'UnreadableDatabaseError';
}

/** A person's SQL that cannot be run; the message is DuckDB's, with the place. */
export class QueryError extends ResultsError {
  override name = 'QueryError';
}

/** An events file that does not follow the trainer's contract; the message names the file and the line. */
export class EventsError extends ResultsError {
  override name = 'EventsError';
}

/** DuckDB's failure to write a file as the system's own, with its code; any other error as it is. */
export function asSystemError(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || !/(Could not|Cannot) (write|open|create)/.test(error.message)) return error;
  const [reason, code] = systemReasons.find(([words]) => error.message.includes(words)) ?? [];
  if (code === undefined) return error;
  return Object.assign(new Error(`${code}: ${reason?.toLowerCase()}, write`, { cause: error }), { code, path });
}

/** How strerror(3) words what keeps a file from being written. */
const systemReasons = [
  ['No space left on device', 'ENOSPC'],
  ['Disk quota exceeded', 'EDQUOT'],
  ['Permission denied', 'EACCES'],
  ['Read-only file system', 'EROFS'],
  ['No such file or directory', 'ENOENT'],
  ['File name too long', 'ENAMETOOLONG'],
] as const;
