import { deepEqual, equal, match } from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { defaultPayloadConverter } from '@temporalio/common';
import { type LineageHandle, progressOf } from '../../cli/lineages.ts';
import type { Key } from '../../planner/plan.ts';
import type { LineageView } from '../../ui/protocol.ts';
import { makePlan } from '../results/lineage.ts';
import { runLineage } from '../results/run.ts';
import { descent, start, temporaryFolder, writeDevices, writeLineage } from './support.ts';

/** What a page is answered at a path, with the token of its address. */
async function ask(address: string, path: string): Promise<Response> {
  const { origin, hash } = new URL(address);
  const token = new URLSearchParams(hash.slice(1)).get('token');
  return await fetch(`${origin}${path}`, { headers: { authorization: `Bearer ${token}` } });
}

test('ui serves the page until it is ended: 130 after Ctrl-C, 0 after SIGTERM', async (t) => {
  const folder = await temporaryFolder(t);
  await runLineage(join(folder, '.descent'), makePlan({ seeds: [1], replay: ['0%'] }));
  for (const [signal, expected, args] of [
    ['SIGINT', 130, []],
    ['SIGTERM', 0, ['replay']],
  ] as const) {
    const { child, ended } = start(t, folder, 'ui', ...args, '--json');
    const [line] = (await once(child.stdout as NonNullable<typeof child.stdout>, 'data')) as [string];
    const { address } = JSON.parse(line) as { address: string };
    match(address, /^http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{43}(&lineage=replay)?$/);
    equal(new URL(address).hash.includes('lineage='), args.length > 0);
    const view = (await (await ask(address, '/api/lineages/replay')).json()) as LineageView;
    equal(view.lineage, 'replay');
    const page = await ask(address, '/');
    deepEqual([page.status, page.headers.get('content-type')], [200, 'text/html; charset=utf-8']);
    match(await page.text(), /<script type="module" src="\/?page\.js">/);
    child.kill(signal);
    const { exitCode, stderr } = await ended;
    deepEqual([exitCode, stderr], [expected, '']);
  }
});

test('ui says which port is taken, and which lineage there is', async (t) => {
  const folder = await temporaryFolder(t);
  await runLineage(join(folder, '.descent'), makePlan({ seeds: [1], replay: ['0%'] }));
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  t.after(() => other.close());
  const { port } = other.address() as { port: number };
  const taken = await descent(['ui', '--port', String(port)], folder);
  equal(taken.exitCode, 1);
  match(
    taken.stderr,
    new RegExp(
      `^error: another program has the port ${port} of 127\\.0\\.0\\.1\\n.*\\n?  hint: name another with --port, or none for one that is free: descent ui\\n$`,
    ),
  );
  const unknown = await descent(['ui', 'repaly'], folder);
  deepEqual([unknown.exitCode, unknown.stdout], [1, '']);
  equal(unknown.stderr, 'error: there is no lineage repaly\n  hint: the only one is replay\n');
});

test('run serves the page with --ui for as long as it runs, and without a terminal not by itself', async (t) => {
  const folder = await temporaryFolder(t);
  await writeDevices(folder);
  await writeLineage(folder);
  const { child, ended } = start(t, folder, 'run', 'lineage.yaml', '--ui');
  let said = '';
  const address = await new Promise<string>((resolve) =>
    child.stdout?.on('data', (text: string) => {
      said += text;
      const found = /in a browser: (\S+)\n/.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    }),
  );
  const answer = await ask(address, '/api/lineages/small');
  equal(((await answer.json()) as LineageView).counts.done, 0);
  const { exitCode } = await ended;
  equal(exitCode, 0);
  equal(await ask(address, '/').catch(() => 'ended'), 'ended');
  const { stdout } = await descent(['run', 'lineage.yaml', '--force', 'base@lr=1e-3/heldout'], folder);
  equal(stdout.includes('in a browser'), false);
});

test('an activity whose heartbeat tells of nothing is starting', async () => {
  const payloads = [defaultPayloadConverter.toPayload(undefined)];
  const raw = {
    pendingActivities: [{ activityId: 'execute-0', state: 2, attempt: 1, heartbeatDetails: { payloads } }],
  };
  const handle = {
    client: { options: { dataConverter: {} } },
    describe: async () => ({ raw, status: { name: 'RUNNING' } }),
  };
  const node = { index: 0, address: 'base', key: 'a'.repeat(64) as Key, state: 'running' as const };
  const found = await progressOf(handle as unknown as LineageHandle, [node]);
  equal(found.get(node.key)?.phase, 'starting');
});
