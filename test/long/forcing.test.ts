import { deepEqual, equal, match } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { descent, type Outcome, packageRoot, start, writeLineage } from '../cli/support.ts';
import { type TestHome, testHome, until } from '../fixtures/home.ts';

/*
 * `--force` where something comes in between: another process with the same words, Ctrl-C, kill -9, a failure. One home,
 * where everything is done before and each test makes attempts of its own:
 *
 *   tokenizer:bytes ─▶ base@lr=1e-3 ─▶ heldout
 *                  └─▶ base@lr=3e-3 ─▶ heldout
 */

const [low, high] = ['base@lr=1e-3', 'base@lr=3e-3'];
let home: TestHome;

before(async () => {
  home = await testHome();
  await writeLineage(home.folder);
  const { exitCode, stderr } = await descent(['run', 'lineage.yaml'], home.folder, { env: home.env });
  deepEqual([exitCode, stderr], [0, '']);
});

after(async () => {
  await home.nothingLeft();
  await home.remove();
});

const ask = async <T>(sql: string): Promise<T[]> => {
  const { stdout, stderr } = await descent(['query', sql, '--format', 'json'], home.folder);
  equal(stderr, '');
  return JSON.parse(stdout) as T[];
};

/** `1 done, 2 failed`: the attempts at a node, as the tables have them. */
const attempts = async (address: string): Promise<string> => {
  const rows = await ask<{ attempt: number; state: string }>(
    `select attempt, state from attempts where address = '${address}' order by attempt`,
  );
  return rows.map(({ attempt, state }) => `${attempt} ${state}`).join(', ');
};

/** Starts a run, and gives what it has said so far as well. */
function running(t: TestContext, ...args: string[]) {
  const { child, ended } = start(t, home.folder, 'run', 'lineage.yaml', ...args);
  let said = '';
  child.stdout?.on('data', (text: string) => {
    said += text;
  });
  return {
    child,
    ended,
    said: (text: string) =>
      until(
        () => said.includes(text),
        text,
        () => said,
      ),
  };
}

/** The words after which a run that did not end well goes on. */
function words({ stdout }: Outcome): string[] {
  const [, command] = /\n {2}(?:go on with|try again): +descent (.*)\n/.exec(stdout) ?? [];
  return command?.split(' ') ?? [];
}

test('the same words from two processes at once: one attempt, which both follow', { timeout: 240_000 }, async (t) => {
  home.steer(low, { gateAt: 2 });
  const both = [running(t, '--force', low), running(t, '--force', low)];
  for (const { said } of both) await said(`start     ${low}`);
  home.openGate(low);
  for (const { ended } of both) {
    const { exitCode, stdout, stderr } = await ended;
    deepEqual([exitCode, stderr], [0, '']);
    match(stdout, /\ndone in /);
  }
  equal(await attempts(low), '1 done, 2 done');
  equal(home.executions(low), 2);
});

