/**
 * Does something with all, so many at once. Where one fails, those that are begun end, no other begins, and it is thrown;
 * the signal's reason where it is aborted.
 */
export async function inTurns<T>(
  items: Iterable<T>,
  atOnce: number,
  signal: AbortSignal | undefined,
  act: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = [...items];
  const take = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      signal?.throwIfAborted();
      await act(next);
    }
  };
  const ended = await Promise.allSettled(
    Array.from({ length: atOnce }, () =>
      take().catch((error: unknown) => {
        waiting.length = 0;
        throw error;
      }),
    ),
  );
  for (const one of ended) if (one.status === 'rejected') throw one.reason;
}
