/** Reports of results that are made up. */
import { deepEqual, doesNotMatch, equal, match, ok } from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import type { Plan } from '../../planner/plan.ts';
import { composeReport, type ReportInput } from '../../report/compose.ts';
import type { Document, Table } from '../../report/document.ts';
import { element } from '../../report/drawings/markup.ts';
import { linePlot, mostSeries } from '../../report/drawings/plots.ts';
import { asHtml } from '../../report/html.ts';
import { asMarkdown } from '../../report/markdown.ts';
import { readReportRows } from '../../report/read.ts';
import { withDatabase } from '../../results/database.ts';
import { runQuery } from '../../results/query.ts';
import { heldoutLoss } from '../results/events.ts';
import { makePlan } from '../results/lineage.ts';
import { recordRuns } from '../results/run.ts';

const evil = '</title><script src="https://example.org/x.js">alert(1)</script> | `a` <img src=x onerror=alert(2)>';
let home = '';
let plan: Plan;
let input: ReportInput;

before(async () => {
  home = await mkdtemp(join(tmpdir(), 'descent-'));
  plan = { ...makePlan({ replay: ['0%', '20%'], seeds: [1, 2] }), title: evil };
  const digest = await recordRuns(home, plan);
  input = {
    plan,
    digest,
    rows: await withDatabase(home, 'read', (connection) => readReportRows(connection, digest)),
    takeaways: [],
    findings: [evil],
  };
});
after(() => rm(home, { recursive: true, force: true }));

function tables({ sections }: Document): Table[] {
  return sections.flatMap(({ blocks }) => blocks.flatMap((one) => (one.kind === 'table' ? [one.table] : [])));
}

function tableWith(column: string, document = composeReport(input)): Table {
  const found = tables(document).find(({ columns }) => columns.some(({ name }) => name === column));
  ok(found, `a table with the column ${column}`);
  return found;
}

