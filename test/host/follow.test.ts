import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configuredServer, connectClient } from '../../cli/connect.ts';
import { followLineage } from '../../cli/follow.ts';
import type { Session } from '../../cli/session.ts';
import { planDigest } from '../../planner/key.ts';
import { testHome, until } from '../fixtures/home.ts';
import { smallPlan } from '../fixtures/plans.ts';
import { testServer } from '../fixtures/server.ts';

test('a lineage that the server has no more has ended, whatever became of it', { timeout: 60_000 }, async (t) => {
  const server = await testServer();
  t.after(() => server.stop());
  const home = await testHome();
  t.after(() => home.remove());
  const { address } = server;
  const configured = configuredServer({ config: home.config, file: null }, { TEMPORAL_ADDRESS: address });
  assert.ok(configured);
  const { client, close } = await connectClient(configured);
  t.after(close);
  home.settings.searchAttributes = false;
  const { settings } = home;
  const plan = smallPlan('deleted', [{ address: 'tokenizer', type: 'tokenizer' }]);
  const handle = await home.run({ client, close }, plan);
  const workflowExecution = { workflowId: handle.workflowId };
  await client.workflowService.deleteWorkflowExecution({ namespace: 'default', workflowExecution });
  await until(
    () =>
      handle.describe().then(
        () => false,
        ({ name }: Error) => name === 'WorkflowNotFoundError',
      ),
    'it is deleted',
  );

  let connections = 0;
  const session: Session = {
    client,
    address,
    uiAddress: null,
    settings,
    devices: {},
    host: null,
    async reconnect() {
      connections += 1;
    },
    close,
  };
  const end = await followLineage(session, {
    home: home.home,
    plan,
    planDigest: planDigest(plan),
    report: () => undefined,
    clock: () => performance.now() / 1000,
    pending: new Set(),
    signal: AbortSignal.timeout(10_000),
  });
  assert.deepEqual(end, { state: 'gone' });
  assert.equal(connections, 0);
});
