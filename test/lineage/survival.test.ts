import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { isRunning, type ProcessRecord, signalProcess } from '../../activities/processes.ts';
import { readHostState } from '../../cli/host-state.ts';
import { planFile } from '../../cli/lineage-file.ts';
import { keyFolder } from '../../store/home.ts';
import { temporaryFolder } from '../cli/support.ts';
import { manifests, runToEnd, startRun, tinyLineage, until, weights } from './support.ts';

/*
 *   base ───────────── mid ──────── tuned ──── rl
 *     ✗ trainer ✗ ^C     ✗ server     ✗ worker   ✗ trainer
 *
 * Whatever is killed, and however often, the weights of all four models must be those of a run that nothing happened to,
 * byte for byte; and nothing may be left running.
 */
describe('a lineage', () => {
  let undisturbed: Record<string, string>;

  it('trains nothing, and starts no server, when it is run again', { timeout: 900_000 }, async (t) => {
    const { file, home } = await lineage(t);
    await runToEnd(t, file, home, 1);
    const made = await manifests(home);
    const again = await runToEnd(t, file, home, 1);
    assert.doesNotMatch(again, /"event":"(connected|started)"/);
    assert.deepEqual(await manifests(home), made);
    undisturbed = await weights(home);
    assert.deepEqual(Object.keys(undisturbed).sort(), ['base', 'mid', 'rl', 'tuned']);
  });

  it('that is interrupted in every stage ends in the same weights', { timeout: 900_000 }, async (t) => {
    const { file, home } = await lineage(t);
    let run = startRun(t, file, home);
    const kill = async (what: string, find: () => Promise<ProcessRecord | null | undefined>): Promise<void> => {
      const victim = await until(`the ${what}`, async () => (await find()) ?? undefined);
      assert.ok(signalProcess(victim, 'SIGKILL'), `the ${what} had ended before it could be killed`);
    };

    await reached(file, home, 'base', 15);
    await kill('trainer', () => trainerOf(home, 'base'));

    await reached(file, home, 'base', 50);
    run.process.kill('SIGINT');
    const { exitCode, output } = await run.ended;
    assert.equal(exitCode, 130, output);
    await nothingRuns(home);
    run = startRun(t, file, home);

    await reached(file, home, 'mid', 10);
    await kill('Temporal server', async () => (await readHostState(home))?.server);

    await reached(file, home, 'tuned', 8);
    await kill('worker', async () => (await readHostState(home))?.worker);

    await reached(file, home, 'rl', 2);
    await kill('trainer', () => trainerOf(home, 'rl'));

    await run.ended;
    await runToEnd(t, file, home);
    assert.deepEqual(await weights(home), undisturbed);
    await nothingRuns(home);
  });
});

async function lineage(t: TestContext): Promise<{ file: string; home: string }> {
  const folder = await temporaryFolder(t);
  const file = join(folder, 'tiny.yaml');
  await writeFile(file, tinyLineage);
  return { file, home: join(folder, 'home') };
}

/** Waits until a stage has done so many steps. */
async function reached(file: string, home: string, stage: string, step: number): Promise<void> {
  const folder = keyFolder(home, await keyOfStage(file, stage));
  await until(`step ${step} of ${stage}`, async () => {
    const attempt = (await readdir(folder).catch(() => [])).find((name) => name.startsWith('attempt-'));
    const files = attempt === undefined ? [] : await readdir(join(folder, attempt));
    const texts = await Promise.all(
      files
        .filter((name) => name.endsWith('.events.log'))
        .map((name) => readFile(join(folder, String(attempt), name), 'utf8')),
    );
    return texts.some((text) => text.includes(`"event":"metrics","step":${step},`)) || undefined;
  });
}

async function keyOfStage(file: string, stage: string): Promise<string> {
  const planned = await planFile(file, { cwd: dirname(file), env: {} });
  assert.ok(planned.ok);
  const node = planned.plan.nodes.find(({ address }) => address === stage);
  assert.ok(node, `${stage} is a node`);
  return node.key;
}

async function trainerOf(home: string, stage: string): Promise<ProcessRecord | undefined> {
  const key = await keyOfStage(join(home, '..', 'tiny.yaml'), stage);
  const text = await readFile(join(keyFolder(home, key), 'running.json'), 'utf8').catch(() => undefined);
  return text === undefined
    ? undefined
    : ((JSON.parse(text) as { trainer: ProcessRecord | null }).trainer ?? undefined);
}

/** Fails where the home's host, server, worker or a trainer is still there. */
async function nothingRuns(home: string): Promise<void> {
  const state = await readHostState(home);
  for (const record of [state?.host, state?.server, state?.worker]) {
    if (record) assert.ok(!isRunning(record), `process ${record.pid} is still running: ${JSON.stringify(state)}`);
  }
}
