// What a person does with the page, in a browser: by mouse, by keyboard alone, in the dark, on a telephone. The lineage is
// made up, so that it does as the test says; test/long/watched.test.ts has a real one.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, type TestContext, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { LineageView, Problem, Sample, Takeaways, Vocabulary } from '../../ui/protocol.ts';
import { launch, withoutChromium } from '../browser.ts';
import { until } from '../fixtures/home.ts';
import { type Made, type MadeServer, madeLineage, madeModels, serveMade } from './made.ts';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const skip = withoutChromium;
let browser: Browser;
before(async () => {
  if (skip === false) browser = await launch();
});
after(() => browser?.close());

interface Opened {
  page: Page;
  server: MadeServer;
  made: Made;
}

/** Opens the page of a made-up lineage. Whatever the browser complains of fails the test. */
async function open(
  t: TestContext,
  made: Made,
  { width = 1280, height = 800, colorScheme = 'light' as 'light' | 'dark', view = '', allowed = /^$/ } = {},
): Promise<Opened> {
  const server = await serveMade(made);
  const context = await browser.newContext({ viewport: { width, height }, colorScheme, reducedMotion: 'reduce' });
  await context.clock.install();
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    // That a server is gone is told by the browser too.
    const text = message.text();
    if (message.type() === 'error' && !/Failed to load resource/.test(text) && !allowed.test(text))
      complaints.push(text);
  });
  page.on('pageerror', (error) => complaints.push(error.stack ?? error.message));
  t.after(async () => {
    await context.close();
    await server.close();
    assert.deepEqual(complaints, []);
  });
  await page.goto(server.address);
  await page.getByText('live', { exact: true }).waitFor();
  if (view !== '') await page.getByRole('link', { name: view, exact: true }).click();
  return { page, server, made };
}

/** What axe finds wrong with the page as it stands. */
async function faults(page: Page): Promise<string[]> {
  // As a debugger, since the page's policy lets no script in.
  const session = await page.context().newCDPSession(page);
  await session.send('Runtime.evaluate', { expression: axe });
  const { result } = await session.send('Runtime.evaluate', {
    expression: `axe.run(document, {resultTypes: ['violations']}).then(({violations}) => JSON.stringify(violations.flatMap(({id, help, nodes}) => nodes.map(({html, failureSummary}) => id + ': ' + help + '\\n' + html + '\\n' + failureSummary))))`,
    awaitPromise: true,
    returnByValue: true,
  });
  return JSON.parse(String(result.value)) as string[];
}

/** The nodes in the list. */
function nodesOf(page: Page) {
  return page.getByRole('listbox').getByRole('option');
}

function standings(view: LineageView, nodes: number[], standing: LineageView['nodes']['standing'][number]) {
  const counts = { ...view.counts };
  for (const node of nodes) {
    counts[view.nodes.standing[node] as keyof typeof counts] -= 1;
    counts[standing] += 1;
  }
  return { kind: 'standings' as const, nodes, standing: nodes.map(() => standing), reasons: {}, counts };
}

test('the token leaves the address, and the lineage it names is shown', { skip }, async (t) => {
  const { page } = await open(t, madeLineage(60));
  assert.match(page.url(), /#\/lineages\/made\/dag$/);
  assert.equal(await page.title(), 'DAG of made · Descent');
  await page.getByRole('heading', { level: 1, name: 'How much replay keeps general ability?' }).waitFor();
  await page.getByRole('link', { name: 'Descent' }).click();
  await page.getByRole('row', { name: /made .* running/ }).waitFor();
});

test('without a token it says where to get one', { skip }, async (t) => {
  await openWithoutToken(t);
});

test('the keyboard alone finds a node, opens it, follows a link and comes back', { skip }, async (t) => {
  const { page } = await open(t, madeLineage(60));
  const focused = (text: string) => page.locator(':focus').filter({ hasText: text }).waitFor();
  await page.keyboard.press('Tab');
  await focused('Skip to the content');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  await page.keyboard.type('tuned seed=1');
  await page
    .getByRole('status')
    .getByText(/^\d+ of 61$/)
    .waitFor();
  for (let press = 0; press < 3; press += 1) await page.keyboard.press('Tab');
  await page.keyboard.press('ArrowDown');
  const option = nodesOf(page).nth(1);
  const list = page.getByRole('listbox');
  assert.equal(await list.getAttribute('aria-activedescendant'), await option.getAttribute('id'));
  const address = (await option.locator('.address').textContent()) as string;
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 2, name: address }).waitFor();
  await focused(address);
  const link = page.locator('.panel .links a').first();
  const needed = (await link.textContent()) as string;
  await link.focus();
  await page.keyboard.press('Enter');
  await focused(needed);
  await page.goBack();
  await page.getByRole('heading', { level: 2, name: address }).waitFor();
  await page.keyboard.press('Escape');
  await page.locator('[role=listbox]:focus').waitFor();
  assert.doesNotMatch(page.url(), /node=/);
});

