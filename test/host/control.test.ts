import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { isRunning, type ProcessRecord, recordProcess } from '../../activities/processes.ts';
import { type ConnectedClient, connectClient } from '../../cli/connect.ts';
import { type Host, startOrJoinHost } from '../../cli/host.ts';
import { type LineageHandle, lineageEnd, lineageStatus } from '../../cli/lineages.ts';
import type { Plan } from '../../planner/plan.ts';
import { findArtifact, inspectNode } from '../../store/artifact.ts';
import { binary, descent } from '../cli/support.ts';
import { type TestHome, testHome, until, untilRecorded } from '../fixtures/home.ts';
import { smallPlan } from '../fixtures/plans.ts';
import { nodeAt } from '../planner/plans.ts';

/*
 * What a person does to lineages and nodes that run: pause, go on, cancel, look. The verbs are those of the command line,
 * each a process of its own beside the one that runs the lineages.
 */

let home: TestHome;
let host: Host;
let connected: ConnectedClient;

before(async () => {
  home = await testHome({ devices: { cpu: { slots: 3, threads: 1 }, lone: { slots: 1, threads: 1 } } });
  host = await startOrJoinHost(home.home, { cwd: home.folder, env: home.env, lineages: 'all' });
  connected = await connectClient(host.server);
});

after(async () => {
  await connected?.close();
  await host?.release();
  await home.nothingLeft();
  await home.remove();
});

describe('a lineage that is paused', () => {
  const lineage = (name: string, more: Parameters<typeof smallPlan>[1] = []): Plan =>
    smallPlan(name, [
      { address: 'tokenizer:paused', type: 'tokenizer' },
      { address: 'shared', needs: ['tokenizer:paused'] },
      ...more,
    ]);
  const plan = lineage('pausing', [
    { address: 'own', needs: ['tokenizer:paused'], seed: 2 },
    { address: 'first', needs: ['tokenizer:paused'], seed: 3 },
    { address: 'first/heldout', type: 'evaluate', needs: ['first'] },
    { address: 'after', type: 'cpt', needs: ['own'] },
  ]);
  const own = nodeAt(plan, 'own').key;
  let paused: LineageHandle;
  let other: LineageHandle;
  let trainers: ProcessRecord[];

  test('stops what nobody else needs, at a checkpoint, and starts nothing', async () => {
    for (const address of ['shared', 'own', 'first/heldout']) home.steer(address, { steps: 5, gateAt: 3 });
    paused = await home.run(connected, plan);
    other = await home.run(connected, lineage('another'));
    trainers = [];
    for (const address of ['shared', 'own', 'first/heldout']) {
      trainers.push(recordProcess(await home.atGate(address)) as ProcessRecord);
    }
    await untilRecorded(home.home, 'pausing');
    const { exitCode, stdout, stderr } = await descent(['pause', 'pausing'], home.folder, { env: home.env });
    assert.deepEqual([exitCode, stderr], [0, '']);
    assert.equal(
      stdout,
      'paused pausing: checkpoints are saved; shared goes on, as another lineage needs it\n  go on: descent unpause pausing\n',
    );
    assert.deepEqual(trainers.map(isRunning), [true, false, false]);
    assert.deepEqual(inspectNode(home.home, own), { state: 'partial', attempt: 1, step: 2 });
    const { pace, counts } = await lineageStatus(paused, plan);
    assert.deepEqual([pace, counts.waiting, counts.running], ['paused', 2, 2]);
  });

  test('is shown as such', async () => {
    const { stdout } = await descent(['status', 'pausing'], home.folder, { env: home.env });
    assert.match(stdout, /^pausing .*: 2 done, 1 running, 1 interrupted, 2 waiting +paused: descent unpause pausing\n/);
    assert.match(stdout, /interrupted +own .*attempt 1, step 2 of 2/);
    assert.match(stdout, /running +shared/, 'it goes on, as another lineage needs it');
  });

  test('goes on where it stood, evaluates again, and takes what others have finished meanwhile', async () => {
    home.openGate('shared');
    assert.equal((await lineageEnd(other)).state, 'done');
    for (const address of ['own', 'first/heldout']) home.openGate(address);
    const { stdout } = await descent(['unpause'], home.folder, { env: home.env });
    assert.equal(stdout, 'pausing goes on\n');
    assert.equal((await lineageEnd(paused)).state, 'done');
    const executions = ['shared', 'own', 'first', 'first/heldout', 'after'].map(home.executions);
    assert.deepEqual(executions, [1, 2, 1, 2, 1]);
    assert.equal((await findArtifact(home.home, own))?.provenance.executions, 2);
  });
});

