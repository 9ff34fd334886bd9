import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import picocolors from 'picocolors';
import { type ConnectedClient, connectClient } from '../../cli/connect.ts';
import type { Context } from '../../cli/context.ts';
import { type Host, startOrJoinHost } from '../../cli/host.ts';
import { refuseWhileRunning } from '../../cli/idle.ts';
import { lineageEnd } from '../../cli/lineages.ts';
import { verify } from '../../cli/verify.ts';
import { type TestHome, testHome } from '../fixtures/home.ts';
import { smallPlan } from '../fixtures/plans.ts';

let home: TestHome;
let host: Host;
let connected: ConnectedClient;

before(async () => {
  home = await testHome({ stopSeconds: 2 });
  host = await startOrJoinHost(home.home, { cwd: home.folder, env: home.env, lineages: 'all' });
  connected = await connectClient(host.server);
});

after(async () => {
  await connected?.close();
  await host?.release();
  await home.nothingLeft();
  await home.remove();
});

function contextOf(printed: string[]): Context {
  const colours = picocolors.createColors(false);
  const print = (text: string) => printed.push(text);
  const terminal = { out: print, err: print, colours, errorColours: colours, interactive: false, columns: 80 };
  return { terminal, cwd: home.folder, env: { ...home.env, DESCENT_HOME: home.home }, debug: false };
}

test('a lineage that nobody follows is seen on the server; after a trainer was killed in it, each row is in the results once', async () => {
  const plan = smallPlan('unfollowed', [
    { address: 'tokenizer:unfollowed', type: 'tokenizer' },
    { address: 'unfollowed', needs: ['tokenizer:unfollowed'] },
    { address: 'unfollowed/heldout', type: 'evaluate', needs: ['unfollowed'] },
  ]);
  home.steer('unfollowed', { gateAt: 1, dieAt: 3, deaths: 1 });
  const handle = await home.run(connected, plan);
  await home.atGate('unfollowed');
  const context = contextOf([]);
  await assert.rejects(refuseWhileRunning(home.home, 'nothing is removed', context), {
    name: 'CommandError',
    message: /^nothing is removed while something runs on Temporal: (lineage-unfollowed|node)-\w+ is open$/,
  });
  home.openGate('unfollowed');
  assert.equal((await lineageEnd(handle)).state, 'done');
  assert.equal(home.executions('unfollowed'), 2);
  const printed: string[] = [];
  assert.equal(await verify([], {}, contextOf(printed)), 0, printed.join('\n'));
  assert.match(printed.join('\n'), /: each is in results\.duckdb exactly once$/);
});
