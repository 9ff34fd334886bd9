import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { changeRoutes } from './changes.ts';
import { controlRoutes } from './control.ts';
import { curveRoutes } from './curves.ts';
import { sendEvents } from './events.ts';
import { guardOf, makeToken, safetyHeaders } from './guard.ts';
import { jsonContent, readJson, send } from './http.ts';
import { lineageRoutes } from './lineages.ts';
import type { Live } from './live.ts';
import { modelRoutes } from './models.ts';
import { nodeRoutes } from './nodes.ts';
import { pageFiles } from './page-files.ts';
import { Refusal, toldOf } from './problem.ts';
import { openPublished } from './published.ts';
import { openRecordings } from './recordings.ts';
import { openRemembered } from './remembered.ts';
import { type Asked, findRoute, type Route } from './router.ts';
import { sampleRoutes } from './samples.ts';
import { sqlRoutes } from './sql.ts';
import { takeawayRoutes } from './takeaways.ts';
import { type LookTiming, openWatch } from './watch.ts';

/** What a server shows, and where. */
export interface UiOptions {
  home: string;
  live: Live;
  /** Folder of the page's files. */
  page: string;
  /** Port of 127.0.0.1; 0 for one that is free. */
  port: number;
  /** Told of errors that nobody expects. */
  report: (error: unknown) => void;
  /** Other times than the usual ones, in milliseconds. */
  timing?: Partial<Timing>;
}

/** How long a server waits for what. */
interface Timing extends LookTiming {
  /** For the head of a request, and for all of it: who sends slowly, or nothing, is not waited for. */
  headMs: number;
  requestMs: number;
}

const usualTiming: Timing = { headMs: 10_000, requestMs: 30_000, runningMs: 1000, restingMs: 2000 };

/** A server that listens. */
export interface UiServer {
  port: number;
  /** What every request of /api/ has to carry. */
  token: string;
  /** Ends all streams and lets go of everything. */
  close(): Promise<void>;
}

/** Pages that are told of changes at once, at most. */
const mostStreams = 32;

/**
 * Serves the page on 127.0.0.1 alone. Every answer says what a browser must not do with it; requests of other sites, and
 * without the token, are refused. Rejects as `listen` does, with EADDRINUSE where somebody has the port.
 */
export async function serveUi({ home, live, page, port, report, timing }: UiOptions): Promise<UiServer> {
  const token = makeToken();
  const files = await pageFiles(page);
  const { headMs, requestMs, ...looks } = { ...usualTiming, ...timing };
  const watch = openWatch(home, live, looks);
  const shown = {
    home,
    live,
    watch,
    published: openPublished(home),
    recordings: openRecordings(home),
    remembered: openRemembered(home),
  };
  const routes: Route[] = [
    ...lineageRoutes(shown),
    ...changeRoutes(shown),
    ...modelRoutes(shown),
    ...takeawayRoutes(shown),
    ...curveRoutes(shown),
    ...nodeRoutes(shown),
    ...sampleRoutes(shown),
    ...sqlRoutes(shown),
    ...controlRoutes(shown),
  ];
  const streams = new Set<{ end(): void }>();
  const server = createServer({
    headersTimeout: headMs,
    requestTimeout: requestMs,
    keepAliveTimeout: 10_000,
    connectionsCheckingInterval: headMs / 5,
    maxHeaderSize: 16 * 1024,
  });
  server.maxHeadersCount = 64;
  server.maxConnections = 128;
  await listen(server, port);
  const { port: given } = server.address() as AddressInfo;
  const guard = guardOf(given, token);

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    guard.checkSource(request);
    const { pathname, searchParams } = addressOf(request);
    const method = request.method ?? 'GET';
    if (!pathname.startsWith('/api/')) {
      const file = files(pathname);
      if (file === undefined) throw new Refusal(404, `there is no ${pathname}`);
      if (method !== 'GET' && method !== 'HEAD')
        throw new Refusal(405, `${pathname} does not take ${method}`, null, { allow: 'GET, HEAD' });
      return await send(request, response, await file);
    }
    guard.checkToken(request);
    const { route, parameters } = findRoute(routes, method, pathname);
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const asked: Asked = { parameters, query: searchParams, body: () => readJson(request), signal: gone.signal };
    if ('answer' in route) return await send(request, response, jsonContent(await route.answer(asked)));
    const streamed = await route.stream(asked);
    if (gone.signal.aborted) return;
    if (method === 'HEAD') return void response.writeHead(200, safetyHeaders).end();
    if (streams.size >= mostStreams)
      throw new Refusal(503, 'too many pages are open', 'close some', { 'retry-after': '5' });
    const stream = sendEvents(response, streamed);
    streams.add(stream);
    response.once('close', () => streams.delete(stream));
  };

  server.on('request', (request, response) => {
    answer(request, response).catch(async (error: unknown) => {
      const { status, problem, headers, unexpected } = toldOf(error);
      if (unexpected) report(error);
      if (response.headersSent) return void response.destroy();
      await send(request, response, jsonContent(problem, status, headers)).catch(report);
    });
  });

  return {
    port: given,
    token,
    async close() {
      await watch.close();
      for (const stream of streams) stream.end();
      const ended = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const patience = setTimeout(() => server.closeAllConnections(), 1000);
      await ended;
      clearTimeout(patience);
      await live.close();
    },
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** The path as it was sent, in which `..` is a name like any other, and the query. */
function addressOf({ url = '/' }: IncomingMessage): { pathname: string; searchParams: URLSearchParams } {
  const [pathname = '/', query = ''] = url.split(/\?(.*)/s);
  return { pathname, searchParams: new URLSearchParams(query) };
}
