import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { openLive } from '../../cli/live.ts';
import { openTerminal } from '../../cli/render/terminal.ts';
import type { LineageNow, Live } from '../../ui/live.ts';
import { serveUi, type UiOptions, type UiServer } from '../../ui/server.ts';

/** A server, and how to ask it. */
export interface Served extends UiServer {
  /** Asks with the token; headers may say other things. */
  ask(path: string, asking?: Asking): Promise<Answer>;
  /** The JSON of a path that has to answer with 200. */
  get<T>(path: string): Promise<T>;
  /** Errors that nobody expected. */
  errors: unknown[];
}

export interface Asking {
  method?: string;
  headers?: Record<string, string | undefined>;
  body?: unknown;
}

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
  json: () => unknown;
}

/** Ends things where a test, or a file of tests, is over. */
export type Ending = Pick<TestContext, 'after'>;

/** For what all tests of a file share: `over` ends it, the last first. */
export function sharedEnding(): Ending & { over: () => Promise<void> } {
  const ends: (() => unknown)[] = [];
  return {
    after: (end) => {
      if (end) ends.unshift(end as () => unknown);
    },
    async over() {
      for (const end of ends) await end();
    },
  };
}

/** A folder of a test's own; gone after the test. */
export async function temporaryFolder(t: Ending): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'descent ui '));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Serves a home with a page of two files, beside which lies another; ended after the test. */
export async function serve(
  t: Ending,
  home: string,
  options: Partial<Pick<UiOptions, 'live' | 'timing'> & { cwd: string; env: NodeJS.ProcessEnv }> = {},
): Promise<Served> {
  const folder = await temporaryFolder(t);
  const page = join(folder, 'page');
  await mkdir(page);
  await writeFile(join(page, 'index.html'), `<!doctype html><title>${'page '.repeat(400)}</title>`);
  await writeFile(join(page, 'page.js'), 'export {};');
  await writeFile(join(page, '.sources'), '{}');
  await writeFile(join(folder, 'secret.html'), 'secret');
  const errors: unknown[] = [];
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(TEMPORAL|DESCENT)_/.test(name)));
  const { cwd = folder, timing = {} } = options;
  const context = { terminal: openTerminal('never', {}), cwd, env: options.env ?? env, debug: false };
  const live = options.live ?? (await openLive(home, context));
  const server = await serveUi({ home, port: 0, page, report: (error) => errors.push(error), timing, live });
  t.after(() => server.close());
  const ask = (path: string, { method = 'GET', headers = {}, body }: Asking = {}): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const text = typeof body === 'string' ? body : body === undefined ? undefined : JSON.stringify(body);
      const all = {
        authorization: `Bearer ${server.token}`,
        ...(text !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      };
      const sent = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
      const asking = request({ host: '127.0.0.1', port: server.port, path, method, headers: sent, agent: false });
      asking.on('response', (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () => {
          const whole = Buffer.concat(chunks);
          const json = () => JSON.parse(whole.toString('utf8')) as unknown;
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: whole, json });
        });
      });
      asking.on('error', reject);
      asking.end(text);
    });
  const get = async <T>(path: string): Promise<T> => {
    const { status, json, body } = await ask(path);
    if (status !== 200) throw new Error(`${path}: ${status} ${body.toString('utf8')}`);
    return json() as T;
  };
  return { ...server, ask, get, errors };
}

/** Reads server-sent events as they come. */
export interface Stream {
  /** All events so far. */
  events: Record<string, unknown>[];
  /** Waits for an event that fits, and gives it. */
  until(fits: (event: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>;
  /** Stops and goes on reading from the connection. */
  pause(): void;
  resume(): void;
  /** Goes away. */
  leave(): void;
  /** Resolves when the server has ended it. */
  ended: Promise<void>;
}

/** Opens the stream of a path. */
export async function streamOf(served: Served, path: string): Promise<Stream> {
  const events: Record<string, unknown>[] = [];
  const waiting = new Set<() => void>();
  const asking = request({
    host: '127.0.0.1',
    port: served.port,
    path,
    headers: { authorization: `Bearer ${served.token}` },
    agent: false,
  });
  asking.end();
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    asking.on('response', resolve);
    asking.on('error', reject);
  });
  if (answer.statusCode !== 200) throw new Error(`${path}: ${answer.statusCode}`);
  let rest = '';
  answer.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n\n');
    rest = parts.pop() ?? '';
    for (const part of parts) if (part.startsWith('data: ')) events.push(JSON.parse(part.slice(6)));
    for (const look of [...waiting]) look();
  });
  const ended = new Promise<void>((resolve) => answer.on('close', resolve));
  asking.on('error', () => {});
  return {
    events,
    until: (fits) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`no such event in ${JSON.stringify(events)}`)), 20_000);
        const look = (): void => {
          const found = events.find(fits);
          if (found === undefined) return;
          clearTimeout(timer);
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
    pause: () => answer.pause(),
    resume: () => answer.resume(),
    leave: () => answer.destroy(),
    ended,
  };
}

/** How lineages stand as a test says, and how often that was asked. */
export function madeLive(first: LineageNow): Live & { now: LineageNow | Error; looks: number; done: string[] } {
  const made = {
    now: first as LineageNow | Error,
    looks: 0,
    done: [] as string[],
    async lineages() {
      return made.now instanceof Error ? [] : [made.now];
    },
    async lineage(name: string) {
      made.looks += 1;
      if (made.now instanceof Error) throw made.now;
      return name === made.now.lineage ? made.now : undefined;
    },
    pageOf: () => null,
    pause: async (name: string) => act(`paused ${name}`),
    unpause: async (name: string) => act(`${name} goes on`),
    cancel: async (name: string) => act(`cancelled ${name}`),
    close: async () => {},
  };
  const act = (what: string): string => {
    made.done.push(what);
    return what;
  };
  return made;
}
