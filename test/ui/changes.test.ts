import { deepEqual, equal, ok } from 'node:assert/strict';
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sha256 } from '../../planner/key.ts';
import type { Key } from '../../planner/plan.ts';
import { attemptFolder } from '../../store/home.ts';
import type { Done, LineageView } from '../../ui/protocol.ts';
import { until } from '../fixtures/home.ts';
import { madePlan, nowOf } from './lineage.ts';
import { madeLive, type Served, serve, streamOf, temporaryFolder } from './support.ts';

/*
 * What pages are told while a lineage runs: of a lineage that stands as the test says, looked at every few milliseconds.
 */

const timing = { runningMs: 10, restingMs: 10 };

async function watched(t: TestContext, first = nowOf('waiting')) {
  const live = madeLive(first);
  const home = await temporaryFolder(t);
  const served = await serve(t, home, { live, timing });
  return { live, home, served, open: () => streamOf(served, '/api/lineages/made/changes') };
}

/** Waits until a page that listens has been told of the newest look. */
async function looked(live: ReturnType<typeof madeLive>): Promise<void> {
  const before = live.looks;
  await until(() => live.looks > before + 1, 'the lineage is looked at');
}

test('what changes is told: standings with reasons and counts, progress, state', async (t) => {
  const { live, open } = await watched(t);
  const page = await open();
  await looked(live);
  live.now = nowOf(['done', 'running', 'waiting']);
  deepEqual(await page.until(({ kind }) => kind === 'state'), {
    kind: 'state',
    running: true,
    paused: false,
    note: null,
    temporal: null,
  });
  deepEqual(await page.until(({ kind }) => kind === 'standings'), {
    kind: 'standings',
    nodes: [0, 1],
    standing: ['done', 'running'],
    reasons: {},
    counts: { waiting: 1, running: 1, done: 1, failed: 0, blocked: 0, interrupted: 0 },
  });
  const progress = { share: 0.5, text: '1 of 2', tokensPerSecond: 10 };
  live.now = nowOf(['done', { state: 'running', progress }, 'waiting']);
  deepEqual(await page.until(({ kind }) => kind === 'progress'), {
    kind: 'progress',
    progress: [{ node: 1, ...progress }],
  });
  const told = page.events.length;
  await looked(live);
  equal(page.events.length, told, 'what stays as it is is not told again');
  live.now = nowOf(['done', { state: 'failed', reason: 'diverged' }, { state: 'blocked', reason: 'base failed' }]);
  const failed = await page.until((event) => (event.nodes as number[] | undefined)?.includes(2) === true);
  deepEqual(failed.reasons, { 1: 'diverged', 2: 'base failed' });
  live.now = nowOf('done', { digest: 'e'.repeat(64) });
  await page.until(({ kind }) => kind === 'replaced');
});

test('pages share one look, and nobody looks where nobody listens', async (t) => {
  const { live, served, open } = await watched(t);
  const pages = [await open(), await open()];
  await looked(live);
  live.now = nowOf('done');
  for (const page of pages) await page.until(({ kind }) => kind === 'standings');
  const view = await served.get<LineageView>('/api/lineages/made');
  deepEqual(view.nodes.standing, ['done', 'done', 'done']);
  pages[0]?.leave();
  await looked(live);
  pages[1]?.leave();
  await Promise.all(pages.map(({ ended }) => ended));
  await sleep(50);
  const before = live.looks;
  await sleep(100);
  equal(live.looks, before);
});

test('a look that fails is told of, and the next one made', async (t) => {
  const { live, served, open } = await watched(t, nowOf(['done', 'running', 'waiting']));
  const page = await open();
  await looked(live);
  const { now } = live;
  live.now = new Error('Temporal is away');
  const told = await page.until(({ note }) => note === 'Temporal is away');
  equal(told.running, true, 'it stands as it did');
  await looked(live);
  equal(page.events.filter(({ note }) => note === 'Temporal is away').length, 1);
  equal((await served.get<LineageView>('/api/lineages/made')).note, 'Temporal is away', 'whoever comes later sees it');
  live.now = now;
  await page.until(({ kind, note }) => kind === 'state' && note === null);
});

test('what trainers say is told as it comes: points by step, samples, and what an earlier checkpoint voids', async (t) => {
  const { live, home, open } = await watched(t);
  const folder = attemptFolder(home, madePlan.nodes[1]?.key ?? '', 1);
  const events = join(folder, 'events.jsonl');
  const metrics = (...steps: number[]) =>
    steps
      .map((step) => `${JSON.stringify({ event: 'metrics', step, tokens: step, values: { loss: step } })}\n`)
      .join('');
  await mkdir(folder, { recursive: true });
  await writeFile(events, `{"event":"started","resumedFrom":null}\n${metrics(1, 2)}`);
  const page = await open();
  live.now = nowOf(['done', 'running', 'waiting']);
  const first = await page.until(({ kind }) => kind === 'points');
  deepEqual(first, { kind: 'points', node: 1, voidAfter: null, steps: [1, 2], values: { loss: [1, 2] } });
  await appendFile(events, metrics(3).slice(0, 20));
  await looked(live);
  equal(page.events.filter(({ kind }) => kind === 'points').length, 1, 'half a line is none');
  await appendFile(events, metrics(3).slice(20));
  await page.until(({ steps }) => (steps as number[] | undefined)?.[0] === 3);
  await appendFile(events, `{"event":"started","resumedFrom":1}\n${metrics(2)}`);
  deepEqual(await page.until(({ voidAfter }) => voidAfter === 1), {
    kind: 'points',
    node: 1,
    voidAfter: 1,
    steps: [2],
    values: { loss: [2] },
  });
  const sample = {
    task: 'rollout',
    problem: 'p',
    step: 2,
    index: 0,
    prompt: '1+1?',
    response: '2',
    answer: '2',
    expected: '2',
  };
  await appendFile(events, `${JSON.stringify({ event: 'sample', ...sample, correct: true })}\n`);
  const told = await page.until(({ kind }) => kind === 'sample');
  equal((told.sample as { response: string }).response, '2');
  const another = attemptFolder(home, madePlan.nodes[1]?.key ?? '', 2);
  await mkdir(another, { recursive: true });
  await writeFile(join(another, 'events.jsonl'), metrics(1));
  deepEqual((await page.until(({ voidAfter }) => voidAfter === -1)).steps, [1]);
});

