import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Key } from '../../planner/plan.ts';
import { countStandings } from '../../ui/model/standings.ts';
import type {
  Change,
  Curve,
  LineageView,
  NodeView,
  Problem,
  QueryRequest,
  Sample,
  Standing,
  Table,
  Takeaways,
  Vocabulary,
} from '../../ui/protocol.ts';

// A server that answers as that of `descent ui` does, of a lineage that nobody ran: as large as asked, and changing when it
// is told to. For what a real run cannot be made to do at will.

const page = fileURLToPath(new URL('../../ui/page/', import.meta.url));
const token = 'made-up';
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** What the server tells; a test changes it as it likes. */
export interface Made {
  view: LineageView;
  models: Table;
  takeaways: Takeaways;
  curves: (key: Key, address: string) => Curve[];
  samples: Sample[];
  /** The lineages of the home, when they are known. */
  lineages: () => Promise<LineageView[]>;
  /** What comes of pausing, going on and cancelling, when that is known; null where it was done. */
  act: () => Promise<Problem | null>;
  vocabulary: Vocabulary;
  query: (request: QueryRequest) => Table | Problem;
}

/** A server that listens. */
export interface MadeServer {
  /** The address that shows the lineage, with the token. */
  address: string;
  port: number;
  /** What was asked to be done, in turn: `pause`. */
  done: string[];
  /** How many pages are told of changes. */
  listening: () => number;
  /** Tells every page of a change. */
  tell(change: Change): void;
  /** Says from now on that the results cannot be had, and to ask again in a second; null has them again. */
  refuse(problem: Problem | null): void;
  close(): Promise<void>;
}