/** Names of elements that stand open one in the other, closed in order; throws where they are not. */
function checkNesting(html: string): void {
  const open: string[] = [];
  const text = html.replace(/^<!doctype html>/, '').replace(/<style>[^<]*<\/style>/, '');
  for (const [, end, name = ''] of text.matchAll(/<(\/?)([a-z0-9]+)(?: [a-z:A-Z-]+="[^"<>]*")*>/g)) {
    if (name === 'meta') continue;
    if (end) equal(open.pop(), name);
    else open.push(name);
  }
  deepEqual(open, []);
  equal(text.split('<').length, [...text.matchAll(/<\/?[a-z0-9]+(?: [a-z:A-Z-]+="[^"<>]*")*>/g)].length + 1);
}

test('the figures in the tables are those in the results', async () => {
  const document = composeReport(input);
  const found = tables(document).filter(({ caption }) => caption.startsWith('heldout, web,'));
  equal(found.length, 1);
  const [table] = found as [Table];
  const column = table.columns.findIndex(({ name }) => name === 'loss');
  for (const row of table.rows)
    match(row[column] ?? '', new RegExp(`^${heldoutLoss(row[0] ?? '', 'web').toFixed(3)} \\[`));
  const { rows } = await runQuery(home, "SELECT DISTINCT address FROM model_figures WHERE suite = 'heldout'");
  deepEqual(table.rows.map(([address]) => address).sort(), rows.map(([address]) => address).sort());
});

test('mean and deviation over seeds, and models of one seed are marked', async () => {
  const seeds = tableWith('deviation');
  const row = seeds.rows.find(([setting, of]) => setting === 'mid@replay=20%' && of === 'heldout, web');
  deepEqual(row?.slice(2), ['loss', '2.315', '0.007071', '2']);
  doesNotMatch(asMarkdown(composeReport(input)), /one seed/);
  const alone = input.rows.figures.filter(({ address }) => !address.includes('seed=2'));
  match(
    asMarkdown(composeReport({ ...input, rows: { ...input.rows, figures: alone } })),
    /\| mid@replay=20%,seed=1 \| one seed \|/,
  );
});

test('a count stands beside a figure only where it is another than that of what is asked first', () => {
  const [one] = input.rows.figures;
  ok(one);
  const math = { ...one, suite: 'id', task: 'math', low: 0.1, high: 0.3, value: 0.2 };
  const figures = [
    { ...math, metric: 'correctRatio', n: 13 },
    { ...math, metric: 'pass@1', n: 200 },
    { ...math, metric: 'truncated', n: 200 },
  ];
  const table = tableWith('correctRatio', composeReport({ ...input, rows: { ...input.rows, figures } }));
  deepEqual(table.rows[0]?.slice(-4), [
    '20.0 % [10.0, 30.0]',
    '20.0 % [10.0, 30.0] (n 13)',
    '20.0 % [10.0, 30.0]',
    '200',
  ]);
});

test('findings are listed as far as somebody reads, and only where there are any', () => {
  const findings = Array.from({ length: 43 }, (_, index) => `finding ${index}.`);
  const { sections } = composeReport({ ...input, findings });
  const [list] = sections[0]?.blocks ?? [];
  ok(list?.kind === 'list');
  deepEqual([list.items.length, list.items.at(-1)], [31, 'And 13 more: figures are below.']);
  equal(composeReport({ ...input, findings: [] }).sections[0]?.title, 'Takeaways');
});

test('the drawings of one stage have one scale, and as many lines each as may be', () => {
  const curves = Array.from({ length: 9 }, (_, run) =>
    [1, 2].map((step) => ({ address: `a${run}`, stage: 'a', metric: 'loss', step, value: run + step })),
  ).flat();
  const html = asHtml(composeReport({ ...input, rows: { ...input.rows, curves } }));
  const plots = [...html.matchAll(/<svg class="plot"[^>]*aria-label="a: loss over steps, part.*?<\/svg>/g)].map(String);
  const ticks = plots.map((svg) => [...svg.matchAll(/text-anchor="end">([^<]*)</g)].map(([, tick]) => tick));
  deepEqual(ticks, [
    ['2', '4', '6', '8', '10'],
    ['2', '4', '6', '8', '10'],
  ]);
  deepEqual(
    plots.map((svg) => svg.match(/>a\d</g)?.length),
    [5, 4],
  );
});

test('models that no page could hold are drawn in parts, with one scale and one legend', () => {
  const [one] = input.rows.figures;
  ok(one);
  const figures = Array.from({ length: 130 }, (_, index) => ({
    ...one,
    address: `m${index}`,
    type: index < 65 ? ('sft' as const) : ('rl' as const),
    metric: 'loss',
    value: index,
    low: null,
    high: null,
  }));
  const html = asHtml(composeReport({ ...input, rows: { ...input.rows, figures } }));
  const plots = [...html.matchAll(/<svg class="plot"[^>]*of each model, part.*?<\/svg>/g)].map(String);
  deepEqual(
    plots.map((svg) => svg.match(/<title>/g)?.length),
    [44, 44, 42],
  );
  const scales = plots.map((svg) => [...svg.matchAll(/text-anchor="middle">(\d+)</g)].map(([, tick]) => tick).join());
  deepEqual(scales, Array(3).fill('0,20,40,60,80,100,120'));
  for (const svg of plots) match(svg, />sft<.*>rl</);
  match(plots[1] ?? '', /aria-label="[^"]*part 2 of 3\. From 44\.000 \(m44\) to 87\.000 \(m87\)\."/);
});

test('the plan against what became of it', () => {
  const work = tableWith('standing');
  deepEqual(
    work.columns.slice(0, 3).map(({ name }) => name),
    ['stage', 'type', 'needs'],
  );
  const base = work.rows.find(([name]) => name === 'base');
  deepEqual(base?.slice(1, 5), ['pretrain', 'tokenizer:words', '2', '2 done']);
  deepEqual(base?.slice(-2), ['81.9K', '3 min 1 s']);
  const all = work.rows.at(-1);
  deepEqual(all?.slice(0, 1), ['all']);
  const nodes = work.columns.findIndex(({ name }) => name === 'nodes');
  const sum = work.rows.slice(0, -1).reduce((total, row) => total + Number(row[nodes]), 0);
  equal(String(sum), all?.[nodes], 'the rows are all of it');
  const failed = input.rows.attempts.map((one, index) =>
    index === 1 ? { ...one, state: 'failed', failure: 'out-of-memory', message: evil } : one,
  );
  const after = composeReport({ ...input, rows: { ...input.rows, attempts: failed.slice(0, -1) } });
  match(asMarkdown(after), /base@seed=1 failed \(out-of-memory\): /);
  match(asMarkdown(after), /1 node of \d+ not done yet/);
  match(asHtml(after), /class="stage failed"/);
});

test('collapsed models, and what comes after them, are marked', () => {
  const [one] = input.rows.figures;
  ok(one);
  const collapses = [{ address: one.address, ancestor: one.address, kind: 'entropy' }];
  const report = asMarkdown(composeReport({ ...input, rows: { ...input.rows, collapses } }));
  match(report, new RegExp(`\\| ${one.address} \\| collapsed \\(entropy\\) \\|`));
  match(report, /base@seed=1 collapsed \(entropy\): its figures/);
});

test('a certificate that refuses is warned of once, whatever it compared', () => {
  const found = { trained: 'math/sft', problems: 10, exact: 3, grams: 0, common: 0, allowed: null };
  const certificates = [
    { ...found, address: 'overlap:a', against: 'math/test', state: 'failed' },
    { ...found, address: 'overlap:a', against: 'math/other', state: 'failed' },
    { ...found, address: 'overlap:b', against: 'math/test', state: 'done' },
  ];
  const report = asMarkdown(composeReport({ ...input, rows: { ...input.rows, certificates } }));
  deepEqual(report.match(/^- overlap:.*$/gm), ['- overlap:a found more overlaps than may be.']);
});

test('the page is one file that asks for nothing, with headers and captions', () => {
  const html = asHtml(composeReport(input));
  checkNesting(html);
  doesNotMatch(html, /<(script|link|img|iframe)|<[^>]* ((src|on\w+|style)=|href="[^#])|@import|url\(/i);
  match(html, /Content-Security-Policy" content="default-src &#39;none&#39;/);
  match(html, /prefers-color-scheme: dark/);
  match(html, /@media print/);
  const count = (pattern: RegExp) => [...html.matchAll(pattern)].length;
  const all = tables(composeReport(input));
  equal(count(/<caption>/g), all.length);
  equal(
    count(/<th scope="col"/g),
    all.reduce((sum, { columns }) => sum + columns.length, 0),
  );
  equal(
    count(/<th scope="row"/g),
    all.reduce((sum, { rows }) => sum + rows.length, 0),
  );
  equal(count(/<svg [^>]*role="img" aria-label="[^"]+"/g), count(/<svg/g));
  ok(count(/<svg/g) > 5);
  match(html, /<h1>&#60;\/title&#62;&#60;script src=&#34;https:/);
});

test('Markdown has the same tables, and no name is taken for markup', () => {
  const document = composeReport(input);
  const markdown = asMarkdown(document);
  const lines = markdown.split('\n').filter((line) => line.startsWith('|'));
  equal(
    lines.length,
    tables(document).reduce((sum, { rows }) => sum + rows.length + 2, 0),
  );
  match(markdown, /^# \\<\/title\\>\\<script/);
  doesNotMatch(markdown, /(?<!\\)<script/);
});

test('in Markdown no text begins as code, a list, a heading or a rule', () => {
  const begun = ['    code', '\t\tcode', '- item', '2) item', '# heading', '> quote', '---', '***', '| cell |'];
  const items = begun.map((text) => ({ kind: 'paragraph' as const, text }));
  const markdown = asMarkdown({ title: '  title', subtitle: '', sections: [{ title: 'all', blocks: items }] });
  const lines = markdown.split('\n').filter((line) => line !== '');
  equal(lines[0], '# title');
  equal(lines.length, 2 + begun.length);
  for (const line of lines.slice(2)) match(line, /^(\d+\\|\\|code$)/);
});

test('of a lineage of which nothing has run it says so', () => {
  const rows = { figures: [], attempts: [], curves: [], collapses: [], certificates: [], sources: [] };
  const document = composeReport({ ...input, rows });
  checkNesting(asHtml(document));
  const markdown = asMarkdown(document);
  match(markdown, /No model is evaluated yet/);
  match(markdown, /Nothing was run here/);
  match(markdown, /^\| all \|.*\| 43 not done \|/m);
});

test('the same results give the same bytes', async () => {
  const again = {
    ...input,
    rows: await withDatabase(home, 'read', (connection) => readReportRows(connection, input.digest)),
  };
  equal(asHtml(composeReport(again)), asHtml(composeReport(input)));
  equal(asMarkdown(composeReport(again)), asMarkdown(composeReport(input)));
});

test('whatever text is put into an element stays text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string(), (content, value) => {
      const { markup } = element('p', { title: value }, content);
      const [, attribute = '', inner = ''] = /^<p title="([^"<>]*)">([^<>]*)<\/p>$/.exec(markup) ?? [];
      const plain = (text: string) =>
        text.replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)));
      const kept = (text: string) => text.replace(/[^\P{Cc}\t\n]/gu, '\uFFFD');
      deepEqual([plain(attribute), plain(inner)], [kept(value), kept(content)]);
    }),
  );
});

test('lines can be told apart without colour', () => {
  const series = Array.from({ length: mostSeries }, (_, index) => ({
    name: `line ${index}`,
    points: [
      { x: 0, y: index },
      { x: 1, y: index + 1 },
    ],
  }));
  const { markup } = linePlot('lines', 'step', 'loss', series);
  const dashes = [...markup.matchAll(/<path class="line c\d" d="M60,\d+L108,\d+"(?: stroke-dasharray="([^"]+)")?/g)];
  equal(new Set(dashes.map(([, dash]) => dash)).size, mostSeries);
  const signs = [...markup.matchAll(/<path class="sign c\d" d="([^"]+)"/g)].map(([, d]) => d);
  equal(new Set(signs).size, mostSeries);
});
