import { Refusal } from './problem.ts';

/** What a route is asked. */
export interface Asked {
  /** The parts of the path that the route names with a colon. */
  parameters: Readonly<Record<string, string>>;
  query: URLSearchParams;
  /** The body as JSON; throws a Refusal. */
  body: () => Promise<unknown>;
  /** Aborted when who asked has gone. */
  signal: AbortSignal;
}

/** A route either answers with a value, or has a stream of what happens. */
export type Route =
  | { method: 'GET' | 'POST'; path: string; answer: (asked: Asked) => Promise<unknown> }
  | { method: 'GET'; path: string; stream: (asked: Asked) => Promise<Streamed> };

/** What happens from now on. */
export interface Streamed {
  /** Begins to tell; gives how to end that. */
  start(tell: (event: unknown) => void): () => void;
  /** Told in place of what whoever listens was too slow for. */
  missed: unknown;
}

/** The route for a method and a path, with what the path says; HEAD is GET. Throws a Refusal: 404, or 405 with what is allowed. */
export function findRoute(
  routes: readonly Route[],
  method: string,
  path: string,
): { route: Route; parameters: Record<string, string> } {
  const given = path.split('/').map(decoded);
  const fitting = routes.flatMap((route) => {
    const parameters = fit(route.path, given);
    return parameters === undefined ? [] : [{ route, parameters }];
  });
  if (fitting.length === 0) throw new Refusal(404, `there is no ${path}`);
  const wanted = method === 'HEAD' ? 'GET' : method;
  const found = fitting.find(({ route }) => route.method === wanted);
  if (found !== undefined) return found;
  const allowed = fitting.flatMap(({ route }) => (route.method === 'GET' ? ['GET', 'HEAD'] : [route.method]));
  throw new Refusal(405, `${path} does not take ${method}`, null, { allow: allowed.join(', ') });
}

function fit(pattern: string, given: readonly string[]): Record<string, string> | undefined {
  const parts = pattern.split('/');
  if (parts.length !== given.length) return undefined;
  const parameters: Record<string, string> = {};
  for (const [index, part] of parts.entries()) {
    const value = given[index] as string;
    if (part.startsWith(':') && value !== '') parameters[part.slice(1)] = value;
    else if (part !== value) return undefined;
  }
  return parameters;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new Refusal(400, 'the address cannot be read');
  }
}

/** A number of the query, whole and within bounds; `preset` where it is not given. Throws a Refusal. */
export function wholeOf(query: URLSearchParams, name: string, preset: number, least: number, most: number): number {
  const text = query.get(name);
  if (text === null) return preset;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new Refusal(400, `${name} is a whole number from ${least} to ${most}, and not ${JSON.stringify(text)}`);
}
