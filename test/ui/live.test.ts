import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ConnectedClient, connectClient } from '../../cli/connect.ts';
import { type Host, startOrJoinHost } from '../../cli/host.ts';
import { lineageEnd } from '../../cli/lineages.ts';
import { planDigest } from '../../planner/key.ts';
import { rememberRun } from '../../store/plans.ts';
import type { Curve, Done, LineageLine, LineageView, NodeView, Problem } from '../../ui/protocol.ts';
import { type TestHome, testHome, until } from '../fixtures/home.ts';
import { smallPlan } from '../fixtures/plans.ts';
import { type Served, serve, sharedEnding, streamOf } from './support.ts';

/*
 * A page beside a lineage that runs on a real server, in another process: what it is told, and what it may do.
 *
 *   tokenizer:seen ─▶ base ─▶ base/heldout
 */

const plan = smallPlan('seen', [
  { address: 'tokenizer:seen', type: 'tokenizer' },
  { address: 'base', needs: ['tokenizer:seen'] },
  { address: 'base/heldout', type: 'evaluate', needs: ['base'] },
]);
const path = '/api/lineages/seen';

const suite = sharedEnding();
let home: TestHome;
let host: Host;
let connected: ConnectedClient;
let served: Served;

before(async () => {
  home = await testHome();
  host = await startOrJoinHost(home.home, { cwd: home.folder, env: home.env, lineages: 'all' });
  connected = await connectClient(host.server);
  const timing = { runningMs: 100, restingMs: 100 };
  served = await serve(suite, home.home, { cwd: home.folder, env: home.env, timing });
});

after(async () => {
  await suite.over();
  await connected?.close();
  await host?.release();
  await home.nothingLeft();
  await home.remove();
});

const act = async (verb: string) => await served.ask(`${path}/${verb}`, { method: 'POST', body: {} });

test('a run is told as it goes, may be paused, goes on, and is done', async () => {
  home.steer('base', { steps: 5, gateAt: 3 });
  await rememberRun(home.home, 'seen', planDigest(plan));
  const handle = await home.run(connected, plan);
  const page = await streamOf(served, `${path}/changes`);
  await home.atGate('base');
  const points = await page.until(({ kind, node }) => kind === 'points' && node === 1);
  equal((points.steps as number[])[0], 1);
  equal((points.values as Record<string, number[]>).loss?.[0], 1);
  const told = await page.until(
    ({ kind, progress }) =>
      kind === 'progress' && (progress as { text: string }[])[0]?.text.startsWith('2 of 5') === true,
  );
  deepEqual((told.progress as { node: number; share: number }[])[0]?.share, 0.4);

  const view = await served.get<LineageView>(path);
  deepEqual(view.nodes.standing, ['done', 'running', 'waiting']);
  match(view.temporal ?? '', /^http:\/\/127\.0\.0\.1:\d+\/namespaces\/default\/workflows\/lineage-seen-/);
  const node = await served.get<NodeView>(`/api/nodes/${plan.nodes[1]?.key}?lineage=seen`);
  deepEqual([node.standing, node.attempts[0]?.state], ['running', 'running']);
  match(node.temporal ?? '', /workflows\/node-/);

  const paused = await act('pause');
  deepEqual([paused.status, paused.json()], [200, { done: 'paused seen: checkpoints are saved' } satisfies Done]);
  await page.until(({ kind, paused }) => kind === 'state' && paused === true);
  deepEqual((await served.get<LineageLine[]>('/api/lineages'))[0]?.paused, true);
  const rests = await served.get<LineageView>(path);
  deepEqual(rests.nodes.standing, ['done', 'interrupted', 'waiting'], 'nothing runs');
  deepEqual([rests.reasons, rests.progress], [{ 1: 'attempt 1, step 2 of 2' }, []]);
  let curves: Curve[] = [];
  // The worker may write results just now.
  await until(async () => {
    const { status, json } = await served.ask(`${path}/metrics?metric=loss`);
    if (status === 200) curves = json() as Curve[];
    return status === 200;
  }, 'curves can be read');
  const base = curves.find(({ address }) => address === 'base');
  equal(base?.steps.at(-1), 2, 'its curve is there, which the results do not have yet');
  home.openGate('base');
  equal((await act('unpause')).status, 200);
  equal((await lineageEnd(handle)).state, 'done');
  await page.until(({ kind, counts }) => kind === 'standings' && (counts as { done: number }).done === 3);
  await page.until(({ kind, running }) => kind === 'state' && running === false);
  deepEqual((await served.get<LineageView>(path)).counts.done, 3);
  page.leave();
  const again = await act('pause');
  deepEqual([again.status, (again.json() as Problem).error], [409, 'seen does not run']);
});

test('a run is cancelled; when its server has ended, the page goes on with what the store has', async () => {
  const other = smallPlan('seen', [
    { address: 'tokenizer:seen', type: 'tokenizer' },
    { address: 'longer', needs: ['tokenizer:seen'], seed: 2 },
  ]);
  home.steer('longer', { steps: 5, gateAt: 3 });
  const page = await streamOf(served, `${path}/changes`);
  await served.get<LineageView>(path);
  await rememberRun(home.home, 'seen', planDigest(other));
  const handle = await home.run(connected, other);
  await page.until(({ kind }) => kind === 'replaced');
  await home.atGate('longer');
  const cancelled = await act('cancel');
  deepEqual(cancelled.json(), { done: 'cancelled seen; its checkpoints are kept' });
  equal((await lineageEnd(handle)).state, 'cancelled');
  await connected.close();
  await host.release();
  await page.until(({ kind, temporal, running }) => kind === 'state' && temporal === null && running === false);
  const view = await served.get<LineageView>(path);
  deepEqual(view.nodes.standing, ['done', 'interrupted']);
  ok(view.reasons[1]?.includes('step 2'));
  deepEqual(served.errors, []);
});
