import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { isRunning, recordProcess } from '../../activities/processes.ts';
import { type ConnectedClient, connectClient } from '../../cli/connect.ts';
import { type Host, startOrJoinHost } from '../../cli/host.ts';
import {
  cancelLineage,
  joiningNotices,
  type LineageHandle,
  lineageEnd,
  lineageStatus,
  type NodeStatus,
  progressOf,
} from '../../cli/lineages.ts';
import { keyOf, planDigest } from '../../planner/key.ts';
import type { Plan, PlanNode } from '../../planner/plan.ts';
import { runQuery } from '../../results/query.ts';
import { findArtifact, inspectNode } from '../../store/artifact.ts';
import { digestOf } from '../../store/digest.ts';
import { deviceQueue, lineageWorkflowId, nodeWorkflowId } from '../../workflows/names.ts';
import { type TestHome, testHome, until } from '../fixtures/home.ts';
import { smallPlan } from '../fixtures/plans.ts';

let home: TestHome;
let host: Host;
let connected: ConnectedClient;

before(async () => {
  home = await testHome({ stopSeconds: 2, devices: { cpu: { slots: 4, threads: 1 }, lone: { slots: 1, threads: 1 } } });
  host = await startOrJoinHost(home.home, { cwd: home.folder, env: home.env, lineages: 'all' });
  connected = await connectClient(host.server);
});

after(async () => {
  await connected?.close();
  await host?.release();
  await home.nothingLeft();
  await home.remove();
});

test('a node whose accepted artifact is gone is not trained under its key', async () => {
  const plan = smallPlan('accepting', [
    { address: 'tokenizer:accepting', type: 'tokenizer' },
    { address: 'accepting', needs: ['tokenizer:accepting'] },
    { address: 'accepting/heldout', type: 'evaluate', needs: ['accepting'] },
  ]);
  const nodes = plan.nodes.map((node) => {
    if (node.address !== 'accepting') return node;
    const preimage = { ...node.preimage, recipe: node.recipe, seed: 7 } as PlanNode['preimage'];
    return { ...node, accepted: { reason: 'only a comment changed', instead: { key: keyOf(preimage), preimage } } };
  });
  const handle = await home.run(connected, { ...plan, nodes });
  assert.equal((await lineageEnd(handle)).state, 'failed');
  const { nodes: stood } = await lineageStatus(handle, plan);
  const [, accepting, evaluation] = stood;
  assert.deepEqual([accepting?.state, accepting?.failure?.kind], ['failed', 'accepted-gone']);
  assert.match(
    accepting?.reason ?? '',
    /^accepting stands on the accepted artifact \w{12}, which is gone from the store/,
  );
  assert.equal(evaluation?.state, 'blocked');
  assert.equal(home.executions('accepting'), 0);
  assert.equal(inspectNode(home.home, plan.nodes[1]?.key ?? '').state, 'none');
});

