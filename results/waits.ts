/**
 * The `node:diagnostics_channel` on which `withDatabase` publishes, as a sentence, for whom it waits: once a call, and
 * only where that takes longer than `toldAfterMs`. Whoever talks to a person subscribes.
 */
export const databaseWaits = 'descent:database-waits';

/** Milliseconds. */
export const toldAfterMs = 2000;
