import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { findTemporal } from '#setup/temporal.mjs';
import { columns } from '../cli/render/columns.ts';
import { accepts, freePort, serverArguments } from '../cli/temporal-server.ts';
import { runQuery } from '../results/query.ts';

// What Descent itself costs a node: `npm run bench -- orchestration [--long]`. Lineages whose trainers do nothing, and are
// no processes, are run as a person runs them: `descent run FILE` in an empty folder, planned, put through a Temporal
// server that is set up as a home's own, published in the store and recorded in DuckDB, the start and the end of server
// and worker included. Then they are run again, with nothing to do and no server there. `--long` runs 10,000 nodes too,
// and shows how the memory of worker and server grows with nodes done.

const binary = fileURLToPath(new URL('../cli/main.js', import.meta.url));
const idleWorker = fileURLToPath(new URL('./idle-worker.js', import.meta.url));

/** Nodes under way at once. The trainer does nothing, so they only wait for disk and server. */
const slots = 50;

/** What is run, and what a node of it may cost in milliseconds. */
interface Case {
  name: string;
  lineage: string;
  /** Nodes that this case is about. */
  nodes: number;
  most: number | null;
}

const folder = await mkdtemp(join(tmpdir(), 'descent-bench-'));
try {
  const cases: Case[] = [
    { name: 'trainings', lineage: lineageOf('trainings', 1000, []), nodes: 1000, most: 20 },
    // The first 500 models of the lineage above, shared with it, and two evaluations of each.
    {
      name: 'evaluations',
      lineage: lineageOf('evaluations', 500, ['heldout', 'ood']),
      nodes: 1000,
      most: 4,
    },
  ];
  const rows: string[][] = [];
  for (const each of cases) {
    const cold = await runCold(each);
    // Nothing is to do, so no Temporal is wanted: none is there.
    const again = await descentRun(each);
    rows.push([
      each.name,
      each.nodes.toLocaleString('en'),
      cold.seconds.toFixed(1),
      ((cold.seconds * 1000) / each.nodes).toFixed(1),
      each.most === null ? '' : `≤ ${each.most}`,
      again.toFixed(2),
      cold.worker.toFixed(0),
      cold.server.toFixed(0),
    ]);
    await expectRecorded(each);
  }
  if (process.argv.includes('--long')) {
    const long = {
      name: 'long',
      lineage: lineageOf('long', 3333, ['heldout', 'ood']),
      nodes: 10_000,
      most: null,
    };
    const { seconds, samples } = await runCold(long);
    rows.push([long.name, '10,000', seconds.toFixed(1), (seconds / 10).toFixed(1), '', '', '', '']);
    process.stdout.write(`${memoryTable(samples)}\n\n`);
  }
  const head = ['lineage', 'nodes', 'cold s', 'ms a node', 'aim', 'again s', 'worker MB', 'server MB'];
  process.stdout.write(`${columns([head, ...rows], ['left', ...Array(7).fill('right')])}\n`);
} finally {
  await rm(folder, { recursive: true, force: true });
}

function lineageOf(name: string, seeds: number, suites: readonly string[]): string {
  return `lineage: ${name}
models:
  nano: {layers: 1, hidden: 16, heads: 2, ffn: 32, context: 64}
data:
  web: {generator: stories}
stages:
  base: {pretrain: {model: nano, data: web, tokens: 8K, lr: 1e-3}}
axes:
  seed: {replicate: [${Array.from({ length: seeds }, (_, seed) => seed + 1).join(', ')}]}
${suites.length > 0 ? `evaluate: {each: [base], suites: [${suites.join(', ')}]}\n` : ''}`;
}

interface Memory {
  /** Megabytes. */
  worker: number;
  server: number;
}