describe('a lineage with nodes that fail', () => {
  /*
   *              ┌▶ diverges ─▶ after ─▶ after/heldout
   *              ├▶ badly-fed
   * tokenizer ─▶ ├▶ buggy, babbling, slow     (fail, each in its way)
   *              ├▶ flaky                     (is killed twice, and ends well)
   *              └▶ fine ─▶ fine/heldout
   */
  const failing = ['diverges', 'badly-fed', 'buggy', 'babbling', 'slow'];
  const plan = smallPlan('failing', [
    { address: 'tokenizer:failing', type: 'tokenizer' },
    ...[...failing, 'flaky', 'fine'].map((address) => ({
      address,
      needs: ['tokenizer:failing'],
      ...(address === 'slow' ? { timeoutSeconds: 5 } : {}),
    })),
    { address: 'after', type: 'cpt', needs: ['diverges'] },
    { address: 'after/heldout', type: 'evaluate', needs: ['after'] },
    { address: 'fine/heldout', type: 'evaluate', needs: ['fine'] },
  ]);
  let handle: LineageHandle;
  let nodes: Map<string, NodeStatus>;

  test('dependants of what failed are blocked, siblings go on, and each says why', async () => {
    home.steer('diverges', { failAt: 2, kind: 'diverged' });
    home.steer('badly-fed', { failAt: 1, kind: 'bad-data' });
    home.steer('buggy', { failAt: 2, kind: 'internal' });
    home.steer('babbling', { noise: 'Loading TensorFlow …' });
    home.steer('slow', { gateAt: 2 });
    home.steer('flaky', { dieAt: 2, deaths: 2 });
    handle = await home.run(connected, plan);
    assert.deepEqual(await lineageEnd(handle), {
      state: 'failed',
      message: '5 of 11 nodes failed, and 2 could not run because of them',
    });
    const status = await lineageStatus(handle, plan);
    nodes = new Map(status.nodes.map((node) => [node.address, node]));
    assert.deepEqual(status.counts, { waiting: 0, running: 0, done: 4, reused: 0, failed: 5, blocked: 2 });
    assert.equal(nodes.get('after/heldout')?.reason, 'diverges failed');
    assert.equal(nodes.get('fine/heldout')?.state, 'done');
  });

  test('tries again what may end otherwise, and nothing else', () => {
    const tries = Object.fromEntries(
      [...failing, 'flaky', 'fine'].map((address) => [address, home.executions(address)]),
    );
    assert.deepEqual(tries, {
      diverges: 1,
      'badly-fed': 1,
      babbling: 1,
      slow: 1,
      // The first try got to a checkpoint; two from there did not get any further.
      buggy: 3,
      flaky: 3,
      fine: 1,
    });
  });

  test('gives failures their kinds, their reasons and the trainer’s last words', () => {
    const failureOf = (address: string) => nodes.get(address)?.failure;
    assert.deepEqual(failureOf('diverges'), {
      kind: 'diverged',
      message: 'diverges: it was told to fail at step 2',
      lastLines: ['about to fail: diverged'],
    });
    assert.equal(failureOf('badly-fed')?.kind, 'bad-data');
    assert.equal(
      failureOf('buggy')?.message,
      'buggy: it was told to fail at step 2 (2 tries ended like this without reaching a new checkpoint)',
    );
    assert.match(
      failureOf('babbling')?.message ?? '',
      /line 2 of the trainer's standard output is not an event.*Loading/,
    );
    assert.equal(failureOf('slow')?.kind, 'timed-out');
    assert.match(failureOf('slow')?.message ?? '', /longer than its timeout of 5 s; its newest checkpoint is kept/);
  });

  test('goes on when it is run again, with what failed and what that blocked', async () => {
    for (const address of failing) home.steer(address, {});
    const again = await home.run(connected, plan);
    assert.deepEqual(await lineageEnd(again), {
      state: 'done',
      counts: { waiting: 0, running: 0, done: 7, reused: 4, failed: 0, blocked: 0 },
    });
    assert.equal(home.executions('fine'), 1);
  });

  test('starts nothing when all of it is there', async () => {
    assert.deepEqual(await lineageEnd(await home.run(connected, plan)), {
      state: 'done',
      counts: { waiting: 0, running: 0, done: 0, reused: 11, failed: 0, blocked: 0 },
    });
  });
});

describe('a lineage on files', () => {
  test('prepares them first, and hands the folder on', async () => {
    const path = join(home.folder, 'corpus.jsonl');
    const content = Array.from({ length: 20 }, (_, at) => JSON.stringify({ text: `document ${at}` })).join('\n');
    writeFileSync(path, content);
    const plan = smallPlan('files', [
      { address: 'data:corpus', type: 'data', files: [{ path, digest: digestOf(Buffer.from(content)) }] },
      { address: 'tokenizer:files', type: 'tokenizer', needs: ['data:corpus'] },
    ]);
    assert.equal((await lineageEnd(await home.run(connected, plan))).state, 'done');
    const [data, tokenizer] = await Promise.all(plan.nodes.map(({ key }) => findArtifact(home.home, key)));
    const job = JSON.parse(readFileSync(join(tokenizer?.folder ?? '', 'job.json'), 'utf8'));
    assert.deepEqual(job.inputs.data, { 'data:0': join(data?.folder ?? '', 'model') });
    const { rows } = await runQuery(
      home.home,
      "SELECT state, engine[:6], executions FROM attempts WHERE address = 'data:corpus'",
      {},
    );
    assert.deepEqual(rows, [['done', 'DuckDB', 1]]);
  });
});

