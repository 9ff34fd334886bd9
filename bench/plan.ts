import { fork } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import colours from 'picocolors';
import { columns } from '../cli/render/columns.ts';
import { renderPlan } from '../cli/render/plan.ts';
import { formatDiagnostics } from '../planner/diagnostic.ts';
import { estimate } from '../planner/estimate.ts';
import { planLineage } from '../planner/expand.ts';
import { loadLineage } from '../planner/load.ts';
import { marksOf } from '../planner/marks.ts';
import { judge, verdictOf } from '../planner/verdict.ts';
import { nodesInspector } from '../store/artifact.ts';
import { findHome } from '../store/home.ts';
import { plansRun } from '../store/plans.ts';

// How long planning takes, and how much memory: `npm run bench -- plan`. Each lineage is planned in processes of its own,
// from the file to the text that `descent plan` prints, against an empty store; starting the process and loading modules
// do not count.

/** Lineages of about 1,000, 10,000 and 100,000 nodes: how many values each of the outer axes has. */
const sizes = [
  { models: 2, budgets: 2, seeds: 2 },
  { models: 4, budgets: 5, seeds: 4 },
  { models: 5, budgets: 10, seeds: 16 },
];

/** Runs of each; the one with the median of CPU seconds is shown. */
const runs = 7;

/** What one run took. */
interface Measured {
  nodes: number;
  wallSeconds: number;
  cpuSeconds: number;
  /** Of the process as a whole, Node.js itself included. */
  peakMegabytes: number;
}

const file = process.argv[2];
await (file === undefined ? report() : measure(file));

async function report(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'descent-bench-'));
  try {
    const measured: Measured[] = [];
    for (const size of sizes) {
      await writeFile(join(folder, 'lineage.yaml'), lineageOf(size));
      const all: Measured[] = [];
      for (let run = 0; run < runs; run++) all.push(await inOwnProcess(join(folder, 'lineage.yaml')));
      const median = all.sort((a, b) => a.cpuSeconds - b.cpuSeconds)[(runs - 1) / 2];
      if (median) measured.push(median);
    }
    process.stdout.write(`${tableOf(measured)}\n`);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function tableOf(measured: readonly Measured[]): string {
  const perNode = ({ cpuSeconds, nodes }: Measured) => cpuSeconds / nodes;
  const [smallest] = measured; // what the others are compared with
  const rows = measured.map((each) => [
    each.nodes.toLocaleString('en'),
    each.wallSeconds.toFixed(2),
    each.cpuSeconds.toFixed(2),
    each.peakMegabytes.toFixed(0),
    smallest ? `${(perNode(each) / perNode(smallest)).toFixed(2)}×` : '',
  ]);
  const head = ['nodes', 'wall s', 'CPU s', 'peak MB', 'CPU per node'];
  return columns([head, ...rows], ['right', 'right', 'right', 'right', 'right']);
}

/**
 * Each model is pretrained with each budget and seed, goes on with three shares of replay, is tuned on three amounts of
 * problems and then by RL at two learning rates; everything is evaluated on three suites.
 */
function lineageOf({ models, budgets, seeds }: (typeof sizes)[number]): string {
  const counted = (count: number, text: (index: number) => string) => Array.from({ length: count }, (_, i) => text(i));
  return `lineage: scaling
models:
${counted(models, (i) => `  size-${i}: {layers: ${2 + i}, hidden: ${64 * (i + 1)}, heads: 4, kvHeads: 2, ffn: ${176 * (i + 1)}, context: 128}`).join('\n')}
tokenizers:
  words: {bpe: {vocab: 1024, data: [web, math, math/problems]}}
data:
  web: {generator: stories}
  math: {generator: arithmetic, options: {maximum: 50}}
stages:
  base: {pretrain: {model: "{model}", data: web, tokens: "{budget}", lr: 3e-3}}
  mid: {cpt: {from: base, tokens: 1M, mix: {math: 1, replay: "{replay}"}}}
  tuned: {sft: {from: mid, data: math/problems, examples: "{examples}", epochs: 2}}
  rl: {rl: {from: tuned, data: math/problems, examples: 2K, lr: "{lr}"}}
axes:
  model: [${counted(models, (i) => `size-${i}`).join(', ')}]
  budget: [${counted(budgets, (i) => `${i + 1}M`).join(', ')}]
  replay: [0%, 5%, 20%]
  examples: [1K, 4K, 16K]
  lr: [1e-5, 1e-4]
  seed: {replicate: [${counted(seeds, (i) => String(i)).join(', ')}]}
evaluate: {each: [base, mid, tuned, rl], suites: [heldout, id, ood]}
`;
}

function inOwnProcess(lineage: string): Promise<Measured> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), [lineage]);
    let measured: Measured | undefined;
    child.on('message', (message) => {
      measured = message as Measured;
    });
    child.on('error', reject);
    child.on('close', (status) => (measured ? resolve(measured) : reject(new Error(`planning ended with ${status}`))));
  });
}

/** Plans a file as `descent plan` does in the file's folder, where nothing was run yet, and tells the process that asked. */
async function measure(lineage: string): Promise<void> {
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  const loaded = await loadLineage(lineage);
  const planned = loaded.ok ? await planLineage(loaded.lineage, { mostNodes: Number.POSITIVE_INFINITY }) : loaded;
  if (!planned.ok) throw new Error(formatDiagnostics(planned.diagnostics, planned.text, { colour: false }));
  const home = findHome(dirname(lineage), {});
  const verdicts = judge(planned.plan, nodesInspector(home), plansRun(home, planned.plan.lineage));
  const gpu = { slots: 8, speeds: [{ kind: 'stated', peak: 989e12, utilisation: 0.4 } as const] };
  const classes = new Map([['gpu', gpu]]);
  const priced = estimate(
    planned.plan.nodes,
    (node) => verdictOf(node, verdicts),
    () => 'gpu',
    classes,
  );
  const marks = marksOf(planned.plan.nodes);
  const text = renderPlan(planned.plan, verdicts, { estimate: priced, notes: [] }, marks, colours.createColors(false));
  const { user, system } = process.cpuUsage(cpu);
  const measured: Measured = {
    nodes: planned.plan.nodes.length,
    wallSeconds: (performance.now() - start) / 1000,
    cpuSeconds: (user + system) / 1e6,
    peakMegabytes: process.resourceUsage().maxRSS / 1024,
  };
  if (text.split('\n').length < measured.nodes) throw new Error(`the plan of ${measured.nodes} nodes was not printed`);
  process.send?.(measured);
}
