import process from 'node:process';
import { parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { columns } from '../cli/render/columns.ts';
import { launch } from '../test/browser.ts';
import { type MadeServer, madeLineage, madeModels, serveMade } from '../test/ui/made.ts';
import type { Change, LineageView } from '../ui/protocol.ts';
import { median } from './trainer/race.ts';

// How fast the page is: `npm run bench -- page [--nodes 10000] [--models 3000] [--times 7]`. A made-up lineage in headless
// Chromium, from a server that has its answers in memory: reading stores and results is for `npm run bench -- ui`. Times are
// of the browser's own clock, up to the frame that shows it; milliseconds differ from day to day with what else runs.

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '10000' },
    models: { type: 'string', default: '3000' },
    times: { type: 'string', default: '7' },
  },
});
const times = Number(values.times);

const made = madeLineage(Number(values.nodes));
made.models = madeModels(Number(values.models));
const server = await serveMade(made);
const browser = await launch();
const measured: string[][] = [];
try {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  await measure('from the address to the first list of nodes', () => opened(page, server));
  await measure('a node of them changes', (time) => changes(page, server, [anyOf(made.view, time)], time));
  await measure('500 change at once', (time) => changes(page, server, many(made.view, time), time));
  await measure('a letter in the filter', (time) => typed(page, '.list input', time));
  await measure('to the end of the list and back', (time) => scrolled(page, '.rows', time));
  await page.locator('.list input').fill('');
  process.stderr.write(`${await page.evaluate<number>('document.querySelectorAll("*").length')} elements\n`);
  await page.getByRole('link', { name: 'Models', exact: true }).click();
  await page.locator('.data tbody th').first().waitFor();
  await measure('models: sorted by another column', (time) => sorted(page, time));
  await measure('models: a letter in the filter', (time) => typed(page, '.filters input', time));
  await measure('models: to the end of the table and back', (time) => scrolled(page, '.data', time));
} finally {
  await browser.close();
  await server.close();
}
const head = ['', 'median ms', 'longest ms'];
process.stdout.write(`${made.view.nodes.key.length} nodes, ${made.models.rows.length} models\n`);
process.stdout.write(`${columns([head, ...measured], ['left', 'right', 'right'])}\n`);

async function measure(name: string, once: (time: number) => Promise<number>): Promise<void> {
  const all: number[] = [];
  for (let time = 0; time < times; time += 1) all.push(await once(time));
  measured.push([name, median(all).toFixed(0), Math.max(...all).toFixed(0)]);
}

/** From the request to the frame after the first node is in the list, with the page's own script and styles not kept. */
async function opened(page: Page, { address }: MadeServer): Promise<number> {
  await page.goto('about:blank');
  await page.goto(address, { waitUntil: 'commit' });
  return page.evaluate<number>(`new Promise((resolve) => {
    const look = () => document.querySelector('[role=option].row')
      ? requestAnimationFrame(() => resolve(performance.now()))
      : requestAnimationFrame(look);
    look();
  })`);
}

/** From when the page reads of a change to the frame that shows the new count of running nodes. */
async function changes(page: Page, { tell }: MadeServer, nodes: number[], time: number): Promise<number> {
  const standing = time % 2 === 0 ? 'running' : 'waiting';
  const counts = { ...made.view.counts, running: 100_000 + time };
  const change: Change = { kind: 'standings', nodes, standing: nodes.map(() => standing), reasons: {}, counts };
  const seen = page.evaluate<number>(`new Promise((resolve) => {
    const parse = JSON.parse;
    let began = 0;
    JSON.parse = (text) => { began ||= performance.now(); JSON.parse = parse; return parse(text); };
    const look = () => document.querySelector('.tally.running')?.textContent.includes('${(100_000 + time).toLocaleString('en')}')
      ? requestAnimationFrame(() => resolve(performance.now() - began))
      : requestAnimationFrame(look);
    look();
  })`);
  await page.evaluate('0');
  tell(change);
  return seen;
}

/** From a letter to the frame after the rows are others. */
async function typed(page: Page, selector: string, time: number): Promise<number> {
  return page.evaluate<number>(`new Promise((resolve) => {
    const input = document.querySelector(${JSON.stringify(selector)});
    const began = performance.now();
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(input, ${JSON.stringify(`lr=${(time % 7) + 1}`)});
    input.dispatchEvent(new Event('input', { bubbles: true }));
    requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - began)));
  })`);
}

/** From a scroll to the end to the frame that has the last rows. */
async function scrolled(page: Page, selector: string, time: number): Promise<number> {
  return page.evaluate<number>(`new Promise((resolve) => {
    const element = document.querySelector(${JSON.stringify(selector)});
    const began = performance.now();
    element.scrollTop = ${time % 2 === 0 ? 'element.scrollHeight' : '0'};
    requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - began)));
  })`);
}

async function sorted(page: Page, time: number): Promise<number> {
  return page.evaluate<number>(`new Promise((resolve) => {
    const buttons = document.querySelectorAll('.data thead button');
    const began = performance.now();
    buttons[${time} % buttons.length].click();
    requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - began)));
  })`);
}

function anyOf({ nodes }: LineageView, time: number): number {
  return (time * 7919) % nodes.key.length;
}

function many({ nodes }: LineageView, time: number): number[] {
  return Array.from({ length: 500 }, (_, at) => (at * 17 + time) % nodes.key.length);
}
