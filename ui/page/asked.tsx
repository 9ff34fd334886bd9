import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ask, Refused } from './api.ts';

/** What was asked of the server. While it is asked anew, what came before stays. */
export interface Asked<T> {
  value: T | null;
  problem: Refused | null;
  pending: boolean;
}

/**
 * Asks a path of the API, anew whenever the path or `version` changes, and where the server says that it is worth while; a
 * null path asks nothing.
 */
export function useAsked<T>(path: string | null, version: unknown = 0): Asked<T> {
  const [asked, setAsked] = useState<Asked<T> & { path: string | null }>({
    path,
    value: null,
    problem: null,
    pending: path !== null,
  });
  // A version is a reason to ask again, and nothing that is asked.
  useEffect(() => {
    if (path === null) return setAsked({ path, value: null, problem: null, pending: false });
    const stop = new AbortController();
    let again: ReturnType<typeof setTimeout> | undefined;
    setAsked((before) => ({ path, value: before.path === path ? before.value : null, problem: null, pending: true }));
    const askOnce = (): Promise<void> =>
      ask<T>(path, stop.signal).then(
        (value) => setAsked({ path, value, problem: null, pending: false }),
        (error: unknown) => {
          if (stop.signal.aborted) return;
          if (!(error instanceof Refused)) throw error;
          setAsked((before) => ({ ...before, problem: error, pending: false }));
          if (error.retrySeconds !== null) again = setTimeout(askOnce, error.retrySeconds * 1000);
        },
      );
    void askOnce();
    return () => {
      stop.abort();
      clearTimeout(again);
    };
  }, [path, version]);
  return asked.path === path ? asked : { value: null, problem: null, pending: true };
}

/** What went wrong and what to do, where somebody looks for the answer. */
export function ProblemNote({ problem }: { problem: Refused }) {
  return (
    <div class="problem" role="alert">
      <p>{problem.message}</p>
      {problem.remedy !== null && <p class="remedy">{problem.remedy}</p>}
      {problem.retrySeconds !== null && <p class="remedy">It is asked again by itself.</p>}
    </div>
  );
}

/** The answer once it is there; until then that it is asked for, or why there is none. */
export function WhenAsked<T>({ asked, children }: { asked: Asked<T>; children: (value: T) => ComponentChildren }) {
  return (
    <>
      {asked.problem !== null && <ProblemNote problem={asked.problem} />}
      {asked.value !== null ? children(asked.value) : asked.pending && <p class="soft">Asking …</p>}
    </>
  );
}
