import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { columns } from '../cli/render/columns.ts';
import { openTerminal } from '../cli/render/terminal.ts';
import { openPage } from '../cli/ui.ts';
import { plansRun } from '../store/plans.ts';
import { median } from './trainer/race.ts';
import { type Asked, askEach } from './ui/ask.ts';
import { makeHome } from './ui/home.ts';

// How fast the page's server answers: `npm run bench -- ui [--shares 112] [--steps 750] [--times 5] [--home FOLDER]`. A
// made-up lineage of 10,101 nodes, as if all of it had been run: a frozen plan, every attempt in the store, 10 million rows of
// metrics in DuckDB. Trainers and Temporal are bypassed. Each endpoint is asked over HTTP as a page does, by the process that
// serves. With --home the home is made there, or taken as it is, and kept.

const { values } = parseArgs({
  options: {
    shares: { type: 'string', default: '112' },
    steps: { type: 'string', default: '750' },
    times: { type: 'string', default: '5' },
    home: { type: 'string' },
  },
});

const folder = values.home ?? (await mkdtemp(join(tmpdir(), 'descent-bench-')));
await mkdir(folder, { recursive: true });
try {
  const [made] = plansRun(folder, 'large');
  const plan = made ?? (await makeHome(folder, { shares: Number(values.shares), steps: Number(values.steps) })).plan;
  const context = { terminal: openTerminal('never', process.env), cwd: folder, env: process.env, debug: true };
  const report = (error: unknown) => process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  const page = await openPage(folder, { port: 0, lineage: null, report }, context);
  try {
    const { origin, hash } = new URL(page.address);
    const token = new URLSearchParams(hash.slice(1)).get('token') ?? '';
    process.stdout.write(`${table(await askEach({ origin, token }, folder, plan, Number(values.times)))}\n`);
  } finally {
    await page.close();
  }
} finally {
  if (values.home === undefined) await rm(folder, { recursive: true, force: true });
}

function table(asked: readonly Asked[]): string {
  const head = ['', 'status', 'kB', 'first ms', 'n', 'anew ms', 'CPU ms', 'again ms', 'aim'];
  const rows = asked.map(({ name, status, bytes, first, anew, cpu, again }) => [
    name,
    String(status),
    (bytes / 1000).toFixed(1),
    first.toFixed(0),
    String(anew.length),
    median(anew).toFixed(0),
    median(cpu).toFixed(0),
    median(again).toFixed(0),
    median(anew) <= 200 ? '≤ 200' : '≤ 200 missed',
  ]);
  const note = 'first: of a server just begun; anew: after the results have changed; again: when nothing has. Medians.';
  return `${columns([head, ...rows], ['left', ...Array(7).fill('right'), 'left'])}\n${note}`;
}
