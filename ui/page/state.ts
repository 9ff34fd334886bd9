import { computed, effect, signal } from '@preact/signals';
import { changed, newsOf } from '../model/changes.ts';
import { formatRoute, parseRoute, type Route } from '../model/route.ts';
import type { Change, LineageView } from '../protocol.ts';
import { type Refused, takeToken } from './api.ts';
import { type Connection, watch } from './live.ts';
import { isSeen } from './seen.ts';

/** Where in the page one is. Changed by `go` and by the address alone. */
export const route = signal<Route>(parseRoute(''));

/** The lineage that is looked at, as it stands now; null until it is known. */
export const view = signal<LineageView | null>(null);

/** How page and server stand. */
export const connection = signal<Connection>({ state: 'connecting' });

/** Why the lineage of the route cannot be shown. */
export const refusal = signal<Refused | null>(null);

/** What a screen reader says of what changed. */
export const news = signal('');

/** The lineage of the route. */
export const lineage = computed(() => route.value.lineage);

/** Counts each time that the whole view came anew: what was asked for before may be old. */
export const arrivals = signal(0);

/** Counts the tokens that were taken: with another one all is asked for again. */
const admissions = signal(0);

const listeners = new Set<(change: Change) => void>();

/** Goes elsewhere in the page, or with `replace` says in the address what was chosen here without a step to go back. */
export function go(change: Partial<Route>, { replace = false }: { replace?: boolean } = {}): void {
  const next = { ...route.peek(), ...change };
  const hash = formatRoute(next);
  if (hash === formatRoute(route.peek())) return;
  if (replace) history.replaceState(null, '', hash);
  else history.pushState(null, '', hash);
  route.value = next;
}

/** Chooses something where one is: `choose({node: key})`; null takes a choice back. */
export function choose(change: Readonly<Record<string, string | null>>, how?: { replace?: boolean }): void {
  const entries = Object.entries({ ...route.peek().chosen, ...change });
  go({ chosen: Object.fromEntries(entries.filter((entry): entry is [string, string] => !!entry[1])) }, how);
}

/** Hears of every change of the lineage until the function that it gives is called. */
export function onChange(listener: (change: Change) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Follows the address, and the lineage that it names for as long as somebody sees the page. */
export function start(): void {
  const readRoute = () => {
    if (takeToken()) admissions.value += 1;
    route.value = parseRoute(location.hash);
  };
  readRoute();
  addEventListener('hashchange', readRoute);
  addEventListener('popstate', readRoute);
  effect(() => {
    lineage.value;
    view.value = null;
  });
  effect(() => {
    const name = lineage.value;
    admissions.value;
    refusal.value = null;
    if (name === null || !isSeen.value) return;
    const stop = new AbortController();
    void watch(
      name,
      {
        view(next) {
          if (told?.lineage !== next.lineage) told = next;
          view.value = next;
          arrivals.value += 1;
        },
        change(change) {
          if (view.value !== null) view.value = changed(view.value, change);
          for (const listener of listeners) listener(change);
        },
        connection(next) {
          connection.value = next;
        },
        refused(refused) {
          refusal.value = refused;
        },
      },
      stop.signal,
    );
    return () => stop.abort();
  });
  tellNews();
}

const newsEveryMs = 5000;

/** What the news were last told of. */
let told: LineageView | null = null;

/** Says what changed, at most every five seconds: a run of a thousand nodes is not to be read out node by node. */
function tellNews(): void {
  setInterval(() => {
    const now = view.peek();
    if (told === null || now === null || told.lineage !== now.lineage) return;
    news.value = newsOf(told, now) || news.value;
    told = now;
  }, newsEveryMs);
}