describe('a node that is paused', () => {
  const plan = smallPlan('crowded', [
    { address: 'tokenizer:crowded', type: 'tokenizer' },
    { address: 'holds', needs: ['tokenizer:crowded'], device: 'lone' },
    { address: 'waits', needs: ['tokenizer:crowded'], device: 'lone', seed: 2 },
  ]);
  const holds = nodeAt(plan, 'holds').key;
  let handle: LineageHandle;

  test('frees its device for another', async () => {
    home.steer('holds', { steps: 5, gateAt: 3 });
    home.steer('waits', { gateAt: 2 });
    handle = await home.run(connected, smallPlanOf(plan, ['tokenizer:crowded', 'holds']));
    await home.atGate('holds');
    await untilRecorded(home.home, 'crowded');
    const { stdout, stderr } = await descent(['pause', 'holds'], home.folder, { env: home.env });
    assert.deepEqual([stdout, stderr], ['paused holds: checkpoints are saved\n  go on: descent unpause holds\n', '']);
    assert.deepEqual(inspectNode(home.home, holds), { state: 'partial', attempt: 1, step: 2 });
    const { stdout: status } = await descent(['status', 'crowded'], home.folder, { env: home.env });
    assert.match(status, /interrupted +holds .*paused: descent unpause goes on/);
    const waiting = await home.run(connected, {
      ...smallPlanOf(plan, ['tokenizer:crowded', 'waits']),
      lineage: 'late',
    });
    await home.atGate('waits');
    home.openGate('waits');
    assert.equal((await lineageEnd(waiting)).state, 'done');
  });

  test('goes on where it stood', async () => {
    home.openGate('holds');
    assert.equal((await descent(['unpause', 'holds'], home.folder, { env: home.env })).exitCode, 0);
    assert.equal((await lineageEnd(handle)).state, 'done');
    assert.equal((await findArtifact(home.home, holds))?.provenance.executions, 2);
  });
});

describe('a lineage that is to end at the first failure', () => {
  const plan = smallPlan('hasty', [
    { address: 'tokenizer:hasty', type: 'tokenizer' },
    { address: 'wrong', needs: ['tokenizer:hasty'] },
    { address: 'well', needs: ['tokenizer:hasty'], seed: 2 },
    { address: 'well/heldout', type: 'evaluate', needs: ['well'] },
  ]);

  test('saves what runs, and says what was not run', async () => {
    home.steer('wrong', { failAt: 2, kind: 'diverged' });
    home.steer('well', { steps: 5, gateAt: 3 });
    const handle = await home.run(connected, plan, { failFast: true });
    const well = nodeAt(plan, 'well').key;
    const end = await lineageEnd(handle);
    assert.deepEqual(end, {
      state: 'failed',
      message: '1 of 4 nodes failed, and 2 were not run any more, as the first failure ends it',
    });
    await until(() => inspectNode(home.home, well).state !== 'none', 'it was begun');
    assert.equal(home.executions('well/heldout'), 0);
  });

  test('goes on with everything when it is run again without', async () => {
    home.openGate('well');
    const end = await lineageEnd(await home.run(connected, plan));
    assert.deepEqual(end, { state: 'failed', message: '1 of 4 nodes failed, and 0 could not run because of them' });
    assert.equal(home.executions('well/heldout'), 1);
  });
});

describe('somebody who looks on', () => {
  const plan = smallPlan('seen', [
    { address: 'tokenizer:seen', type: 'tokenizer' },
    { address: 'told', needs: ['tokenizer:seen'] },
  ]);

  test('reads what the trainer says until it is done, and sees the status change', async () => {
    home.steer('told', { steps: 4, gateAt: 3 });
    const handle = await home.run(connected, plan);
    await home.atGate('told');
    await untilRecorded(home.home, 'seen');
    const following = spawn(process.execPath, [binary, 'logs', 'told', '-f'], { cwd: home.folder, env: home.env });
    const watching = spawn(process.execPath, [binary, 'status', 'seen', '-w'], { cwd: home.folder, env: home.env });
    const statuses: string[] = [];
    const watched = (async () => {
      for await (const line of createInterface(watching.stdout)) statuses.push(line);
    })();
    await until(() => statuses.length >= 3, 'the status is shown once');
    const lines: string[] = [];
    for await (const line of createInterface(following.stdout)) {
      lines.push(line.replace(/ +/g, ' '));
      if (lines.length === 5) home.openGate('told');
    }
    if (following.exitCode === null) await once(following, 'exit');
    assert.equal(following.exitCode, 0);
    assert.deepEqual(lines, [
      'started fixture 1 on cpu, 4 steps',
      ...[1, 2, 3, 4].flatMap((step) => [
        `step ${step} loss ${{ 1: '1', 2: '0.5', 3: '0.3333', 4: '0.25' }[step]}`,
        `checkpoint checkpoints/step-00000${step}`,
      ]),
      'done 4 steps, 40 tokens',
    ]);
    assert.equal((await lineageEnd(handle)).state, 'done');
    await watched;
    const heads = statuses.filter((line) => line.startsWith('seen'));
    assert.match(heads[0] ?? '', /^seen +2 nodes: 1 done, 1 running +running$/);
    assert.match(heads.at(-1) ?? '', /^seen +2 nodes: 2 done +last run/);
    const { stdout: last } = await descent(['logs', 'told', '-n', '1', '--json'], home.folder, { env: home.env });
    assert.deepEqual(JSON.parse(last), {
      event: 'done',
      step: 4,
      tokens: 40,
      model: 'model',
      facts: { parameters: 1 },
    });
  });

  test('is told what cannot be stopped, read or resumed', async () => {
    const said = async (...args: string[]) => {
      const { exitCode, stderr } = await descent(args, home.folder, { env: home.env });
      assert.equal(exitCode, 1);
      return stderr.split('\n')[0];
    };
    assert.equal(await said('cancel', 'seen'), 'error: seen does not run');
    assert.equal(await said('pause', 'told'), 'error: told is not being trained');
    assert.equal(await said('unpause'), 'error: no lineage runs in this home');
    assert.equal(await said('logs', 'told', '--attempt', '2'), 'error: told has no attempt 2');
  });
});

function smallPlanOf(plan: Plan, addresses: string[]): Plan {
  return { ...plan, nodes: plan.nodes.filter(({ address }) => addresses.includes(address)) };
}
