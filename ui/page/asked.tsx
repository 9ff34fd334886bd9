import { effect } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useReducer, useState } from 'preact/hooks';
import { ask, askUntilAnswered, Refused } from './api.ts';
import { arrivals } from './state.ts';

/** What was asked of the server. While it is asked anew, what came before stays. */
export interface Asked<T> {
  value: T | null;
  problem: Refused | null;
  pending: boolean;
}

/**
 * Asks a path of the API, anew whenever the path or `version` changes, where the server says that it is worth while, and when
 * it is back; a null path asks nothing.
 */
export function useAsked<T>(path: string | null, version: unknown = 0): Asked<T> {
  return useAnswer(path, (one, signal) => ask<T>(one, signal), version);
}

/** The same of what `answer` asks for a question; a null question is none. */
export function useAnswer<T>(
  question: string | null,
  answer: (question: string, signal: AbortSignal) => Promise<T>,
  version: unknown = 0,
): Asked<T> {
  const [asked, setAsked] = useState<Asked<T> & { question: string | null }>({
    question,
    value: null,
    problem: null,
    pending: question !== null,
  });
  const [returns, returned] = useReducer((count: number) => count + 1, 0);
  const isGone = asked.problem?.status === 0;
  useEffect(() => {
    if (!isGone) return;
    const before = arrivals.peek();
    return effect(() => {
      if (arrivals.value !== before) returned(undefined);
    });
  }, [isGone]);
  // A version is a reason to ask again, and nothing that is asked.
  useEffect(() => {
    if (question === null) return setAsked({ question, value: null, problem: null, pending: false });
    const stop = new AbortController();
    setAsked((before) => ({
      question,
      value: before.question === question ? before.value : null,
      problem: null,
      pending: true,
    }));
    const refused = (problem: Refused) => setAsked((before) => ({ ...before, problem, pending: false }));
    askUntilAnswered(() => answer(question, stop.signal), refused, stop.signal).then(
      (value) => {
        if (!stop.signal.aborted) setAsked({ question, value, problem: null, pending: false });
      },
      (error: unknown) => {
        if (stop.signal.aborted) return;
        if (!(error instanceof Refused)) throw error;
        refused(error);
      },
    );
    return () => stop.abort();
  }, [question, version, returns]);
  return asked.question === question ? asked : { value: null, problem: null, pending: true };
}

/** What went wrong and what to do, where somebody looks for the answer. */
export function ProblemNote({ problem }: { problem: Refused }) {
  return (
    <div class="problem" role="alert">
      <p>{problem.message}</p>
      {problem.remedy !== null && <p class="remedy">{problem.remedy}</p>}
    </div>
  );
}

/** The same of what `useAsked` asks: what passes is no fault, and is asked for again. */
export function AskedNote({ problem }: { problem: Refused }) {
  return problem.retrySeconds === null ? <ProblemNote problem={problem} /> : <WaitNote what={problem.message} />;
}

/** What an answer waits for, which is asked for again by itself. */
export function WaitNote({ what }: { what: string }) {
  return (
    <p class="soft" role="status">
      {what}: this is asked for again by itself
    </p>
  );
}

/** The answer once it is there; until then that it is asked for, or why there is none. */
export function WhenAsked<T>({ asked, children }: { asked: Asked<T>; children: (value: T) => ComponentChildren }) {
  return (
    <>
      {asked.problem !== null && <AskedNote problem={asked.problem} />}
      {asked.value !== null ? children(asked.value) : asked.pending && <p class="soft">Asking …</p>}
    </>
  );
}
