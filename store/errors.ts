/** Something about the store that a person has to know: what happened, where, what to do. */
export class StoreError extends Error {
  override name = 'StoreError';
}

/**
 * The lease went to a later execution, so this one may write no more. Not a failure of the node: whoever holds the
 * lease now goes on with it.
 */
export class FencedError extends StoreError {
  override name = 'FencedError';
}