test('what changes is seen at once, said later, and drawn where it is', { skip }, async (t) => {
  const { page, server, made } = await open(t, madeLineage(60));
  const waiting = made.view.nodes.standing.indexOf('waiting');
  const address = made.view.nodes.address[waiting] as string;
  const row = nodesOf(page).filter({ hasText: address }).first();
  await row.getByText('waiting').waitFor();
  const drawn = () =>
    page.evaluate<string[]>(`[...document.querySelectorAll('.stage canvas')].map((one) => one.toDataURL())`);
  const before = await drawn();
  server.tell(standings(made.view, [waiting], 'running'));
  const text = 'step 7 of 100, loss 1.23';
  server.tell({ kind: 'progress', progress: [{ node: waiting, share: 0.07, text, tokensPerSecond: 900 }] });
  await row.getByText('running').waitFor();
  await page.getByRole('progressbar', { name: address }).waitFor();
  await page.getByText('1 node, 900 tokens/s').waitFor();
  const changed = (await drawn()).filter((one, index) => one !== before[index]);
  assert.equal(changed.length, 1, 'one stage is painted anew');
  server.tell(standings(made.view, [waiting], 'done'));
  await row.getByText('done').waitFor();
  await page.clock.fastForward(5000);
  await page
    .getByRole('status')
    .filter({ hasText: /1 done since; 25 of 61 done/ })
    .waitFor({ state: 'attached' });
});

test('a node shows its curves and samples as they come, and its end', { skip }, async (t) => {
  const made = madeLineage(60);
  const node = made.view.nodes.standing.indexOf('waiting');
  made.view.nodes.standing[node] = 'running';
  const { page, server } = await open(t, made);
  await nodesOf(page)
    .filter({ hasText: made.view.nodes.address[node] as string })
    .first()
    .click();
  await page.getByText('loss 0.4 at step 100').first().waitFor();
  server.tell({
    kind: 'points',
    node,
    voidAfter: null,
    steps: [101, 102],
    values: { loss: [0.39, 0.25], reward: [0.5, null] },
  });
  await page.getByText('loss 0.25 at step 102').first().waitFor();
  await page.getByText('reward 0.5 at step 101').first().waitFor();
  server.tell({ kind: 'points', node, voidAfter: 50, steps: [51], values: { loss: [0.75] } });
  await page.getByText('loss 0.75 at step 51').first().waitFor();
  server.tell({ kind: 'sample', node, sample: sample(1, { response: 'so it is 4', right: true }) });
  await page.getByText('right', { exact: true }).waitFor();
  server.tell({ kind: 'sample', node, sample: sample(2, { answer: null, right: false }) });
  await page.getByText('no answer').waitFor();
  assert.deepEqual(await page.locator('.sample .standing').allTextContents(), ['wrong', 'right']);
});

test('markup in titles, addresses, reasons and samples is text', { skip }, async (t) => {
  const made = madeLineage(60);
  const evil = '<img src=x onerror="document.title=\'owned\'">';
  made.view.title = evil;
  made.view.note = evil;
  made.view.lineage = `made/${evil}`;
  made.view.nodes.address[0] = evil;
  made.view.reasons[0] = evil;
  made.samples = [
    sample(1, { prompt: evil, response: `${evil}</pre><script>document.title='owned'</script>`, answer: evil }),
  ];
  const { page } = await open(t, made);
  await nodesOf(page).first().click();
  await page.locator('.sample summary').click();
  await page.getByText('</pre><script>').waitFor();
  assert.equal(await page.locator('img').count(), 0);
  assert.match(await page.title(), /^DAG of made\/<img/);
});

