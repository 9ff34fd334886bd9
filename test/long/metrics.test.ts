import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { freePort } from '../../cli/temporal-server.ts';
import { binary, descent, writeLineage } from '../cli/support.ts';
import { testHome, until } from '../fixtures/home.ts';

test('Prometheus finds metrics on the port that was asked for, on loopback only', async () => {
  const home = await testHome();
  const port = await freePort(0);
  const up = spawn(process.execPath, [binary, 'up', '--metrics-port', String(port)], {
    cwd: home.folder,
    env: home.env,
    stdio: 'ignore',
  });
  try {
    let page = '';
    await until(async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/metrics`).catch(() => undefined);
      page = (await answer?.text()) ?? '';
      return page.includes('temporal_num_pollers');
    }, 'the metrics are there');
    const others = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
    for (const { address, family } of others.filter(({ internal }) => !internal)) {
      const host = family === 'IPv6' ? `[${address}]` : address;
      await assert.rejects(fetch(`http://${host}:${port}/metrics`), `${address} has none`);
    }
    await writeLineage(home.folder);
    const other = await descent(['run', 'lineage.yaml', '--metrics-port', '1'], home.folder, { env: home.env });
    assert.equal(other.exitCode, 1);
    assert.match(other.stderr, new RegExp(`runs already, with its metrics on port ${port}`));
  } finally {
    up.kill('SIGINT');
    await once(up, 'exit');
    await home.nothingLeft();
    await home.remove();
  }
});