describe('a forced run that does not come to its end', () => {
  const force = ['--force', 'base'];

  test('killed: its words go on, and are joined, and make nothing twice', { timeout: 240_000 }, async (t) => {
    home.steer(high, { steps: 4, gateAt: 3 });
    const killed = running(t, ...force);
    await home.atGate(high);
    await killed.said(`done      ${low}`);
    const second = running(t, ...force);
    await second.said(`start     ${high}`);
    equal(home.executions(low), 3, 'the second asks for no attempt of its own');
    for (const { child } of [killed, second]) child.kill('SIGKILL');
    await Promise.all([killed.ended, second.ended]);
    await home.nothingLeft();
    const { stdout } = await descent(['plan', 'lineage.yaml', ...force], home.folder);
    match(stdout, /\nreuse +base@lr=1e-3 +[0-9a-f]{12} +attempt 3, done /);
    match(stdout, /\nresume +base@lr=3e-3 +[0-9a-f]{12} +attempt 2, step 2 of /);
  });

  test('interrupted: what it prints goes on with the same attempt', { timeout: 240_000 }, async (t) => {
    const interrupted = running(t, ...force);
    await home.atGate(high);
    interrupted.child.kill('SIGINT');
    const end = await interrupted.ended;
    deepEqual([end.exitCode, end.stderr], [130, '']);
    deepEqual(words(end), ['run', 'lineage.yaml', '--force', high]);
    home.openGate(high);
    const resumed = await descent(words(end), home.folder);
    deepEqual([resumed.exitCode, resumed.stderr], [0, '']);
    match(resumed.stdout, /^small: 5 nodes: 4 reuse, 1 resume /);
    equal(await attempts(low), '1 done, 2 done, 3 done');
    equal(await attempts(high), '1 done, 2 done');
    const starts = await ask(`select executions, step from attempts where address = '${high}' and attempt = 2`);
    deepEqual(starts, [{ executions: 3, step: 4 }]);
  });

  test('failed: the attempt before is served, and the words are tried again', { timeout: 240_000 }, async () => {
    home.steer(low, { failAt: 2, kind: 'diverged' });
    const failed = await descent(['run', 'lineage.yaml', '--force', low], home.folder);
    equal(failed.exitCode, 1);
    match(failed.stdout, /\nfailed {2}base@lr=1e-3: it was told to fail at step 2 \(diverged\)\n/);
    match(failed.stdout, /note +of what was forced and is not done, the attempt before is kept, and results take it\n/);
    deepEqual(words(failed), ['run', 'lineage.yaml', '--force', low]);
    equal(await attempts(low), '1 done, 2 done, 3 done, 4 failed');
    const served = `select distinct attempt from latest_metrics join latest_attempts using (key, attempt) where address = '${low}'`;
    deepEqual(await ask(served), [{ attempt: 3 }]);

    const tries = home.executions(low);
    const without = await descent(['run', 'lineage.yaml'], home.folder);
    match(without.stdout, /^small: 5 nodes: 5 reuse\n\ndone in /);
    equal(home.executions(low), tries);

    home.steer(low, {});
    const again = await descent(words(failed), home.folder);
    deepEqual([again.exitCode, again.stderr], [0, '']);
    match(again.stdout, /^small: 5 nodes: 4 reuse, 1 resume /);
    equal(await attempts(low), '1 done, 2 done, 3 done, 4 done');
    deepEqual(await ask(served), [{ attempt: 4 }]);
  });
});

test('a written plan makes the attempt that it says, once', { timeout: 240_000 }, async () => {
  const written = await descent(['plan', 'lineage.yaml', '--force', high, '-o', 'forced.json'], home.folder);
  equal(written.exitCode, 0, written.stderr);
  const first = await descent(['run', '--plan', 'forced.json'], home.folder);
  deepEqual([first.exitCode, first.stderr], [0, '']);
  equal(await attempts(high), '1 done, 2 done, 3 done');
  const tries = home.executions(high);
  const again = await descent(['run', '--plan', 'forced.json'], home.folder);
  deepEqual([again.exitCode, again.stderr], [0, '']);
  match(again.stdout, /^small: 5 nodes: 5 reuse\n.*1 node got further since this was planned\n\ndone in /);
  equal(home.executions(high), tries);
});

test('older attempts are asked for by their number, as docs/results.md says', async () => {
  const documentation = readFileSync(join(packageRoot, 'docs', 'results.md'), 'utf8');
  const [, section = ''] = /\n## Attempts\n([\s\S]*?)\n## /.exec(documentation) ?? [];
  const [, sql = ''] = /descent query "([^"]*)"/.exec(section) ?? [];
  deepEqual(await ask(sql.replace('base@seed=1', high)), [
    { attempt: 1, state: 'done', loss: 1 / 3 },
    { attempt: 2, state: 'done', loss: 1 / 4 },
    { attempt: 3, state: 'done', loss: 1 / 4 },
  ]);
});