test('with another plan, what is told of a node is what that plan has at its place', async (t) => {
  const { live, home, open } = await watched(t, nowOf(['done', 'running', 'waiting']));
  const said = async (key: string, loss: number): Promise<void> => {
    const folder = attemptFolder(home, key, 1);
    await mkdir(folder, { recursive: true });
    await writeFile(
      join(folder, 'events.jsonl'),
      `${JSON.stringify({ event: 'metrics', step: 1, tokens: 1, values: { loss } })}\n`,
    );
  };
  const other = { ...madePlan, nodes: madePlan.nodes.map((node) => ({ ...node, key: sha256(node.key) as Key })) };
  await said(madePlan.nodes[1]?.key ?? '', 1);
  await said(other.nodes[1]?.key ?? '', 2);
  const page = await open();
  await page.until(({ kind }) => kind === 'points');
  live.now = nowOf(['done', 'running', 'waiting'], { digest: 'e'.repeat(64), plan: async () => other });
  await page.until(({ kind, values }) => kind === 'points' && (values as { loss: number[] }).loss[0] === 2);
  const kinds = page.events.map(({ kind }) => kind);
  ok(kinds.indexOf('replaced') < kinds.lastIndexOf('points'), 'that it is another plan is told before');
});

test('a page that does not read costs no memory, and learns that it has missed something', async (t) => {
  const { live, served, open } = await watched(t);
  const [slow, quick] = [await open(), await open()];
  await looked(live);
  slow.pause();
  const reason = 'x'.repeat(200_000);
  const before = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed;
  for (let time = 0; time < 60; time += 1) {
    live.now = nowOf([{ state: 'failed', reason: `${time} ${reason}` }, 'waiting', 'waiting']);
    await quick.until(({ reasons }) =>
      String((reasons as Record<number, string> | undefined)?.[0]).startsWith(`${time} `),
    );
    quick.events.length = 0;
  }
  const grown = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed - before;
  ok(grown < 60e6, `${grown} bytes`);
  slow.resume();
  await slow.until(({ kind }) => kind === 'replaced');
  live.now = nowOf('done');
  await slow.until(({ counts }) => (counts as { done: number } | undefined)?.done === 3);
  deepEqual(served.errors, []);
});

test('a page acts, and is answered when it is done; what cannot be done is told', async (t) => {
  const { live, served } = await watched(t, nowOf(['done', 'running', 'waiting']));
  const act = async (verb: string): Promise<Done> =>
    (await served.ask(`/api/lineages/made/${verb}`, { method: 'POST', body: {} })).json() as Done;
  deepEqual(await act('pause'), { done: 'paused made' });
  deepEqual(await act('unpause'), { done: 'made goes on' });
  deepEqual(await act('cancel'), { done: 'cancelled made' });
  const form = await served.ask('/api/lineages/made/cancel', {
    method: 'POST',
    body: 'a=b',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
  deepEqual([form.status, live.done.length], [415, 3]);
});

test('what is done while a look is under way is seen by another look at once', async (t) => {
  const live = madeLive(nowOf(['done', 'running', 'waiting']));
  let end = () => {};
  const gate = new Promise<void>((resolve) => {
    end = resolve;
  });
  const slow = {
    ...live,
    async lineage(name: string) {
      const now = await live.lineage(name);
      // The first is of the page that opens, the second of whoever follows for it.
      if (live.looks === 2) await gate;
      return now;
    },
  };
  const timing = { runningMs: 60_000, restingMs: 60_000 };
  const served = await serve(t, await temporaryFolder(t), { live: slow, timing });
  const page = await streamOf(served, '/api/lineages/made/changes');
  await until(() => live.looks === 2, 'it is looked at');
  await served.ask('/api/lineages/made/pause', { method: 'POST', body: {} });
  live.now = nowOf(['done', 'interrupted', 'waiting'], { running: true, paused: true });
  end();
  await page.until(({ kind, paused }) => kind === 'state' && paused === true);
});

test('a server that ends looks once more for whoever listens', async (t) => {
  const live = madeLive(nowOf(['done', 'running', 'waiting']));
  const served: Served = await serve(t, await temporaryFolder(t), { live, timing: { runningMs: 60_000 } });
  const page = await streamOf(served, '/api/lineages/made/changes');
  await until(() => live.looks > 1, 'it was looked at');
  await sleep(50);
  live.now = nowOf('done');
  await served.close();
  await page.ended;
  deepEqual(
    page.events.map(({ kind }) => kind),
    ['state', 'standings'],
  );
});
