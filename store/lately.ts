/**
 * What `load` gives, at most so old, for all who ask: so a worker with many jobs asks no more often than one with a single job. A
 * failure is for those alone who ask while it comes about: whoever tries again is to have an answer of its own.
 */
export function lately<T>(maxAgeMs: number, load: () => Promise<T>): (() => Promise<T>) & { forget(): void } {
  let newest: { at: number; value: Promise<T> } | undefined;
  const get = (): Promise<T> => {
    if (newest === undefined || performance.now() - newest.at > maxAgeMs) {
      const asked = { at: performance.now(), value: load() };
      newest = asked;
      asked.value.catch(() => {
        if (newest === asked) newest = undefined;
      });
    }
    return newest.value;
  };
  return Object.assign(get, {
    forget() {
      newest = undefined;
    },
  });
}
