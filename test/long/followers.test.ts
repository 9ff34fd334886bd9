import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readHostState } from '../../cli/host-state.ts';
import { start } from '../cli/support.ts';
import { type TestHome, testHome } from '../fixtures/home.ts';

/*
 * Several `descent run` of one home, a lineage each: who comes first, or starts the host again, ends none that another
 * follows.
 */

let home: TestHome;

before(async () => {
  home = await testHome({ devices: { cpu: { slots: 4, threads: 1 } } });
});

after(async () => {
  await home.nothingLeft();
  await home.remove();
});

let runs = 0;

/** Starts `descent run` of a lineage of its own, whose one training has the lineage's name. */
function run(t: TestContext, name: string) {
  const text = `lineage: ${name}
models:
  nano: {layers: 1, hidden: 16, heads: 2, ffn: 32, context: 32}
data:
  web: {generator: stories}
stages:
  ${name}: {pretrain: {model: nano, data: web, tokens: 8K, lr: ${++runs}e-4}}
`;
  writeFileSync(join(home.folder, `${name}.yaml`), text);
  return start(t, home.folder, 'run', `${name}.yaml`);
}

describe('of two runs in one home', () => {
  for (const delayMs of [0, 1000]) {
    test(`both end, the second started after ${delayMs} ms`, { timeout: 120_000 }, async (t) => {
      const names = [`one${delayMs}`, `two${delayMs}`] as const;
      const first = run(t, names[0]);
      await sleep(delayMs);
      const second = run(t, names[1]);
      for (const { exitCode, stdout, stderr } of await Promise.all([first.ended, second.ended])) {
        assert.equal(exitCode, 0, `${stdout}${stderr}`);
      }
      await home.nothingLeft();
    });
  }

  test('both go on when their host is killed', { timeout: 120_000 }, async (t) => {
    const names = ['left', 'right'];
    for (const name of names) home.steer(name, { steps: 5, gateAt: 3 });
    const started = names.map((name) => run(t, name));
    for (const name of names) await home.atGate(name);
    const { host } = (await readHostState(home.home)) ?? {};
    assert.ok(host);
    process.kill(host.pid, 'SIGKILL');
    for (const name of names) {
      await home.atGate(name);
      home.openGate(name);
    }
    for (const { exitCode, stdout, stderr } of await Promise.all(started.map(({ ended }) => ended))) {
      assert.equal(exitCode, 0, `${stdout}${stderr}`);
    }
    for (const name of names) assert.equal(home.executions(name), 2);
  });
});
