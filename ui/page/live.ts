import { EventSourceParserStream } from 'eventsource-parser/stream';
import type { Change, LineageView } from '../protocol.ts';
import { ask, lineagePath, Refused, request, unanswered } from './api.ts';
import { pause } from './pause.ts';

/** How the page and the server stand. `away`: it does not answer, or not with this, and is tried again at `until` (ms since 1970). */
export type Connection = { state: 'connecting' } | { state: 'live' } | { state: 'away'; until: number; error: string };

/** Who is told. */
export interface Watcher {
  view(view: LineageView): void;
  change(change: Change): void;
  connection(connection: Connection): void;
  /** The server answers, and not with this lineage: trying again would not help. */
  refused(refused: Refused): void;
}

const firstWaitMs = 500;
const longestWaitMs = 15_000;

/**
 * Tells of a lineage until `signal` says to stop: all of it at first, and after each time that the server was away, and in
 * between what changes. Tries again, at first after half a second, then after twice that, up to a quarter of a minute.
 */
export async function watch(lineage: string, watcher: Watcher, signal: AbortSignal): Promise<void> {
  let waitMs = firstWaitMs;
  watcher.connection({ state: 'connecting' });
  while (!signal.aborted) {
    let gone = 'the server is gone';
    try {
      await follow(
        lineage,
        {
          ...watcher,
          connection: (connection) => {
            waitMs = firstWaitMs;
            watcher.connection(connection);
          },
        },
        signal,
      );
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refused && error.status >= 400 && error.status < 500) return watcher.refused(error);
      if (!(error instanceof Refused)) reportError(error);
      else if (error.status > 0) gone = error.message;
    }
    if (signal.aborted) return;
    watcher.connection({ state: 'away', until: Date.now() + waitMs, error: gone });
    await pause(waitMs, signal);
    waitMs = Math.min(longestWaitMs, waitMs * 2);
  }
}

/** Once: what changes is asked for before what is, so that nothing is missed between the two. Returns when the server ends it. */
async function follow(lineage: string, watcher: Watcher, signal: AbortSignal): Promise<void> {
  const changes = await request(lineagePath(lineage, '/changes'), { signal });
  watcher.view(await ask<LineageView>(lineagePath(lineage), signal));
  watcher.connection({ state: 'live' });
  if (changes.body === null) return;
  const events = changes.body
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream())
    .getReader();
  const next = () =>
    events.read().catch(() => {
      throw unanswered();
    });
  for (let read = await next(); !read.done; read = await next()) {
    const change = JSON.parse(read.value.data) as Change;
    if (change.kind === 'replaced') watcher.view(await ask<LineageView>(lineagePath(lineage), signal));
    watcher.change(change);
  }
}
