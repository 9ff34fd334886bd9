import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { ActivityCancellationDetails } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { type Claim, claimResults } from '../../activities/claim.ts';
import { planReader } from '../../activities/plans.ts';
import { resultsActivities } from '../../activities/results.ts';
import { withDatabase } from '../../results/database.ts';
import { runQuery } from '../../results/query.ts';
import { writerPath } from '../../store/home.ts';
import { writeNote } from '../../store/notes.ts';
import { writePlan } from '../../store/plans.ts';
import { makePlan } from '../results/lineage.ts';
import { runNode } from '../results/run.ts';
import { startScript, temporaryHome } from '../store/support.ts';

const hold = new URL('../results/scripts/hold.js', import.meta.url);

/** A home with a node whose results are not written yet, and what writes them. */
async function prepare(t: TestContext) {
  const home = await temporaryHome(t);
  const plan = makePlan({ seeds: [1], replay: ['0%'] });
  const [tokenizer] = plan.nodes;
  assert.ok(tokenizer);
  await runNode(home, tokenizer);
  const planDigest = await writePlan(home, plan);
  await withDatabase(home, 'write', async () => {});
  const claim = await claimResults(home, { staleSeconds: 30, signal: t.signal });
  t.after(() => claim.release());
  const ingest = (mine: Claim, environment = new MockActivityEnvironment()) =>
    environment.run(resultsActivities({ home }, planReader(home), mine).ingestNodes, { planDigest, indexes: [0] });
  const attempts = async () => (await runQuery(home, 'SELECT address FROM attempts', {})).rows;
  return { home, address: tokenizer.address, claim, ingest, attempts };
}

test('who lost the claim to write while it waited for the file writes nothing; who has it does', async (t) => {
  const { home, address, claim, ingest, attempts } = await prepare(t);
  const reader = startScript(t, hold, [home, 'read']);
  await reader.nextLine();
  const environment = new MockActivityEnvironment();
  const beaten = once(environment, 'heartbeat');
  const fenced = assert.rejects(ingest(claim, environment), {
    name: 'FencedError',
    message: 'another worker has taken over writing results; this one stands by and writes nothing',
  });
  await beaten;
  const another = { id: 'another', host: 'elsewhere', worker: { pid: 1, started: 'x' }, trainer: null };
  writeNote(writerPath(home), another);
  reader.say('close');
  await fenced;
  assert.deepEqual(await attempts(), []);
  await assert.rejects(ingest(claim), { name: 'FencedError' }, 'nor does it begin again');

  const taken = await claimResults(home, { staleSeconds: 0.3, signal: t.signal });
  t.after(() => taken.release());
  await ingest(taken);
  assert.deepEqual(await attempts(), [[address]]);
});

test('a write that waits for the file ends at once when its worker is shut down, and when nobody wants it any more', async (t) => {
  const { home, address, claim, ingest, attempts } = await prepare(t);
  const reader = startScript(t, hold, [home, 'read']);
  await reader.nextLine();
  for (const [reason, details, expected] of [
    ['WORKER_SHUTDOWN', { workerShutdown: true }, { type: 'stopped', nonRetryable: false }],
    ['CANCELLED', { cancelRequested: true }, { name: 'CancelledFailure' }],
  ] as const) {
    const environment = new MockActivityEnvironment({ attempt: 9 });
    const beaten = once(environment, 'heartbeat');
    const ended = assert.rejects(ingest(claim, environment), expected);
    await beaten;
    const asked = performance.now();
    environment.cancel(reason, new ActivityCancellationDetails(details));
    await ended;
    assert.ok(performance.now() - asked < 5000, `${reason}: its patience is a minute`);
  }
  reader.say('close');
  await reader.closed;
  await ingest(claim);
  assert.deepEqual(await attempts(), [[address]]);
});