test('pausing and cancelling ask first', { skip }, async (t) => {
  const { page, server, made } = await open(t, madeLineage(60));
  await page.getByRole('button', { name: 'Cancel' }).click();
  const dialog = page.getByRole('dialog', { name: 'Cancel the lineage?' });
  await dialog.getByRole('button', { name: 'Leave it' }).click();
  await dialog.waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Cancel' }).click();
  await dialog.waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  assert.deepEqual(server.done, []);
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  server.tell({ kind: 'state', running: true, paused: true, note: null, temporal: null });
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Go on' }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  assert.deepEqual(server.done, ['pause', 'unpause']);
  server.tell({ kind: 'state', running: false, paused: false, note: null, temporal: null });
  await page.getByText('at rest', { exact: false }).first().waitFor();
  assert.equal(await page.getByRole('button', { name: /Pause|Go on|Cancel/ }).count(), 0);
  assert.equal(made.view.running, true, 'the page has its own view');
});

test('a server that is gone is told, and what it says when it is back is shown', { skip }, async (t) => {
  const { page, server, made } = await open(t, madeLineage(60));
  await server.close();
  await page.getByText(/the server is gone; trying again/).waitFor();
  await page.getByText('the server is gone: what is shown is from before').waitFor({ state: 'attached' });
  await nodesOf(page).first().waitFor();
  const later = madeLineage(60);
  later.view.title = 'What came after';
  const again = await serveMade(later, server.port);
  t.after(() => again.close());
  await page.getByRole('heading', { level: 1, name: 'What came after' }).waitFor();
  await page.getByText('live', { exact: true }).waitFor();
  assert.equal(made.view.lineage, later.view.lineage);
});

test('what cannot be had now is asked for again by itself', { skip }, async (t) => {
  const made = madeLineage(60);
  made.models = madeModels(6);
  const { page, server } = await open(t, made);
  server.refuse({ error: 'results.duckdb is being written by descent run', remedy: null });
  await page.getByRole('link', { name: 'Models', exact: true }).click();
  const waits = page.getByText('is being written by descent run: this is asked for again by itself');
  await waits.waitFor();
  assert.equal(await page.getByRole('alert').count(), 0, 'it is no fault');
  server.refuse(null);
  await page.clock.fastForward(1000);
  await page.getByRole('rowheader', { name: 'mid@lr=1e-4' }).waitFor();
  await waits.waitFor({ state: 'detached' });
  server.refuse({ error: 'results.duckdb is being written by descent run', remedy: null });
  await page.getByRole('link', { name: 'SQL', exact: true }).click();
  await page.getByRole('textbox', { name: /SQL/ }).click();
  await page.keyboard.press('Control+Enter');
  await waits.waitFor();
  await page.getByRole('button', { name: 'Stop' }).click();
  await waits.waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  await waits.waitFor();
  server.refuse(null);
  await page.clock.fastForward(1000);
  await page.getByText(/^0 rows/).waitFor();
});

test('a tab that nobody sees gives its connection back, and catches up when it is seen', { skip }, async (t) => {
  const { page, server, made } = await open(t, madeLineage(60));
  const show = (isHidden: boolean) =>
    page.evaluate(
      `Object.defineProperty(document, 'hidden', {value: ${isHidden}, configurable: true}); document.dispatchEvent(new Event('visibilitychange'))`,
    );
  await show(true);
  await page.clock.fastForward(4000);
  await show(false);
  await page.clock.fastForward(10_000);
  assert.equal(server.listening(), 1, 'a moment is no reason');
  await show(true);
  await page.clock.fastForward(5000);
  await until(() => server.listening() === 0, 'the stream is closed');
  const waiting = made.view.nodes.standing.indexOf('waiting');
  const { counts } = standings(made.view, [waiting], 'done');
  made.view.nodes.standing[waiting] = 'done';
  made.view.counts = counts;
  await show(false);
  const address = made.view.nodes.address[waiting] as string;
  await nodesOf(page).filter({ hasText: address }).first().getByText('done').waitFor();
  await page.getByText('live', { exact: true }).waitFor();
  assert.equal(server.listening(), 1);
});

