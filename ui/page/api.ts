import { formatRoute } from '../model/route.ts';
import type { Problem } from '../protocol.ts';
import { pause } from './pause.ts';

const tokenName = 'descent-token';

/**
 * Takes the token from the address that `descent ui` printed (`#token=…&lineage=…`) and keeps it for this tab alone, so that it
 * is in no history and no link that somebody copies. Gives whether the address had one.
 */
export function takeToken(): boolean {
  const given = new URLSearchParams(location.hash.slice(1));
  const token = given.get('token');
  if (token === null) return false;
  sessionStorage.setItem(tokenName, token);
  history.replaceState(null, '', formatRoute({ lineage: given.get('lineage'), view: 'dag', chosen: {} }));
  return true;
}

/** What the server said no to, or that it did not answer. */
export class Refused extends Error {
  override readonly name = 'Refused';
  /** The status of HTTP; 0 where nothing answered. */
  readonly status: number;
  readonly remedy: string | null;
  /** After how many seconds it is worth while to ask again; null where it is not. */
  readonly retrySeconds: number | null;

  constructor(status: number, { error, remedy }: Problem, retrySeconds: number | null = null) {
    super(error);
    this.status = status;
    this.remedy = remedy;
    this.retrySeconds = retrySeconds;
  }
}

/** What a path of the API answers. Throws `Refused`. */
export async function ask<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await (await request(path, { ...(signal && { signal }) })).json()) as T;
}

/** The same where something is asked for or done. */
export async function post<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
  const headers = { 'content-type': 'application/json' };
  const init = { method: 'POST', headers, body: JSON.stringify(body), ...(signal && { signal }) };
  return (await (await request(path, init)).json()) as T;
}

/**
 * Asks again for as long as the server says when it is worth while, and gives the answer; `refused` is told of each time.
 * Throws what `ask` throws else.
 */
export async function askUntilAnswered<T>(
  ask: () => Promise<T>,
  refused: (problem: Refused) => void,
  signal: AbortSignal,
): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof Refused) || error.retrySeconds === null) throw error;
      refused(error);
      await pause(error.retrySeconds * 1000, signal);
    }
  }
}

/** The answer to a request that carries the token, once its head is there. Throws `Refused` where it is no success. */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  const token = sessionStorage.getItem(tokenName) ?? '';
  const answer = await fetch(path, {
    ...init,
    headers: { ...init.headers, authorization: `Bearer ${token}` },
  }).catch((error: unknown) => {
    if (init.signal?.aborted) throw error;
    throw unanswered();
  });
  if (answer.ok) return answer;
  const told = (await answer.json().catch(() => null)) as Problem | null;
  const problem = told ?? { error: `the server answered ${answer.status}`, remedy: null };
  const noToken = { ...problem, remedy: problem.remedy ?? 'open the address that `descent ui` printed' };
  const retry = answer.headers.get('retry-after');
  throw new Refused(answer.status, answer.status === 401 ? noToken : problem, retry === null ? null : Number(retry));
}

/** What to say where the server does not answer, or no longer. */
export function unanswered(): Refused {
  return new Refused(0, { error: 'the server does not answer', remedy: 'see whether `descent ui` still runs' });
}

/** The path of a lineage's part of the API. */
export function lineagePath(lineage: string, rest = ''): string {
  return `/api/lineages/${encodeURIComponent(lineage)}${rest}`;
}

/** The path of a node's part of the API, as the node stands in a lineage. */
export function nodePath(
  lineage: string,
  key: string,
  rest = '',
  query: Readonly<Record<string, string>> = {},
): string {
  return `/api/nodes/${key}${rest}?${new URLSearchParams({ lineage, ...query })}`;
}
