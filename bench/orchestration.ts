import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { columns } from '../cli/render/columns.ts';
import { type Case, cases, longCase, nodesOf } from './orchestration/cases.ts';
import { type Measured, type MemorySample, measureDescent } from './orchestration/descent.ts';
import { measurePeer, peers } from './orchestration/peers.ts';
import { aloneOf, measureTemporalAlone, type TemporalAlone } from './orchestration/temporal-alone.ts';
import { findPeer, installPeer, leftOut } from './peers/peer.ts';

// What Descent itself costs a node: `npm run bench -- orchestration [--long] [--peers]`. Lineages whose trainers do
// nothing, and are no processes, are run as a person runs them: `descent run FILE` in an empty folder, planned, put
// through a Temporal server that is set up as a home's own, published in the store and recorded in DuckDB, the start and
// the end of server and worker included. Then they are run again, with nothing to do and no server there. Beside them
// stands what Temporal alone takes for as many empty workflows and activities, and what Snakemake and Prefect take for
// the same lineages, where they are installed: `--peers` installs them. `--long` runs 10,000 nodes too, and shows how the
// memory of worker and server grows with nodes done.

const { values } = parseArgs({ options: { long: { type: 'boolean' }, peers: { type: 'boolean' } } });
const folder = await mkdtemp(join(tmpdir(), 'descent-bench-'));
try {
  // Before and after, as a machine may have other things to do meanwhile.
  const alone = [await measureTemporalAlone(folder)];
  const measured: [Case, Measured][] = [];
  for (const each of [...cases, ...(values.long ? [longCase] : [])])
    measured.push([each, await measureDescent(folder, each)]);
  alone.push(await measureTemporalAlone(folder));
  print(descentTable(measured, alone));
  if (values.long) print(memoryTable(measured.at(-1)?.[1].memory ?? []));

  const rows = measured.map(([each, { coldSeconds, againSeconds }]) =>
    peerRow(each, 'Descent', coldSeconds, againSeconds),
  );
  for (const peer of peers) {
    if (values.peers) await installPeer(peer);
    const found = await findPeer(peer);
    if (found === undefined) {
      print(leftOut(peer, 'orchestration'));
      continue;
    }
    for (const each of cases) {
      const { coldSeconds, againSeconds } = await measurePeer(found, join(folder, peer.name), each);
      rows.push(peerRow(each, `${found.name} ${found.found}`, coldSeconds, againSeconds));
    }
  }
  const head = ['engine', 'lineage', 'nodes', 'cold s', 'ms a node', 'again s'];
  if (rows.length > measured.length) print(columns([head, ...rows], ['left', 'left', ...right(4)]));
} finally {
  await rm(folder, { recursive: true, force: true });
}

function print(text: string): void {
  process.stdout.write(`${text}\n\n`);
}

function descentTable(measured: [Case, Measured][], alone: TemporalAlone[]): string {
  const head = [
    'lineage',
    'nodes',
    'cold s',
    'ms a node',
    'aim',
    'Temporal alone ms',
    'ratio',
    'again s',
    'worker MB',
    'server MB',
  ];
  const rows = measured.map(([each, { coldSeconds, againSeconds, memory }]) => {
    const cost = (coldSeconds * 1000) / nodesOf(each);
    return [
      each.name,
      nodesOf(each).toLocaleString('en'),
      coldSeconds.toFixed(1),
      cost.toFixed(1),
      each.most === undefined ? '' : `≤ ${each.most}`,
      aloneOf(alone, each).toFixed(1),
      (cost / aloneOf(alone, each)).toFixed(2),
      againSeconds.toFixed(2),
      Math.max(0, ...memory.map(({ worker }) => worker)).toFixed(0),
      Math.max(0, ...memory.map(({ server }) => server)).toFixed(0),
    ];
  });
  return columns([head, ...rows], ['left', ...right(9)]);
}

function peerRow(each: Case, engine: string, coldSeconds: number, againSeconds: number): string[] {
  const cost = (coldSeconds * 1000) / nodesOf(each);
  return [
    engine,
    each.name,
    nodesOf(each).toLocaleString('en'),
    coldSeconds.toFixed(1),
    cost.toFixed(1),
    againSeconds.toFixed(2),
  ];
}

function memoryTable(samples: readonly MemorySample[]): string {
  const marks = Array.from({ length: 10 }, (_, at) => (at + 1) * 1000);
  const rows = marks.flatMap((mark) => {
    const first = samples.find(({ done }) => done >= mark);
    return first ? [[mark.toLocaleString('en'), first.worker.toFixed(0), first.server.toFixed(0)]] : [];
  });
  return columns([['nodes done', 'worker MB', 'server MB'], ...rows], right(3));
}

function right(count: number): 'right'[] {
  return Array(count).fill('right');
}