test('another address with a token, in the same tab, is taken as at first', { skip }, async (t) => {
  const { server, page } = await openWithoutToken(t);
  await page.goto(server.address);
  await nodesOf(page).first().waitFor();
  assert.match(page.url(), /#\/lineages\/made\/dag$/);
});

test('lineages that take long to be known are waited for', { skip }, async (t) => {
  const made = madeLineage(20);
  let know = () => {};
  let asked = 0;
  made.lineages = () => {
    asked += 1;
    return new Promise((resolve) => {
      know = () => resolve([made.view]);
    });
  };
  const { page } = await open(t, made);
  await page.getByRole('link', { name: 'Descent' }).click();
  await until(() => asked === 1, 'they are asked for');
  await page.clock.fastForward(20_000);
  assert.equal(asked, 1);
  know();
  await page.getByRole('row', { name: /made .* running/ }).waitFor();
  await page.clock.fastForward(5000);
  await until(() => asked === 2, 'they are asked for again');
});

test('what could not be done is told, also to who left the question', { skip }, async (t) => {
  const made = madeLineage(20);
  let end = (_: Problem | null) => {};
  made.act = () =>
    new Promise((resolve) => {
      end = resolve;
    });
  const { page } = await open(t, made);
  await page.getByRole('button', { name: 'Pause' }).click();
  const dialog = page.getByRole('dialog', { name: 'Pause the lineage?' });
  await dialog.getByRole('button', { name: 'Pause' }).click();
  await dialog.getByRole('button', { name: 'Asking …' }).waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  end({ error: 'made has not come to rest after 60 seconds', remedy: 'descent status shows how it stands' });
  await dialog.getByRole('alert').getByText('made has not come to rest').waitFor();
  await dialog.getByRole('button', { name: 'Leave it' }).click();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('dialog', { name: 'Cancel the lineage?' }).waitFor();
  assert.equal(await page.getByRole('alert').count(), 0, 'another question is asked anew');
});

test('models: seeds together, sorted, narrowed, with other columns, side by side', { skip }, async (t) => {
  const made = madeLineage(60);
  made.models = madeModels(6);
  const { page } = await open(t, made, { view: 'Models' });
  const table = page.getByRole('region', { name: /Settings/ });
  const names = () => table.locator('tbody tr:not(.space) th').allTextContents();
  await table.getByRole('row', { name: /mid@lr=1e-4/ }).waitFor();
  assert.deepEqual(await names(), ['mid@lr=1e-4', 'mid@lr=2e-4']);
  // 0.2, 0.3, 0.4: the mean is 30 %, the deviation 10 points.
  await table.getByRole('cell', { name: '30.0 % ± 10.0' }).waitFor();
  await table.getByRole('button', { name: 'id all pass@1' }).click();
  assert.deepEqual(await names(), ['mid@lr=2e-4', 'mid@lr=1e-4']);
  assert.equal(
    await table.getByRole('columnheader', { name: 'id all pass@1' }).getAttribute('aria-sort'),
    'descending',
  );
  await page.getByLabel('seeds together').uncheck();
  const apart = page.getByRole('region', { name: /Models, with/ });
  assert.equal(await apart.locator('tbody tr:not(.space)').count(), 6);
  await apart.getByRole('cell', { name: '40.0 % [20.0, 60.0]' }).first().waitFor();
  await page.getByRole('searchbox').fill('lr=1e-4 id_all_pass_at_1>0.25');
  await page.getByText('2 models').waitFor();
  await page.getByText('Columns').click();
  await page.getByLabel('sft_lr').check();
  await apart.getByRole('columnheader', { name: 'sft_lr' }).waitFor();
  assert.match(page.url(), /columns=/);
  await page.keyboard.press('Escape');
  await page.getByLabel('sft_lr').waitFor({ state: 'hidden' });
  await page.getByRole('searchbox').fill('');
  for (const name of ['mid@lr=1e-4,seed=1', 'mid@lr=2e-4,seed=1']) await page.getByLabel(`Compare ${name}`).check();
  const beside = page.getByRole('region', { name: 'Models side by side' });
  await beside.getByRole('row', { name: 'sft_lr' }).waitFor();
  assert.equal(await beside.getByRole('row', { name: 'model_layers' }).count(), 0, 'what all share is left out');
});

test('takeaways have verdict, effect, interval, p and reason; the paper has its own', { skip }, async (t) => {
  const made = madeLineage(60);
  made.takeaways = takeaways();
  const { page } = await open(t, made, { view: 'Takeaways' });
  const card = page.getByRole('article', { name: /Some replay beats none/ });
  await card.getByText('supported').first().waitFor();
  await card.getByRole('row', { name: /\+3\.2 pp 95 % \[1\.1, 5\.3\] 0\.012 3 paired t/ }).waitFor();
  await card.getByText('the arms differ in tokens too').waitFor();
  await page.getByRole('button', { name: 'of the EvoLM paper' }).click();
  assert.match(page.url(), /of=paper/);
});

test('SQL is completed, run, sorted, refused with the reason', { skip }, async (t) => {
  const made = madeLineage(60);
  made.vocabulary = vocabulary();
  made.query = ({ sql, parameters }) =>
    /broken/.test(sql)
      ? { error: 'Catalog Error: there is no table broken\nLINE 1: from broken', remedy: 'name one that there is' }
      : {
          columns: [
            { name: 'asked', type: 'VARCHAR' },
            { name: 'n', type: 'BIGINT' },
          ],
          rows: [
            [`${sql} ${parameters.lineage ?? ''}`, 2],
            [null, 10],
          ],
          cut: false,
        };
  // Typing over coloured text, Chromium itself tries to keep the colour as a style, which the policy forbids.
  const { page } = await open(t, made, { view: 'SQL', allowed: /^Applying inline style violates/ });
  await page.getByRole('cell', { name: '10' }).waitFor();
  await page.getByRole('rowheader', { name: 'summary made' }).waitFor();
  const editor = page.getByRole('textbox', { name: /SQL/ });
  await editor.click();
  await page.keyboard.press('Control+A');
  await page.keyboard.type('select axi');
  await page.keyboard.press('Control+Space');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+A');
  await page.keyboard.type('select * from linea');
  await page.getByRole('option', { name: /lineage_wide/ }).waitFor();
  // Enter is no choice for a moment, for who types on without looking.
  await page.clock.fastForward(200);
  await page.keyboard.press('Enter');
  await page.keyboard.type(' where axis_re');
  await page.getByRole('option', { name: /axis_replay/ }).waitFor();
  await page.clock.fastForward(200);
  await page.keyboard.press('Enter');
  assert.equal((await editor.textContent())?.trim(), 'select * from lineage_wide where axis_replay');
  await page.keyboard.press('Control+Enter');
  await page.getByRole('rowheader', { name: 'select * from lineage_wide where axis_replay' }).waitFor();
  await page.getByRole('button', { name: 'n', exact: true }).click();
  assert.deepEqual(await page.getByRole('row').nth(1).locator('td').allTextContents(), ['10']);
  await editor.click();
  await page.keyboard.press('Control+A');
  await page.keyboard.type('from broken where x = $y');
  await page.getByLabel('$y').fill('1');
  await page.getByRole('button', { name: 'Run' }).click();
  await page.getByRole('alert').getByText('name one that there is').waitFor();
  await editor.click();
  await page.keyboard.press('Tab');
  assert.equal(await page.locator('.cm-content:focus').count(), 0, 'Tab leaves the editor');
});

for (const { name, width, colorScheme } of [
  { name: 'light', width: 1280, colorScheme: 'light' },
  { name: 'dark, 400 px', width: 400, colorScheme: 'dark' },
] as const) {
  test(`axe finds nothing wrong in any view, nothing is wider than the page: ${name}`, { skip }, async (t) => {
    const made = madeLineage(60);
    made.models = madeModels(6);
    made.takeaways = takeaways();
    made.vocabulary = vocabulary();
    made.samples = [sample(1, { right: false })];
    const { page } = await open(t, made, { width, colorScheme });
    await nodesOf(page).nth(3).click();
    await page.locator('.sample').waitFor();
    const found: string[] = await faults(page);
    const look = async (ready: string): Promise<void> => {
      await page.locator(ready).first().waitFor();
      found.push(...(await faults(page)));
      const over = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
      if (over > 0) found.push(`${page.url()} is ${over} pixels too wide`);
    };
    await page.getByRole('button', { name: 'Pause' }).click();
    await look('dialog[open]');
    await page.keyboard.press('Escape');
    for (const [view, ready] of [
      ['Models', '.data tbody th'],
      ['Takeaways', 'article'],
      ['SQL', '.data'],
    ] as const) {
      await page.getByRole('link', { name: view, exact: true }).click();
      await look(ready);
    }
    await page.getByRole('link', { name: 'Descent' }).click();
    await look('tbody');
    assert.deepEqual(found, []);
  });
}

test('of 10,000 nodes only what is seen is in the page, and the last is one key away', { skip }, async (t) => {
  const made = madeLineage(10_000);
  const { page } = await open(t, made);
  assert.ok(made.view.nodes.key.length > 9000);
  const elements = await page.evaluate<number>(`document.querySelectorAll('*').length`);
  assert.ok(elements < 1200, `${elements} elements`);
  await page.getByRole('listbox').focus();
  await page.keyboard.press('End');
  await nodesOf(page)
    .filter({ hasText: made.view.nodes.address.at(-1) as string })
    .waitFor();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 2, name: made.view.nodes.address.at(-1) as string }).waitFor();
});

