import type { ServerResponse } from 'node:http';
import { safetyHeaders } from './guard.ts';
import type { Streamed } from './router.ts';

/** Bytes that may wait for a page that does not read; what comes beyond them is not told. */
const mostWaitingBytes = 1 << 20;

/** Between two signs of life: without them neither side notices that the other has gone. */
const signEveryMs = 15_000;

/**
 * Sends server-sent events until whoever listens has gone, or `end`. One that does not read what is sent costs no more memory
 * than `mostWaitingBytes`: it is told that it has missed something once it reads again.
 */
export function sendEvents(response: ServerResponse, { start, missed }: Streamed): { end(): void } {
  response.writeHead(200, {
    ...safetyHeaders,
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  let behind = false;
  const write = (event: unknown): void => {
    response.write(`data: ${JSON.stringify(event)}\n\n`);
  };
  response.write(': open\n\n');
  const stop = start((event) => {
    if (response.writableLength > mostWaitingBytes) behind = true;
    if (!behind) write(event);
  });
  response.on('drain', () => {
    if (behind) write(missed);
    behind = false;
  });
  const signs = setInterval(() => {
    if (response.writableLength === 0) response.write(': here\n\n');
  }, signEveryMs);
  response.once('close', () => {
    clearInterval(signs);
    stop();
  });
  return { end: () => response.end() };
}