describe('a lineage that another version of Descent began', () => {
  test('is begun anew', async () => {
    const plan = smallPlan('upgraded', [{ address: 'tokenizer:upgraded', type: 'tokenizer' }]);
    const old = await connected.client.workflow.start('lineageWorkflow', {
      workflowId: lineageWorkflowId('upgraded', planDigest(plan)),
      taskQueue: 'nobody-serves-this',
      memo: { code: 'of another version' },
    });
    assert.equal((await lineageEnd(await home.run(connected, plan))).state, 'done');
    const { runId } = await old.describe();
    assert.notEqual(runId, old.firstExecutionRunId);
  });
});

test('who joins a lineage for another device is told that it goes on where it is', async () => {
  const plan = smallPlan('placed', [
    { address: 'tokenizer:placed', type: 'tokenizer' },
    { address: 'placed', needs: ['tokenizer:placed'] },
  ]);
  const notices = (device: string) =>
    joiningNotices(connected.client, plan, planDigest(plan), { ...home.settings, device });
  home.steer('placed', { gateAt: 2 });
  const handle = await home.run(connected, plan);
  await home.atGate('placed');
  assert.deepEqual(await notices(home.settings.device), []);
  assert.deepEqual(await notices('lone'), [
    'the lineage runs already, on the device cpu, and goes on there: for lone, `descent cancel placed` it and run it again',
  ]);
  home.openGate('placed');
  await lineageEnd(handle);
  assert.deepEqual(await notices('lone'), []);
});

describe('two lineages started together share one training', () => {
  const shared = (lineage: string, name: string): Plan =>
    smallPlan(lineage, [
      { address: `tokenizer:${name}`, type: 'tokenizer' },
      { address: name, needs: [`tokenizer:${name}`] },
      { address: `${name}/heldout`, type: 'evaluate', needs: [name] },
      { address: `${lineage}:own`, type: 'sft', needs: [name] },
    ]);

  test('cancel one, and the other goes on', async () => {
    home.steer('both', { gateAt: 2 });
    const [one, two] = await Promise.all([
      home.run(connected, shared('one', 'both')),
      home.run(connected, shared('two', 'both')),
    ]);
    const pid = await home.atGate('both');
    const record = recordProcess(pid);
    assert.ok(record);
    await heldByAll('both', shared('one', 'both'), 2);
    await cancelLineage(one);
    assert.ok(isRunning(record), 'the other lineage still needs it');
    home.openGate('both');
    assert.equal((await lineageEnd(two)).state, 'done');
    assert.equal(home.executions('both'), 1);
    assert.equal(home.executions('both/heldout'), 1);
    assert.equal(home.executions('one:own'), 0);
    assert.deepEqual(await lineageEnd(one), { state: 'cancelled' });
  });

  test('cancel both, and it stops at a checkpoint, which stays', async () => {
    const plans = [shared('three', 'neither'), shared('four', 'neither')];
    home.steer('neither', { gateAt: 2 });
    const handles = await Promise.all(plans.map((plan) => home.run(connected, plan)));
    const record = recordProcess(await home.atGate('neither'));
    assert.ok(record);
    await heldByAll('neither', plans[0] as Plan, 2);
    await Promise.all(handles.map((handle) => cancelLineage(handle)));
    await until(() => !isRunning(record), 'its trainer has ended');
    assert.deepEqual(inspectNode(home.home, plans[0]?.nodes[1]?.key ?? ''), { state: 'partial', attempt: 1, step: 1 });
  });

  test('and one evaluation, though evaluations are their own', async () => {
    const plans = [shared('five', 'twice'), shared('six', 'twice')];
    home.steer('twice/heldout', { gateAt: 2 });
    const handles = await Promise.all(plans.map((plan) => home.run(connected, plan)));
    await home.atGate('twice/heldout');
    await until(async () => {
      const progress = await Promise.all(
        handles.map(async (handle, at) => {
          const { nodes } = await lineageStatus(handle, plans[at] as Plan);
          return progressOf(
            handle,
            nodes.filter(({ address, state }) => address === 'twice/heldout' && state === 'running'),
          );
        }),
      );
      return progress.flatMap((found) => [...found.values()]).some(({ phase }) => phase === 'waiting');
    }, 'one of the two evaluations waits for the other');
    home.openGate('twice/heldout');
    for (const handle of handles) assert.equal((await lineageEnd(handle)).state, 'done');
    assert.equal(home.executions('twice/heldout'), 1);
  });
});