/** Runs a lineage on a Temporal of its own, from its start to its end; the largest memory of worker and server meanwhile. */
async function runCold(lineage: Case): Promise<Memory & { seconds: number; samples: (Memory & { done: number })[] }> {
  await writeFile(join(folder, `${lineage.name}.yaml`), lineage.lineage);
  const begun = performance.now();
  const temporal = await startTemporal();
  const samples: (Memory & { done: number })[] = [];
  let done = 0;
  const sampling = setInterval(async () => {
    const [worker, server] = await Promise.all(
      [temporal.worker, temporal.server].map(({ pid }) => megabytes(pid ?? 0)),
    );
    samples.push({ done, worker: worker ?? 0, server: server ?? 0 });
  }, 1000);
  try {
    await descentRun(lineage, (count) => {
      done = count;
    });
  } finally {
    clearInterval(sampling);
    await temporal.end();
  }
  const seconds = (performance.now() - begun) / 1000;
  const largest = (of: keyof Memory) => Math.max(0, ...samples.map((one) => one[of]));
  return { seconds, worker: largest('worker'), server: largest('server'), samples };
}

/** `descent run FILE`, as a person runs it; seconds that it took. `onDone` is told how many nodes are done. */
async function descentRun({ name }: Case, onDone: (count: number) => void = () => {}): Promise<number> {
  const begun = performance.now();
  const child = spawn(process.execPath, [binary, 'run', `${name}.yaml`, '--json'], {
    cwd: folder,
    env: { ...process.env, DESCENT_HOME: join(folder, 'home') },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const counts = [...text.matchAll(/"event":"counts","counts":(\{[^}]*\})/g)].at(-1)?.[1];
    if (counts) onDone((JSON.parse(counts) as { done: number }).done);
  });
  const [status] = await once(child, 'close');
  if (status !== 0) throw new Error(`descent run ${name}.yaml ended with ${status}`);
  return (performance.now() - begun) / 1000;
}

/** A server as a home's own, with a worker whose trainers do nothing; configured for whoever runs in the folder. */
async function startTemporal() {
  const binaryOfServer = findTemporal();
  if (binaryOfServer === undefined) throw new Error('there is no Temporal server on this machine: run `npm run setup`');
  const port = await freePort(0);
  const config = { address: `127.0.0.1:${port}`, searchAttributes: true, devices: { cpu: { slots, threads: 1 } } };
  await writeFile(join(folder, 'temporal.config.json'), JSON.stringify(config));
  const args = serverArguments(join(folder, 'temporal.db'), { server: port, ui: await freePort(0) });
  const server = spawn(binaryOfServer.path, args, { stdio: 'ignore' });
  while (!(await accepts(port))) await sleep(20);
  const worker = spawn(process.execPath, [idleWorker, join(folder, 'home')], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return {
    server,
    worker,
    async end() {
      for (const child of [worker, server]) {
        child.kill('SIGTERM');
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      }
    },
  };
}

/** Resident memory of a process; 0 where it has ended, or this system does not tell. */
async function megabytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

function memoryTable(samples: readonly (Memory & { done: number })[]): string {
  const marks = Array.from({ length: 10 }, (_, at) => (at + 1) * 1000);
  const rows = marks.flatMap((mark) => {
    const first = samples.find(({ done }) => done >= mark);
    return first ? [[mark.toLocaleString('en'), first.worker.toFixed(0), first.server.toFixed(0)]] : [];
  });
  return columns([['nodes done', 'worker MB', 'server MB'], ...rows], ['right', 'right', 'right']);
}

/** Everything that was run is in DuckDB, or the figures are of something else. */
async function expectRecorded({ name, nodes }: Case): Promise<void> {
  const type = name === 'trainings' ? 'pretrain' : 'evaluate';
  const { rows } = await runQuery(
    join(folder, 'home'),
    `SELECT count(*)::INTEGER FROM attempts JOIN nodes USING (key) WHERE state = 'done' AND nodes.type = $type`,
    { type },
  );
  if (Number(rows[0]?.[0]) < nodes) throw new Error(`${rows[0]?.[0]} of ${nodes} are recorded`);
}
