import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { readHostState } from '../../cli/host-state.ts';
import { planFile } from '../../cli/lineage-file.ts';
import { canonicalJson, sha256 } from '../../planner/key.ts';
import { lineageWorkflowId, nodeWorkflowId } from '../../workflows/names.ts';
import { launch, withoutChromium } from '../browser.ts';
import { binary } from '../cli/support.ts';

// `npm run screenshots`: pictures of what Temporal's UI shows of a lineage, into docs/images, taken in headless Chromium.
// The lineage is real: one node has diverged, one trains, others are done or wait.

const images = fileURLToPath(new URL('../../../docs/images/', import.meta.url));

/** The last training is long enough to be seen; whatever is left of it is cancelled. */
const lineage = `lineage: replay
title: How much old data keeps the old skills?
models:
  nano: {layers: 2, hidden: 64, heads: 2, ffn: 128, context: 128, tokenizer: words}
tokenizers:
  words: {bpe: {vocab: 512, data: [web, math/problems], characters: 100K}}
data:
  web: {generator: stories}
  math: {generator: arithmetic}
stages:
  base: {pretrain: {model: nano, data: web, tokens: 60K, batch: 1K, lr: "{lr}"}}
  mid: {cpt: {from: base, tokens: 40M, batch: 1K, mix: {math: 1, replay: 25%}}}
axes:
  lr: [1e-3, 1e9]
  seed: {replicate: [1, 2]}
evaluate: {each: [base], suites: [heldout], heldoutTokens: 2K}
`;

if (withoutChromium) {
  process.stderr.write(`${withoutChromium}\n`);
  process.exit(1);
}
const folder = await mkdtemp(join(tmpdir(), 'descent-'));
const home = join(folder, 'home');
const file = join(folder, 'replay.yaml');
await writeFile(file, lineage);
const run = spawn(process.execPath, [binary, 'run', 'replay.yaml', '--json'], {
  cwd: folder,
  env: { ...process.env, DESCENT_HOME: home },
  stdio: ['ignore', 'pipe', 'inherit'],
});
const ended = once(run, 'close');
let browser: Browser | undefined;
try {
  await seen(run.stdout, [/"event":"failed"/, /"event":"progress","address":"mid[^}]*"step":[1-9]/]);
  const ui = `${(await readHostState(home))?.uiAddress}/namespaces/default/workflows`;
  const planned = await planFile(file, { cwd: folder, env: {} });
  if (!planned.ok) throw new Error('the lineage of the pictures is no longer valid');
  const { plan } = planned;
  const workflow = (address: string): string => {
    const node = plan.nodes.find((one) => one.address === address);
    if (node === undefined) throw new Error(`the plan has no ${address}`);
    return `${ui}/${nodeWorkflowId(node)}`;
  };
  const lineageId = lineageWorkflowId(plan.lineage, sha256(canonicalJson(plan)));
  browser = await launch();
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme: 'light' });
  await mkdir(images, { recursive: true });
  const shots: Shot[] = [
    { name: 'temporal-search', url: `${ui}?query=${encodeURIComponent('Stage="base"')}`, awaited: /nodeWorkflow/ },
    { name: 'temporal-lineage', url: `${ui}/${lineageId}`, tab: 'User Metadata', awaited: /Current Details/ },
    { name: 'temporal-node', url: workflow('mid@lr=1e-3,seed=1'), tab: 'User Metadata', awaited: /Current Details/ },
    { name: 'temporal-attributes', url: workflow('mid@lr=1e-3,seed=1'), tab: 'Search Attributes', awaited: /NodeKey/ },
    { name: 'temporal-progress', url: workflow('mid@lr=1e-3,seed=1'), tab: 'Pending Activities', awaited: /phase/ },
    { name: 'temporal-failure', url: workflow('base@lr=1e9,seed=1'), awaited: /diverged/ },
  ];
  for (const { name, url, tab, awaited } of shots) {
    await page.goto(url, { waitUntil: 'domcontentloaded', timeout: 30_000 });
    if (tab !== undefined) await page.getByRole('tab', { name: tab }).click({ timeout: 30_000 });
    await page.getByText(awaited).filter({ visible: true }).first().waitFor({ timeout: 30_000 });
    // Details come in a frame of their own, a moment later.
    await page.waitForTimeout(2000);
    await page.screenshot({ path: join(images, `${name}.png`) });
    process.stdout.write(`docs/images/${name}.png\n`);
  }
} finally {
  await browser?.close();
  run.kill('SIGINT');
  await ended;
  await rm(folder, { recursive: true, force: true });
}

/** A picture: of a page, or of one of its tabs, once it has what is awaited. */
interface Shot {
  name: string;
  url: string;
  tab?: string;
  awaited: RegExp;
}

/** Waits until a run has said all of this, for at most three minutes. */
async function seen(output: Readable, wanted: RegExp[]): Promise<void> {
  const missing = new Set(wanted);
  let text = '';
  const late = AbortSignal.timeout(180_000);
  for await (const chunk of output.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    text += chunk;
    for (const one of missing) if (one.test(text)) missing.delete(one);
    if (missing.size === 0) break;
    if (late.aborted) throw new Error(`the run did not say ${[...missing].join(' and ')}`);
  }
  output.resume();
}
