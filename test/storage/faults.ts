import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** What may go wrong with a request on its way. */
export const faultKinds = [
  /** The connection ends before anything was passed on. */
  'refused',
  /** It ends in the middle of what is sent. */
  'cut-request',
  /** 500, 503 and 503 SlowDown, as S3 says them. */
  'internal-error',
  'unavailable',
  'slow-down',
  /** The server has done it, and nobody hears of that. */
  'lost-answer',
  /** The answer ends in the middle. */
  'cut-answer',
  /** A byte of a file's content comes as another. */
  'changed-answer',
  /** A second passes before the answer. */
  'late',
] as const;

export type FaultKind = (typeof faultKinds)[number];

/** A proxy in front of a server that does harm. */
export interface FaultyProxy {
  endpoint: string;
  /** How many of each were done. */
  counts: Record<FaultKind, number>;
  requests(): number;
  /** The share of requests that get a fault, from now on. */
  setRate(rate: number): void;
  close(): Promise<void>;
}

/** Starts one whose faults follow from a seed and the order of requests. */
export async function faultyProxy(port: number, seed: number, rate: number): Promise<FaultyProxy> {
  const generator = xoroshiro128plus(seed);
  const below = (limit: number): number => uniformInt(generator, 0, limit - 1);
  const counts = Object.fromEntries(faultKinds.map((kind) => [kind, 0])) as Record<FaultKind, number>;
  let [share, requests] = [rate, 0];
  const server = createServer((incoming, outgoing) => {
    requests += 1;
    const hit = below(1000) < share * 1000 ? faultKinds[below(faultKinds.length)] : undefined;
    const isFile = incoming.method === 'GET' && incoming.url?.includes('/files/') === true;
    const fault = hit === 'changed-answer' && !isFile ? undefined : hit;
    if (fault) counts[fault] += 1;
    incoming.on('error', () => undefined);
    outgoing.on('error', () => undefined);
    pass(port, incoming, outgoing, fault);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address() as { port: number };
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    counts,
    requests: () => requests,
    setRate(next) {
      share = next;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const spoken: Partial<Record<FaultKind, [number, string]>> = {
  'internal-error': [500, 'InternalError'],
  unavailable: [503, 'ServiceUnavailable'],
  'slow-down': [503, 'SlowDown'],
};

function pass(port: number, incoming: IncomingMessage, outgoing: ServerResponse, fault?: FaultKind): void {
  const said = fault && spoken[fault];
  if (said) {
    const [status, code] = said;
    incoming.resume();
    incoming.on('end', () => {
      outgoing.writeHead(status, { 'content-type': 'application/xml' });
      outgoing.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>injected</Message></Error>`);
    });
    return;
  }
  if (fault === 'refused') {
    incoming.destroy();
    return;
  }
  const length = Number(incoming.headers['content-length'] ?? 0);
  const { method, url, headers } = incoming;
  const onward = request({ host: '127.0.0.1', port, method, path: url, headers }, (answer) => {
    if (fault === 'lost-answer') {
      answer.resume();
      answer.on('end', () => outgoing.destroy());
      return;
    }
    const forward = (): void => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      const total = Number(answer.headers['content-length'] ?? 0);
      let came = 0;
      answer.on('data', (chunk: Buffer) => {
        const before = came;
        came += chunk.length;
        if (fault === 'cut-answer' && total > 0 && came >= total / 2) {
          outgoing.write(chunk.subarray(0, Math.max(0, Math.floor(total / 2) - before)));
          outgoing.destroy();
          answer.destroy();
          return;
        }
        if (fault === 'changed-answer' && before === 0)
          chunk[chunk.length >> 1] = (chunk[chunk.length >> 1] as number) ^ 1;
        if (!outgoing.write(chunk)) {
          answer.pause();
          outgoing.once('drain', () => answer.resume());
        }
      });
      answer.on('end', () => outgoing.end());
    };
    if (fault === 'late') setTimeout(forward, 1000);
    else forward();
  });
  onward.on('error', () => outgoing.destroy());
  outgoing.on('close', () => onward.destroy());
  if (fault !== 'cut-request') {
    incoming.pipe(onward);
    return;
  }
  let sent = 0;
  incoming.on('data', (chunk: Buffer) => {
    sent += chunk.length;
    if (sent * 2 < length) onward.write(chunk);
    else {
      onward.destroy();
      incoming.destroy();
    }
  });
  incoming.on('end', () => incoming.destroy());
}
