import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { findTemporal } from '#setup/temporal.mjs';
import { localServer } from '../../cli/connect.ts';
import { startOrJoinHost } from '../../cli/host.ts';
import { freePort, serverArguments } from '../../cli/temporal-server.ts';
import { searchAttributeCommand, searchAttributeTypes } from '../../workflows/names.ts';
import { descent, packageRoot, writeLineage } from '../cli/support.ts';
import { type TestHome, testHome, until, withClient } from '../fixtures/home.ts';
import { testServer } from '../fixtures/server.ts';

/*
 * The search attributes by which workflows are found, and servers that lack some of them.
 */

const model = 'base@lr=1e-3';

test('workflows are found by what the plan said of them, on a server that an older Descent began', async (t) => {
  const home = await newHome(t);
  await beginServer(home, ['LineageId', 'Stage', 'NodeKey', 'Seed']);
  home.steer(model, { steps: 4, failAt: 3, kind: 'diverged', failures: 1 });
  const run = async (...args: string[]) => {
    const { exitCode, stderr } = await descent(['run', 'lineage.yaml', ...args], home.folder, { env: home.env });
    assert.equal(stderr, '');
    return exitCode;
  };
  assert.deepEqual([await run(), await run(), await run('--force', model)], [1, 0, 0]);

  const host = await startOrJoinHost(home.home, { cwd: home.folder, env: home.env, lineages: 'all' });
  const looked = withClient(host.server, async ({ client }) => {
    const found = async (query: string) => {
      const ids: string[] = [];
      for await (const { workflowId } of client.workflow.list({ query })) ids.push(workflowId);
      return ids.sort().map((id) => id.replace(/[0-9a-f]{12,}/, '…'));
    };
    assert.deepEqual(await found('Verdict = "run"'), ['lineage-small-…', 'node-…', 'node-…']);
    assert.deepEqual(await found('Verdict = "resume"'), ['lineage-small-…', 'node-…']);
    assert.deepEqual(await found('Verdict = "forced"'), ['lineage-small-…', 'node-…-2']);
    assert.deepEqual(await found('Verdict = "run" AND Stage = "base"'), ['node-…', 'node-…']);
  });
  await looked.finally(() => host.release());
});

test('a configured namespace that lacks one: which, and what makes it', async (t) => {
  const server = await testServer();
  t.after(() => server.stop());
  const command = searchAttributeCommand('default');
  assert.ok(readFileSync(join(packageRoot, 'docs', 'execution.md'), 'utf8').includes(`\n${command}\n`));
  const [, ...args] = command.replace(' --name Verdict --type Keyword', '').split(' ');
  execFileSync(temporalPath(), [...args, '--address', server.address], { stdio: 'ignore' });
  const home = await newHome(t, { address: server.address, searchAttributes: true });
  const { exitCode, stderr } = await descent(['run', 'lineage.yaml'], home.folder, { env: home.env });
  assert.equal(exitCode, 1);
  assert.equal(
    stderr,
    [
      'error: the namespace `default` has no search attribute Verdict',
      `  hint: say \`searchAttributes: false\` in temporal.config, or make it: ${command}`,
      '',
    ].join('\n'),
  );
});

async function newHome(t: TestContext, config: Parameters<typeof testHome>[0] = {}): Promise<TestHome> {
  const home = await testHome(config);
  await writeLineage(home.folder);
  t.after(async () => {
    await home.nothingLeft();
    await home.remove();
  });
  return home;
}

/** Begins the histories of a home's server with only these search attributes, as an older Descent may have done. */
async function beginServer({ home }: TestHome, attributes: (keyof typeof searchAttributeTypes)[]): Promise<void> {
  mkdirSync(home, { recursive: true });
  const [server, ui] = [await freePort(0), await freePort(0)];
  const names = serverArguments(join(home, 'temporal.db'), { server, ui }).filter(
    (argument) => argument !== '--search-attribute' && !/=(Keyword|Int)$/.test(argument),
  );
  const args = [
    ...names,
    ...attributes.flatMap((name) => ['--search-attribute', `${name}=${searchAttributeTypes[name]}`]),
  ];
  const child = spawn(temporalPath(), args, { stdio: 'ignore' });
  const connecting = localServer(`127.0.0.1:${server}`, home, {});
  await until(async () => withClient(connecting, async () => true).catch(() => false), 'the server answers');
  await withClient(connecting, async ({ client }) => {
    const answer = await client.connection.operatorService.listSearchAttributes({ namespace: 'default' });
    assert.deepEqual(Object.keys(answer.customAttributes ?? {}).sort(), [...attributes].sort());
  });
  child.kill();
  await once(child, 'exit');
}

function temporalPath(): string {
  const temporal = findTemporal();
  assert.ok(temporal);
  return temporal.path;
}
