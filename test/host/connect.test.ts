import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { configuredServer, connectClient } from '../../cli/connect.ts';
import { lineageEnd } from '../../cli/lineages.ts';
import { testHome } from '../fixtures/home.ts';
import { smallPlan } from '../fixtures/plans.ts';
import { testServer } from '../fixtures/server.ts';

test('a connection that is closed while a call waits to be tried again ends the call, and throws nowhere', async (t) => {
  const server = await testServer();
  t.after(() => server.stop());
  const home = await testHome();
  t.after(() => home.remove());
  home.settings.searchAttributes = false;
  const configured = configuredServer({ config: home.config, file: null }, { TEMPORAL_ADDRESS: server.address });
  assert.ok(configured);
  const connected = await connectClient(configured);
  const handle = await home.run(connected, smallPlan('waiting', [{ address: 'tokenizer', type: 'tokenizer' }]));
  const ended = assert.rejects(lineageEnd(handle), ({ cause }: Error) => /connection was closed/.test(String(cause)));
  await server.stop();
  // The pauses between two tries grow beyond that.
  await sleep(1000);
  await connected.close();
  await ended;
});