function sample(at: number, change: Partial<Sample> = {}): Sample {
  return {
    at,
    step: 20,
    task: 'rollout',
    problem: `p${at}`,
    index: 1,
    prompt: 'What is 2+2?',
    response: 'It is 5.',
    answer: '5',
    expected: '4',
    right: false,
    why: null,
    reward: 0,
    ...change,
  };
}

function takeaways(): Takeaways {
  return {
    notices: ['found now, as the results are not recorded yet'],
    takeaways: [
      {
        number: 1,
        name: null,
        claim: 'Some replay beats none',
        verdict: 'supported',
        alpha: 0.05,
        correction: 'holm',
        parts: [
          {
            name: 'replay 25% over 0%',
            metric: 'id.pass@1',
            claimed: 'higher',
            verdict: 'supported',
            effectOf: 'difference',
            effect: 0.032,
            low: 0.011,
            high: 0.053,
            test: 'paired t',
            points: 'for',
            p: 0.006,
            pCorrected: 0.012,
            seeds: 3,
            pairs: 3,
            problems: 60,
            said: [],
          },
        ],
        warnings: ['the arms differ in tokens too'],
        missing: [],
      },
    ],
  };
}

function vocabulary(): Vocabulary {
  const column = (name: string) => ({ name, type: 'VARCHAR', comment: `The ${name}.` });
  return {
    tables: [
      {
        name: 'lineage_wide',
        kind: 'view',
        comment: 'A row for each model.',
        columns: ['address', 'axis_replay'].map(column),
      },
    ],
    queries: [
      {
        name: 'summary',
        description: 'Each evaluated model.',
        parameters: [{ name: 'lineage', type: 'VARCHAR', required: false, default: null, description: 'Its name.' }],
      },
    ],
    functions: ['max_by'],
  };
}

/** A page of a server of its own, at an address without its token, once it says where to get one. */
async function openWithoutToken(t: TestContext) {
  const server = await serveMade(madeLineage(20));
  t.after(() => server.close());
  const page = await browser.newPage();
  t.after(() => page.close());
  await page.goto(`http://127.0.0.1:${server.port}/#/lineages/made/dag`);
  await page.getByRole('alert').filter({ hasText: 'open the printed address' }).waitFor();
  return { server, page };
}
