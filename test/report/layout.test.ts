/** What a browser makes of a report: on a desk, on a phone, on paper. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { composeReport } from '../../report/compose.ts';
import { asHtml } from '../../report/html.ts';
import { readReportRows } from '../../report/read.ts';
import { withDatabase } from '../../results/database.ts';
import { launch, withoutChromium } from '../browser.ts';
import { makePlan } from '../results/lineage.ts';
import { recordRuns } from '../results/run.ts';

/** Scripts that look at the page; in words, since its types are not those of the rest. */
const looks = {
  overflow: `({
    page: document.documentElement.scrollWidth,
    beyond: [...document.querySelectorAll('h1, h2, h3, p, li, caption span, figcaption')]
      .filter((one) => one.getBoundingClientRect().right > window.innerWidth)
      .map((one) => one.textContent),
  })`,
  drawings: `[...document.querySelectorAll('svg')].flatMap((svg) => {
    const frame = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll('text')].map((one) => ({ says: one.textContent, box: one.getBoundingClientRect() }));
    const outside = ({ box }) =>
      box.left < frame.left || box.right > frame.right || box.top < frame.top || box.bottom > frame.bottom;
    const small = ({ box }) => box.height < 11;
    const overlaps = ({ box }, index) => texts.slice(index + 1).some((other) =>
      box.left < other.box.right - 1 && other.box.left < box.right - 1 &&
      box.top < other.box.bottom - 3 && other.box.top < box.bottom - 3);
    return [outside, small, overlaps].flatMap((is) => texts.filter(is).map(({ says }) => is.name + ': ' + says));
  })`,
  broken: `[...document.querySelectorAll('td, thead th')].flatMap((cell) => {
    const text = cell.firstChild;
    if (text === null) return [];
    const linesOf = (word) => {
      const range = document.createRange();
      range.setStart(text, word.index);
      range.setEnd(text, word.index + word[0].length);
      return new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size;
    };
    return [...text.textContent.matchAll(/\\S+/g)].filter((word) => linesOf(word) > 1).map(([word]) => word);
  })`,
  headings: `[...document.querySelectorAll('h1, h2, h3')].map((one) => Number(one.tagName[1]))`,
  colours: `['back', 'text', 'soft', 'bad', 'c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6'].map((name) =>
    [name, getComputedStyle(document.documentElement).getPropertyValue('--' + name)])`,
};

describe('a report in a browser', { skip: withoutChromium }, () => {
  let home = '';
  let browser: Browser;
  let page: Page;

  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'descent-'));
    const title = 'מה עושה replay? An_identifier_that_is_longer_than_a_telephone_is_wide_and_has_no_place_to_break';
    const plan = { ...makePlan({ replay: ['0%', '20%', '50%'], seeds: [1, 2, 3] }), title };
    const digest = await recordRuns(home, plan);
    const rows = await withDatabase(home, 'read', (connection) => readReportRows(connection, digest));
    const html = asHtml(composeReport({ plan, digest, rows, takeaways: [], findings: ['It is 5 % better.'] }));
    browser = await launch();
    page = await browser.newPage();
    await page.setContent(html);
  });
  after(async () => {
    await browser?.close();
    await rm(home, { recursive: true, force: true });
  });

  for (const width of [360, 1280])
    test(`${width} pixels wide: nothing scrolls but tables and drawings, and what these are called can be read`, async () => {
      await page.setViewportSize({ width, height: 900 });
      deepEqual(await page.evaluate(looks.overflow), { page: width, beyond: [] });
    });

  test('what is written in a drawing stays in it, is large enough, and lies on nothing else that is written', async () => {
    await page.setViewportSize({ width: 360, height: 900 });
    deepEqual(await page.evaluate(looks.drawings), []);
  });

  test('on paper no number and no word is broken, and nothing is cut off', async () => {
    await page.emulateMedia({ media: 'print' });
    await page.setViewportSize({ width: 680, height: 900 }); // A4 without its margins
    const { page: wide } = await page.evaluate<{ page: number }>(looks.overflow);
    const broken = await page.evaluate<string[]>(looks.broken);
    await page.emulateMedia({ media: 'screen' });
    // A line may end after these.
    deepEqual({ wide, broken: broken.filter((word) => !/[-,@/]/.test(word)) }, { wide: 680, broken: [] });
  });

  test('headings go down a step at a time', async () => {
    const levels = await page.evaluate<number[]>(looks.headings);
    deepEqual(levels.slice(0, 2), [1, 2]);
    ok(levels.includes(3));
    for (const [index, level] of levels.entries()) ok(level <= (levels[index - 1] ?? 0) + 1, `heading ${index}`);
  });

  for (const colorScheme of ['light', 'dark'] as const)
    test(`colours can be read and told from the ground: ${colorScheme}`, async () => {
      await page.emulateMedia({ colorScheme });
      const { back = '', ...others } = Object.fromEntries(await page.evaluate<[string, string][]>(looks.colours));
      // WCAG 2.2, 1.4.3 and 1.4.11: 4.5 for text, 3 for what is drawn.
      const least = (name: string) => (/^c\d/.test(name) ? 3 : 4.5);
      const faint = Object.entries(others).filter(([name, colour]) => contrast(colour, back) < least(name));
      deepEqual(faint, []);
      equal(contrast('#ffffff', '#000000'), 21);
    });
});

/** WCAG's contrast ratio of two colours, `#rrggbb`. */
function contrast(one: string, other: string): number {
  const [a, b] = [luminance(one), luminance(other)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.trim().slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
