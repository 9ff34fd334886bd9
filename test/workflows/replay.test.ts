import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { type HistoryEvent, type SavedHistory, savedHistories, version } from './histories.ts';

/*
 * Replays what workflows of this and earlier versions have really done with the workflows of the build: a change that
 * would break lineages that run is found here. `docs/execution.md` says how workflows are changed.
 */

Runtime.install({
  logger: new DefaultLogger('ERROR', () => {}),
  telemetryOptions: { logging: { filter: { core: 'ERROR', other: 'ERROR' }, forward: {} } },
});

const histories = savedHistories();

test('this version has histories of all that workflows do', () => {
  const mine = histories.filter(({ name }) => name.startsWith(`${version}/`));
  const types = new Set(mine.flatMap(({ history }) => history.events.map(({ eventType }) => eventType)));
  const ends = ['COMPLETED', 'FAILED', 'CANCELED', 'CONTINUED_AS_NEW'].map((end) => `WORKFLOW_EXECUTION_${end}`);
  const expected = [...ends, 'ACTIVITY_TASK_FAILED', 'ACTIVITY_TASK_CANCELED', 'TIMER_STARTED'];
  const missing = expected.filter((type) => !types.has(`EVENT_TYPE_${type}`));
  assert.deepEqual(missing, [], `the histories of ${version} lack events: record them with npm run histories`);
  for (const name of ['hold', 'release', 'nodesFinished', 'pause', 'unpause', 'resume']) {
    assert.ok(
      mine.some(({ history }) => history.events.some((event) => signalOf(event) === name)),
      `no history of ${version} has the signal ${name}: record them with npm run histories`,
    );
  }
  const joined = mine.filter(({ history }) => history.events.filter((event) => signalOf(event) === 'hold').length > 1);
  assert.ok(joined.length > 0, 'a training was joined');
});

test('the workflows do again what every saved history says', async () => {
  assert.equal(await whatDiffers(histories), '');
});

test('a history of other workflows is told, and what to do', async () => {
  for (const name of ['lineage-failing-1', 'node-shared-1']) {
    const saved = histories.find((history) => history.name === `${version}/${name}`);
    assert.ok(saved, `${name} is saved`);
    const other = structuredClone(saved);
    const scheduled = other.history.events.find(({ eventType }) => eventType === 'EVENT_TYPE_ACTIVITY_TASK_SCHEDULED');
    assert.ok(scheduled);
    (scheduled.activityTaskScheduledEventAttributes as { activityType: { name: string } }).activityType.name = 'other';
    const said = await whatDiffers([other]);
    assert.match(said, new RegExp(`^${version}/${name} cannot be replayed .*patched\\(id\\).*docs/execution.md`, 's'));
    assert.match(said, /other/);
  }
});

/** A paragraph for each history that the workflows of this build do not do again, and '' where there is none. */
async function whatDiffers(saved: readonly SavedHistory[]): Promise<string> {
  const bundle = fileURLToPath(new URL('../../workflows/bundle.js', import.meta.url));
  // Several runs of one workflow have one id: which one a result is of is known by the order, one after the other.
  const inOrder = saved.map(({ workflowId, history }) => ({ workflowId, history }));
  const said: string[] = [];
  let at = 0;
  for await (const { error, workflowId } of Worker.runReplayHistories(
    { workflowBundle: { codePath: bundle } },
    inOrder,
  )) {
    const { name, workflowId: expected } = saved[at++] as SavedHistory;
    assert.equal(workflowId, expected);
    if (error === undefined) continue;
    said.push(
      `${name} cannot be replayed by the workflows of this build: lineages like it that run would stop at their next` +
        ` step. Keep what they did behind patched(id), as docs/execution.md says under "Changing a workflow"; histories` +
        ` of a version that was never released are made again with npm run histories. Temporal says: ${error.message}`,
    );
  }
  assert.equal(at, saved.length, 'every history was replayed');
  return said.join('\n\n');
}

function signalOf(event: HistoryEvent): string | undefined {
  return (event.workflowExecutionSignaledEventAttributes as { signalName: string } | undefined)?.signalName;
}
