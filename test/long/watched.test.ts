// A real lineage, with its trainers, Temporal and the results, watched and steered from the page: what test/ui/page.test.ts
// has of a made-up one.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import { launch, withoutChromium } from '../browser.ts';
import { start, temporaryFolder, writeDevices, writeLineage } from '../cli/support.ts';

// Two models, of which one trains long enough to be paused, and problems that they answer.
const lineage = `lineage: watched
title: "<img src=x onerror=alert(1)> & sums"
models:
  nano: {layers: 1, hidden: 32, heads: 2, ffn: 64, context: 64}
data:
  web: {generator: stories}
  sums: {generator: arithmetic}
stages:
  base: {pretrain: {model: nano, data: web, tokens: 1M, batch: 1K, lr: 3e-3}}
  tuned: {sft: {from: base, data: sums/problems, examples: 64, batch: 16}}
evaluate: {each: [tuned], suites: [id], problems: 4, samples: 1}
`;

/** Waits for as long as a busy machine takes to train. */
const patience = { timeout: 120_000 };

test('a run is watched from waiting to done, paused and gone on with', { skip: withoutChromium }, async (t) => {
  const folder = await temporaryFolder(t);
  await writeLineage(folder, lineage);
  await writeDevices(folder);
  const run = start(t, folder, 'run', 'lineage.yaml', '--json');
  const ui = start(t, folder, 'ui', '--json');
  const page = await openPage(t, await addressOf(ui.child));

  await page.getByRole('link', { name: 'watched' }).click(patience);
  await page.getByRole('heading', { level: 1, name: '<img src=x onerror=alert(1)> & sums' }).waitFor();
  const base = nodeRow(page, 'base');
  await base.getByText('running').waitFor(patience);
  await base.click();
  // The curve is there, and goes on by itself.
  const first = await lastStep(page, 0);
  await lastStep(page, first);

  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click();
  await page.getByRole('button', { name: 'Go on' }).waitFor(patience);
  await page.getByText('Nothing: the lineage is paused.').waitFor(patience);
  await base.getByText('interrupted').waitFor(patience);
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Go on' }).click();
  await base.getByText('done').waitFor(patience);

  await nodeRow(page, 'tuned/id').click();
  await nodeRow(page, 'tuned/id').getByText('done').waitFor(patience);
  await page.locator('.sample').first().waitFor(patience);
  await page
    .getByRole('region', { name: 'Figures' })
    .getByRole('row', { name: /pass@1/ })
    .first()
    .waitFor(patience);

  assert.equal((await run.ended).exitCode, 0);
  await page.getByText('at rest').waitFor(patience);
  await page.getByRole('link', { name: 'Models' }).click();
  await page.getByRole('rowheader', { name: 'tuned' }).waitFor();
  await page.getByRole('link', { name: 'SQL' }).click();
  await page.getByRole('rowheader', { name: 'tuned' }).first().waitFor();
  await page.getByRole('textbox', { name: /SQL/ }).click();
  await page.keyboard.press('Control+A');
  await page.keyboard.type('select nothing_like_it from models');
  await page.keyboard.press('Control+Enter');
  await page
    .getByRole('alert')
    .getByText(/nothing_like_it/)
    .first()
    .waitFor();

  ui.child.kill('SIGTERM');
  await ui.ended;
  await page
    .getByText(/the server is gone/)
    .first()
    .waitFor(patience);
});

/** Opens an address; whatever of the page's own fails, fails the test. */
async function openPage(t: TestContext, address: string): Promise<Page> {
  const browser = await launch();
  t.after(() => browser.close());
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.stack ?? error.message));
  t.after(() => assert.deepEqual(errors, []));
  await page.goto(address);
  return page;
}

/** Waits until the curve of the node that is open has come further than a step; gives where it is. */
async function lastStep(page: Page, before: number): Promise<number> {
  const caption = page.locator('.panel figcaption').first();
  for (const late = AbortSignal.timeout(patience.timeout); ; ) {
    assert.ok(!late.aborted, `the curve does not go on from step ${before}`);
    const text = await caption.textContent(patience);
    const step = Number(/at step ([\d,]+)/.exec(text ?? '')?.[1]?.replaceAll(',', ''));
    if (step > before) return step;
    await page.waitForTimeout(50);
  }
}

function nodeRow(page: Page, address: string) {
  return page
    .getByRole('listbox')
    .getByRole('option')
    .filter({ has: page.getByText(address, { exact: true }) });
}

/** The address that `descent ui --json` prints. */
async function addressOf({ stdout }: { stdout: NodeJS.ReadableStream | null }): Promise<string> {
  let text = '';
  for await (const chunk of stdout ?? []) {
    text += chunk;
    if (text.includes('\n')) break;
  }
  return (JSON.parse(text) as { address: string }).address;
}
