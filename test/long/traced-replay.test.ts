import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { tracingModule } from '../../cli/workflow-code.ts';
import { savedHistories } from '../workflows/histories.ts';

/* A lineage that began before anybody looked goes on under a worker that is traced. */

Runtime.install({
  logger: new DefaultLogger('ERROR', () => {}),
  telemetryOptions: { logging: { filter: { core: 'ERROR', other: 'ERROR' }, forward: {} } },
});

test('traced workflows do again what every saved history says', async () => {
  const histories = savedHistories();
  const workflowsPath = fileURLToPath(new URL('../../workflows/index.js', import.meta.url));
  let spans = 0;
  const options = {
    workflowsPath,
    interceptors: { workflowModules: [tracingModule] },
    sinks: {
      exporter: {
        export: {
          callDuringReplay: true,
          fn: (_: unknown, ended: unknown[]) => {
            spans += ended.length;
          },
        },
      },
    },
  };
  const inOrder = histories.map(({ workflowId, history }) => ({ workflowId, history }));
  const failed: string[] = [];
  let replayed = 0;
  for await (const { error, workflowId } of Worker.runReplayHistories(options, inOrder)) {
    replayed += 1;
    if (error !== undefined) failed.push(`${workflowId}: ${error.message}`);
  }
  assert.deepEqual(failed, []);
  assert.equal(replayed, histories.length);
  assert.ok(spans > histories.length, 'the workflows were traced');
});