/** Serves what is made; a `port` of its own where a test wants the same again. */
export async function serveMade(made: Made, port = 0): Promise<MadeServer> {
  const streams = new Set<ServerResponse>();
  const done: string[] = [];
  let refusal: Problem | null = null;
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      response.writeHead(500).end(JSON.stringify({ error: String(error), remedy: null }));
    });
  });
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname } = new URL(request.url ?? '/', 'http://made');
    const json = (value: unknown, status = 200) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    };
    const refuse = (problem: Problem) => {
      response.setHeader('retry-after', '1');
      json(problem, 503);
    };
    if (!pathname.startsWith('/api/')) {
      const name = pathname === '/' ? 'index.html' : pathname.slice(1);
      const type = { html: 'text/html', js: 'text/javascript', css: 'text/css' }[name.split('.').at(-1) ?? ''];
      if (type === undefined) return void response.writeHead(404).end();
      response.writeHead(200, { 'content-type': `${type}; charset=utf-8`, 'content-security-policy': policy });
      return void response.end(await readFile(join(page, name)));
    }
    if (request.headers.authorization !== `Bearer ${token}`)
      return json({ error: 'no token', remedy: 'open the printed address' }, 401);
    const [, , room, name = '', rest = ''] = pathname.split('/');
    const { view } = made;
    if (room === 'lineages' && name === '') return json(await made.lineages());
    if (room === 'sql' && request.method === 'GET') return json(made.vocabulary);
    if (room === 'sql') {
      if (refusal !== null) return refuse(refusal);
      const told = made.query(JSON.parse(await bodyOf(request)) as QueryRequest);
      return json(told, 'error' in told ? 400 : 200);
    }
    if (room === 'nodes') {
      const index = view.nodes.key.indexOf(name as Key);
      const address = view.nodes.address[index];
      if (address === undefined) return json({ error: `there is no node ${name}`, remedy: null }, 404);
      if (rest === 'metrics') return json(made.curves(name as Key, address));
      if (rest === 'samples') return json(made.samples);
      return json(nodeOf(view, index));
    }
    switch (rest) {
      case '':
        return json(view);
      case 'changes':
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.flushHeaders();
        streams.add(response);
        return void response.on('close', () => streams.delete(response));
      case 'models':
        return refusal === null ? json(made.models) : refuse(refusal);
      case 'takeaways':
        return json(made.takeaways);
      case 'metrics':
        return json(
          view.nodes.key.slice(0, 3).flatMap((key, index) => made.curves(key, view.nodes.address[index] as string)),
        );
      default: {
        const problem = await made.act();
        if (problem !== null) return json(problem, 409);
        done.push(rest);
        return json({ done: rest });
      }
    }
  };
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const given = (server.address() as AddressInfo).port;
  return {
    address: `http://127.0.0.1:${given}/#token=${token}&lineage=${encodeURIComponent(made.view.lineage)}`,
    port: given,
    done,
    listening: () => streams.size,
    tell(change) {
      for (const stream of streams) stream.write(`data: ${JSON.stringify(change)}\n\n`);
    },
    refuse(problem) {
      refusal = problem;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A lineage of about so many nodes, of which a third are evaluations; some are done, a few run, most wait. */
export function madeLineage(nodes: number): Made {
  const stages = ['base', 'mid', 'tuned', 'rl'];
  const each = Math.max(1, Math.round(nodes / 6));
  const counts = [Math.ceil(each / 4), each, each, each];
  const types: LineageView['types'] = ['tokenizer', 'pretrain', 'cpt', 'sft', 'rl', 'evaluate'];
  const address = ['words'];
  const type = [0];
  const group = [0];
  for (const [stage, name] of stages.entries()) {
    for (let seed = 1; seed <= (counts[stage] as number); seed += 1) {
      address.push(`${name}@lr=${(seed % 8) + 1}e-4,seed=${Math.ceil(seed / 8)}`);
      type.push(stage + 1);
      group.push(stage + 1);
      if (stage % 2 === 0 && seed % 2 === 0) continue;
      address.push(`evaluate/${address.at(-1)}/id`);
      type.push(5);
      group.push(stage + 1);
    }
  }
  const standing = address.map((_, node): Standing => {
    const share = node / address.length;
    return share < 0.4
      ? node % 97 === 13
        ? 'failed'
        : 'done'
      : share < 0.401
        ? 'running'
        : node % 131 === 7
          ? 'blocked'
          : 'waiting';
  });
  const view: LineageView = {
    lineage: 'made',
    title: 'How much replay keeps general ability?',
    lastRun: '2026-01-02T03:04:05.000Z',
    running: true,
    paused: false,
    counts: { ...countStandings(standing) },
    file: 'made.yaml',
    plan: 'ab'.repeat(32),
    note: null,
    temporal: null,
    groups: [
      { name: 'words', type: 'tokenizer', from: [], reads: [] },
      { name: 'base', type: 'pretrain', from: [], reads: [0] },
      { name: 'mid', type: 'cpt', from: [1], reads: [0] },
      { name: 'tuned', type: 'sft', from: [2], reads: [] },
      { name: 'rl', type: 'rl', from: [3], reads: [] },
    ],
    axes: [
      { name: 'lr', replicate: false },
      { name: 'seed', replicate: true },
    ],
    types,
    nodes: { address, key: address.map((_, node) => keyOf(node)), type, group, standing },
    reasons: {},
    progress: standing.flatMap((one, node) =>
      one === 'running'
        ? [{ node, share: 0.4, text: 'step 40 of 100, loss 2.31, 14,200 tokens/s', tokensPerSecond: 14200 }]
        : [],
    ),
  };
  return {
    view,
    models: { columns: [], rows: [], cut: false },
    takeaways: { notices: [], takeaways: [] },
    curves: (key, where) => [
      {
        key,
        address: where,
        metric: 'loss',
        steps: Array.from({ length: 100 }, (_, step) => step + 1),
        values: Array.from({ length: 100 }, (_, step) => 4 / Math.sqrt(step + 1)),
      },
    ],
    samples: [],
    lineages: async () => [view],
    act: async () => null,
    vocabulary: { tables: [], queries: [], functions: [] },
    query: () => ({ columns: [], rows: [], cut: false }),
  };
}

/** A table of about so many models, three seeds of each setting, with a figure of two suites and its interval. */
export function madeModels(models: number): Table {
  const texts = ['address', 'stage', 'type', 'key', 'axis_lr'];
  const suites = ['heldout_web_loss', 'id_all_pass_at_1'];
  const figures = suites.flatMap((name) => [name, `${name}_n`, `${name}_low`, `${name}_high`]);
  const numbers = ['seed', 'model_layers', 'sft_lr', ...figures];
  return {
    columns: [
      ...texts.map((name) => ({ name, type: 'VARCHAR' })),
      ...numbers.map((name) => ({ name, type: 'DOUBLE' })),
    ],
    rows: Array.from({ length: models }, (_, at) => {
      const [setting, seed] = [Math.floor(at / 3), (at % 3) + 1];
      const value = (1 + seed + 2 * setting) / (2 * models - 2);
      const row = [`mid@lr=${setting + 1}e-4,seed=${seed}`, 'mid', 'cpt', keyOf(at), `${setting + 1}e-4`, seed, 2];
      return [...row, 1e-4 * (setting + 1), 2 - value, 60, 1.9 - value, 2.1 - value, value, 60, value / 2, value * 1.5];
    }),
    cut: false,
  };
}

function keyOf(node: number): Key {
  return node.toString(16).padStart(64, '0') as Key;
}

function nodeOf({ nodes, groups, types, reasons }: LineageView, index: number): NodeView {
  const before = Math.max(0, index - 1);
  return {
    address: nodes.address[index] as string,
    key: nodes.key[index] as Key,
    type: types[nodes.type[index] as number] as string,
    stage: groups[nodes.group[index] as number]?.name ?? '',
    standing: nodes.standing[index] as Standing,
    reason: reasons[index] ?? null,
    recipe: { lr: 0.001, tokens: 60_000 },
    why: ['nothing like it is in the store'],
    needs: [{ address: nodes.address[before] as string, key: nodes.key[before] as Key, role: 'parent' }],
    neededBy: [],
    attempts: [],
    metrics: ['loss'],
    facts: {},
    figures: [],
    marks: [],
    temporal: null,
    folder: null,
    unread: null,
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  return text;
}
