/** Something about the results that a person has to know: what happened, where, what to do. */
export class ResultsError extends Error {
  override name = 'ResultsError';
}

/** Another process kept `results.duckdb` open for longer than there was patience for. Trying again later helps. */
export class DatabaseBusyError extends ResultsError {
  override name = 'DatabaseBusyError';
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
