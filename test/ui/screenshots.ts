import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { launch, withoutChromium } from '../browser.ts';
import { binary } from '../cli/support.ts';

// `npm run screenshots`: pictures of the page into docs/images, of a real lineage: first while it trains, then of what came
// out. A stage of it diverges, so that there is something that failed. It takes minutes.

const images = fileURLToPath(new URL('../../../docs/images/', import.meta.url));

const lineage = `lineage: replay
title: How much old data keeps the old skills?
models:
  nano: {layers: 2, hidden: 64, heads: 2, ffn: 128, context: 64, tokenizer: words}
tokenizers:
  words: {bpe: {vocab: 512, data: [web, math, math/problems], characters: 200K}}
data:
  web: {generator: stories}
  math: {generator: arithmetic, options: {maximum: 9}}
stages:
  base: {pretrain: {model: nano, data: web, tokens: 120K, batch: 1K, lr: 3e-3}}
  hot: {pretrain: {model: nano, data: web, tokens: 120K, batch: 1K, lr: 1e9}}
  mid: {cpt: {from: base, tokens: 120K, batch: 1K, mix: {math: 1, replay: "{replay}"}}}
  tuned: {sft: {from: mid, data: math/problems, examples: 600, batch: 16, epochs: 2}}
axes:
  replay: [0%, 10%, 25%]
  seed: {replicate: [1, 2, 3]}
evaluate: {each: [base, hot, mid, tuned], suites: [heldout, id], heldoutTokens: 4K, problems: 60}
takeaways:
  - {claim: Replay keeps what was learned before, contrast: {axis: replay, of: 25%, over: 0%, stage: mid}, metric: heldout.web.loss}
  - {claim: Tuning solves problems, contrast: {of: "stage:tuned", over: "stage:mid"}, metric: id.pass@1}
  - {claim: Replay costs nothing on problems, contrast: {axis: replay, of: 25%, over: 0%, stage: tuned}, metric: id.pass@1}
`;

if (withoutChromium) {
  process.stderr.write(`${withoutChromium}\n`);
  process.exit(1);
}
const folder = await mkdtemp(join(tmpdir(), 'descent-'));
const home = join(folder, 'home');
await writeFile(join(folder, 'replay.yaml'), lineage);
const run = start('run', 'replay.yaml', '--json');
const ended = once(run, 'close');
let ui: ReturnType<typeof start> | undefined;
let browser: Browser | undefined;
try {
  await mkdir(images, { recursive: true });
  const told = createInterface(run.stdout);
  await untilTold(told, /"event":"progress","address":"mid@.*"step":[1-9]/);
  ui = start('ui', 'replay', '--json');
  const [line] = (await once(createInterface(ui.stdout), 'line')) as [string];
  const { address } = JSON.parse(line) as { address: string };
  browser = await launch();
  for (const colorScheme of ['light', 'dark'] as const) {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme });
    await page.goto(address);
    await page.locator('.curves .legend tr').first().waitFor();
    await take(page, 'dag', colorScheme);
    const training = page.locator('.running li').filter({ has: page.getByRole('progressbar') });
    await training
      .getByRole('button', { name: /^mid@[^/]+$/ })
      .first()
      .click();
    await page.locator('.panel .chart').first().waitFor();
    await take(page, 'node', colorScheme);
    await page.close();
  }
  const phone = await browser.newPage({ viewport: { width: 400, height: 860 }, colorScheme: 'light' });
  await phone.goto(address);
  await phone.locator('.curves .legend tr').first().waitFor();
  await take(phone, 'phone', 'light');
  await phone.close();
  await ended;
  for (const colorScheme of ['light', 'dark'] as const) {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme });
    await page.goto(address);
    await page.getByRole('link', { name: 'Models' }).click();
    for (const model of ['mid@replay=0%', 'mid@replay=25%'])
      await page.getByLabel(`Compare ${model}`).check({ timeout: 60_000 });
    await page.locator('.compare .chart').waitFor();
    await take(page, 'models', colorScheme);
    await page.getByRole('link', { name: 'Takeaways' }).click();
    await page.locator('.takeaway').first().waitFor({ timeout: 60_000 });
    await take(page, 'takeaways', colorScheme);
    await page.getByRole('link', { name: 'SQL' }).click();
    await page.getByRole('textbox', { name: /SQL/ }).click();
    await page.keyboard.press('Control+A');
    await page.keyboard.type('SELECT stage, axis_replay, avg(heldout_web_loss) AS web, avg(id_math_pass_at_1) AS pass');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Enter');
    await page.keyboard.type('FROM lineage_wide');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Enter');
    await page.keyboard.type("WHERE lineage = 'replay' GROUP BY ALL");
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+Enter');
    await page.getByRole('columnheader', { name: 'pass' }).waitFor();
    await page.keyboard.press('Enter');
    await page.keyboard.type('ORDER BY axis');
    await page.getByRole('listbox', { name: 'Completions' }).waitFor();
    await take(page, 'sql', colorScheme);
    await page.close();
  }
} finally {
  await browser?.close();
  ui?.kill('SIGTERM');
  run.kill('SIGINT');
  await ended;
  await rm(folder, { recursive: true, force: true });
}

/** Starts `descent` beside the lineage. */
function start(...args: string[]) {
  return spawn(process.execPath, [binary, ...args], {
    cwd: folder,
    env: { ...process.env, DESCENT_HOME: home },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Waits until a run has said something; what it says later is read, and dropped. */
async function untilTold(told: AsyncIterable<string> & NodeJS.EventEmitter, wanted: RegExp): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    told.on('line', (line: string) => wanted.test(line) && resolve());
    told.on('close', () => reject(new Error(`the run ended before it said ${wanted}`)));
  });
}

/** A picture, once charts have been drawn. */
async function take(page: Page, name: string, colorScheme: 'light' | 'dark'): Promise<void> {
  await page.mouse.move(0, 0);
  await page.waitForTimeout(1500);
  const path = `ui-${name}${colorScheme === 'dark' ? '-dark' : ''}.png`;
  await page.screenshot({ path: join(images, path) });
  process.stdout.write(`docs/images/${path}\n`);
}
