/**
 * The Temporal command line with its development server: a `temporal` on PATH, else the one that set-up fetched, else
 * undefined. `version` is that of the command line, e.g. `1.9.1`.
 */
export function findTemporal(): { path: string; version: string; origin: 'PATH' | 'set-up' } | undefined;

/** Fetches the Temporal server into the cache; rejects with a message and a remedy. */
export function setUpTemporal(progress: { say: (text: string) => void; update: (text: string) => void }): Promise<void>;