describe('nodes that wait for a device', () => {
  test('are trained first and evaluated last', async () => {
    const plan = smallPlan('crowded', [
      { address: 'tokenizer:crowded', type: 'tokenizer' },
      { address: 'occupies', needs: ['tokenizer:crowded'], device: 'lone', seed: 2 },
      { address: 'parent', needs: ['tokenizer:crowded'] },
      { address: 'parent/early', type: 'evaluate', needs: ['parent'], device: 'lone' },
      { address: 'parent/late', type: 'evaluate', needs: ['parent'], device: 'lone', seed: 2 },
      { address: 'child', type: 'cpt', needs: ['parent'], device: 'lone' },
    ]);
    for (const address of ['occupies', 'parent', 'child']) home.steer(address, { gateAt: 2 });
    const handle = await home.run(connected, plan);
    await home.atGate('occupies');
    await home.atGate('parent');
    home.openGate('parent');
    await until(async () => (await waitingFor('lone')) === 3, 'both evaluations and the child wait for the device');
    home.openGate('occupies');
    await home.atGate('child');
    assert.deepEqual([home.executions('parent/early'), home.executions('parent/late')], [0, 0]);
    home.openGate('child');
    assert.equal((await lineageEnd(handle)).state, 'done');
  });
});

describe('a running node', () => {
  const plan = smallPlan('watched', [
    { address: 'tokenizer:watched', type: 'tokenizer' },
    { address: 'watched', needs: ['tokenizer:watched'] },
  ]);

  test('tells how far it is', async () => {
    home.steer('watched', { steps: 9, gateAt: 5, ignoreSigterm: true });
    const handle = await home.run(connected, plan);
    await home.atGate('watched');
    await until(async () => {
      const { nodes } = await lineageStatus(handle, plan);
      const progress = await progressOf(
        handle,
        nodes.filter(({ state }) => state === 'running'),
      );
      const { step, steps, phase, attempt, values } = progress.get(plan.nodes[1]?.key as never) ?? {};
      return step === 4 && steps === 9 && phase === 'running' && attempt === 1 && values?.loss === 0.25;
    }, 'its heartbeat says step 4 of 9');
    const description = await connected.client.workflow
      .getHandle(nodeWorkflowId({ key: plan.nodes[1]?.key ?? '' }))
      .describe();
    assert.equal(await description.staticSummary(), 'watched');
    assert.match((await description.staticDetails()) ?? '', /\| lr \| 0.001 \|/);
    const attributes = description.typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value]);
    assert.deepEqual(Object.fromEntries(attributes.filter(([name]) => name !== 'BuildIds')), {
      LineageId: handle.workflowId,
      NodeKey: plan.nodes[1]?.key,
      Seed: 1,
      Stage: 'watched',
      Verdict: 'run',
    });
  });

  test('is killed when it does not save in time', async () => {
    const handle = await home.run(connected, plan);
    await cancelLineage(handle);
    assert.equal((await lineageEnd(handle)).state, 'cancelled');
    // The node's workflow winds down after the lineage has let go.
    await until(async () => {
      const { status } = await connected.client.workflow
        .getHandle(nodeWorkflowId({ key: plan.nodes[1]?.key ?? '' }))
        .describe();
      return status.name === 'COMPLETED';
    }, 'the node has ended');
    assert.deepEqual(inspectNode(home.home, plan.nodes[1]?.key ?? ''), { state: 'partial', attempt: 1, step: 4 });
  });
});

/** Waits until so many lineages hold the training. */
async function heldByAll(address: string, plan: Plan, count: number): Promise<void> {
  const key = plan.nodes.find((node) => node.address === address)?.key ?? '';
  await until(async () => {
    const { events } = await connected.client.workflow.getHandle(nodeWorkflowId({ key })).fetchHistory();
    return (
      (events ?? []).filter((event) => event.workflowExecutionSignaledEventAttributes?.signalName === 'hold').length ===
      count
    );
  }, `${count} lineages hold ${address}`);
}

/** How many activities wait for a device class. */
async function waitingFor(device: string): Promise<number> {
  const { stats } = await connected.client.workflowService.describeTaskQueue({
    namespace: connected.client.options.namespace,
    taskQueue: { name: deviceQueue(home.settings.queue, device) },
    taskQueueType: 2, // activities
    reportStats: true,
  });
  return Number(stats?.approximateBacklogCount ?? 0);
}
