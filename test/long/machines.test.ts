import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { WorkflowNotFoundError } from '@temporalio/client';
import { type ConnectedClient, configuredServer, connectClient } from '../../cli/connect.ts';
import { type LineageHandle, lineageEnd } from '../../cli/lineages.ts';
import type { Plan } from '../../planner/plan.ts';
import { runQuery } from '../../results/query.ts';
import { inspectNode } from '../../store/artifact.ts';
import { attemptFolder } from '../../store/home.ts';
import { readClaims } from '../../store/lease.ts';
import { nodeWorkflowId, resultsQueue } from '../../workflows/names.ts';
import { descent } from '../cli/support.ts';
import { type TestHome, testHome, until } from '../fixtures/home.ts';
import { type Machine, machineNamed, writerOf } from '../fixtures/machine.ts';
import { smallPlan } from '../fixtures/plans.ts';
import { type TestServer, testServer } from '../fixtures/server.ts';
import { pairLineage } from '../lineage/support.ts';
import { startScript } from '../store/support.ts';

/*
 * Several machines that share a home and a Temporal server: `descent worker` on each, with folders of its own.
 */

let server: TestServer;

before(async () => {
  server = await testServer();
});

after(async () => {
  await server.stop();
});

describe('two machines, a device class each,', () => {
  test('run one lineage: each does its part, and one of them writes the results', async (t) => {
    /*
     *                       gpu                    cpu
     *   tokenizer:bytes ─▶ base@lr=1e-3 ─▶ tuned@lr=1e-3 ─▶ heldout
     *        (cpu)     └─▶ base@lr=3e-3 ─▶ tuned@lr=3e-3 ─▶ heldout
     */
    const { home, connected } = await prepare(t);
    const small = await machine(home, 'small', 'cpu').serve('cpu');
    await until(() => writerOf(home) === 'small', 'the first machine writes');
    const large = await machine(home, 'large', 'gpu').serve('gpu');
    const desk = machine(home, 'desk', 'cpu');
    writeFileSync(join(desk.folder, 'lineage.yaml'), lineage);

    const run = await descent(['run', 'lineage.yaml', '--device', 'cpu'], desk.folder, { env: desk.env });
    assert.equal(run.exitCode, 0, run.stderr);

    const { rows } = await runQuery(
      home.home,
      'SELECT DISTINCT address, key, attempt FROM attempts ORDER BY address',
      {},
    );
    const executors = rows.map(([address, key, attempt]) => {
      const folder = attemptFolder(home.home, String(key), Number(attempt));
      const hosts = readClaims(folder).flatMap((claim) => (claim.kind === 'lease' ? [claim.lease.host] : []));
      return `${address} ${hosts}`;
    });
    assert.deepEqual(executors, [
      'base@lr=1e-3 large',
      'base@lr=3e-3 large',
      'tokenizer:bytes small',
      'tuned@lr=1e-3 small',
      'tuned@lr=1e-3/heldout small',
      'tuned@lr=3e-3 small',
      'tuned@lr=3e-3/heldout small',
    ]);
    // Rebuilds the results of the store and compares every row, so that one that is missing or there twice shows.
    const verified = await descent(['verify'], desk.folder, { env: desk.env });
    assert.equal(verified.exitCode, 0, verified.stdout);
    const writers = await writersOf(connected);
    assert.ok(writers.length > 1, 'results were written several times');
    assert.deepEqual([...new Set(writers)], [`descent-${small.process.pid}@small`]);
    assert.equal(writerOf(home), 'small');

    assert.equal(await small.end('SIGTERM'), 0);
    await until(() => writerOf(home) === 'large', 'the other takes over when the writer has ended');
    assert.equal(await large.end('SIGTERM'), 0);
    assert.equal(writerOf(home), undefined);
  });
});

describe('the machine that writes the results', () => {
  test('killed while it writes: another takes over, and every row is there once', async (t) => {
    const { home, connected } = await prepare(t);
    const first = await machine(home, 'first', 'cpu').serve('cpu');
    await until(() => writerOf(home) === 'first', 'the first machine writes');
    await machine(home, 'second', 'gpu').serve('gpu');
    const { plan, handle } = await begin(home, connected, 'killed');
    await home.atGate('killed');
    await until(() => inResults(home, 'tokenizer:killed'), 'there are results');
    await writingUnderWay(t, home, connected, handle, async () => {
      await first.end('SIGKILL');
      await until(() => writerOf(home) === 'second', 'the other machine writes');
    });
    await machine(home, 'third', 'cpu').serve('cpu');
    assert.equal((await lineageEnd(handle)).state, 'done');
    await assertEachOnce(home, [plan], { killed: 5 });
  });

  test('stands still while it writes and wakes: what it was at is refused, and it stands by', async (t) => {
    const { home, connected } = await prepare(t);
    const first = await machine(home, 'still', 'cpu').serve('cpu');
    await until(() => writerOf(home) === 'still', 'the first machine writes');
    const second = await machine(home, 'awake', 'gpu').serve('gpu');
    const { plan, handle } = await begin(home, connected, 'still');
    await home.atGate('still');
    await until(() => inResults(home, 'tokenizer:still'), 'there are results');
    await writingUnderWay(t, home, connected, handle, async () => {
      first.process.kill('SIGSTOP');
      await until(() => writerOf(home) === 'awake', 'the other machine writes');
    });
    const third = await machine(home, 'third', 'cpu').serve('cpu');
    assert.equal((await lineageEnd(handle)).state, 'done');
    first.process.kill('SIGCONT');
    const log = join(home.home, 'logs', 'worker.log');
    await until(
      () => readFileSync(log, 'utf8').includes('another worker has taken over writing results'),
      'the writer that woke is refused',
    );
    assert.equal(writerOf(home), 'awake');
    await assertEachOnce(home, [plan], { still: 5 });
    await third.end('SIGTERM');
    await second.end('SIGTERM');
    await until(() => writerOf(home) === 'still', 'the one that lost it takes it over again');
  });
});

describe('a worker that is told to end', () => {
  test('by SIGTERM takes nothing new, saves what it is at, and ends with 0; another goes on from there', async (t) => {
    const { home, connected } = await prepare(t);
    const host = machine(home, 'leaving', 'cpu');
    const leaving = await host.serve('cpu');
    home.steer('begun', { steps: 5, gateAt: 3 });
    const tokenizer = { address: 'tokenizer:drained', type: 'tokenizer' } as const;
    const plan = smallPlan('drained', [tokenizer, { address: 'begun', needs: [tokenizer.address] }]);
    const handle = await home.run(connected, plan);
    await home.atGate('begun');
    const later = smallPlan('later', [tokenizer, { address: 'queued', needs: [tokenizer.address] }]);
    const waiting = await home.run(connected, later);
    await until(() => isQueued(connected, later.nodes[1]?.key ?? ''), 'more is waiting for its one slot');
    assert.equal(await leaving.end('SIGTERM'), 0);
    assert.equal(leaving.said.stderr, 'taking no new work, saving checkpoints; Ctrl-C again stops at once\n');
    assert.equal(writerOf(home), undefined, 'it has handed back the right to write');
    const key = plan.nodes[1]?.key ?? '';
    assert.deepEqual(inspectNode(home.home, key), { state: 'partial', attempt: 1, step: 2 });
    assert.equal(home.executions('queued'), 0, 'its slot was free in the end, and it took nothing');

    await machine(home, 'coming', 'cpu').serve('cpu');
    home.openGate('begun');
    assert.equal((await lineageEnd(handle)).state, 'done');
    assert.equal((await lineageEnd(waiting)).state, 'done');
    assert.equal(home.executions('begun'), 2);
    assert.match(readFileSync(join(attemptFolder(home.home, key, 1), 'events.jsonl'), 'utf8'), /"resumedFrom":2,/);
    await assertEachOnce(home, [plan, later], { begun: 5 });
  });

  test('by Ctrl-C was interrupted, and a second signal ends it at once', async (t) => {
    const { home, connected } = await prepare(t);
    const host = machine(home, 'pressed', 'cpu');
    assert.equal(await (await host.serve('cpu')).end('SIGINT'), 130);

    const insisted = await host.serve('cpu');
    home.steer('stubborn', { steps: 5, gateAt: 2, ignoreSigterm: true });
    await home.run(
      connected,
      smallPlan('insisted', [
        { address: 'tokenizer:insisted', type: 'tokenizer' },
        { address: 'stubborn', needs: ['tokenizer:insisted'] },
      ]),
    );
    await home.atGate('stubborn');
    insisted.process.kill('SIGTERM');
    await until(() => insisted.said.stderr.startsWith('taking no new work'), 'it has heard the first');
    assert.equal(await insisted.end('SIGTERM'), 130);
  });

  test('while its log cannot be written serves all the same, and ends with 0', async (t) => {
    const { home } = await prepare(t);
    mkdirSync(join(home.home, 'logs'), { recursive: true });
    // Whatever is written there fails as on a full disk.
    symlinkSync('/dev/full', join(home.home, 'logs', 'worker.log'));
    const full = await machine(home, 'full', 'cpu').serve('cpu');
    assert.equal(await full.end('SIGTERM'), 0);
  });

  test('while there is no server yet ends, and has failed at nothing', async (t) => {
    const { home } = await prepare(t);
    const nobody = { address: '127.0.0.1:1' };
    const early = machineNamed('early', home, nobody, home.config.devices).start('cpu');
    await until(() => early.said.stderr.startsWith('waiting for Temporal at 127.0.0.1:1\n'), 'it waits');
    assert.equal(await early.end('SIGTERM'), 0);
  });
});

/** Two trainings, at first of the device class that the other is not of, and what evaluates them. */
const lineage = `${pairLineage}placement:
  default: {device: cpu}
  base: {device: gpu}
`;

/** A home, and a client of the server. What is left of its processes is killed after the test. */
async function prepare(t: TestContext): Promise<{ home: TestHome; connected: ConnectedClient }> {
  const home = await testHome({ heartbeatSeconds: 2, stopSeconds: 5 });
  // This server has none of Descent's search attributes.
  home.settings.searchAttributes = false;
  home.settings.device = 'cpu';
  const configured = configuredServer({ config: home.config, file: null }, { TEMPORAL_ADDRESS: server.address });
  assert.ok(configured);
  const connected = await connectClient(configured);
  t.after(async () => {
    await connected.close();
    await home.remove();
  });
  return { home, connected };
}

function machine(home: TestHome, name: string, device: string): Machine {
  return machineNamed(name, home, server, { [device]: { slots: 1, threads: 1 } });
}

/** Runs a lineage whose one training waits at step 3 on the machine with the GPU; it is evaluated elsewhere. */
async function begin(home: TestHome, connected: ConnectedClient, name: string) {
  const plan = smallPlan(name, [
    { address: `tokenizer:${name}`, type: 'tokenizer' },
    { address: name, needs: [`tokenizer:${name}`], device: 'gpu' },
    { address: `${name}/heldout`, type: 'evaluate', needs: [name] },
  ]);
  home.steer(name, { steps: 5, gateAt: 3 });
  return { plan, handle: await home.run(connected, plan) };
}

/** Lets the training end while somebody reads the results, so that the writer has to wait in the middle of its work. */
async function writingUnderWay(
  t: TestContext,
  home: TestHome,
  connected: ConnectedClient,
  handle: LineageHandle,
  disturb: () => Promise<void>,
): Promise<void> {
  const reader = startScript(t, new URL('../results/scripts/hold.js', import.meta.url), [home.home, 'read']);
  await reader.nextLine();
  home.openGate(handle.workflowId.split('-')[1] ?? '');
  await until(async () => {
    const { raw } = await connected.client.workflow.getHandle(handle.workflowId).describe();
    return (raw.pendingActivities ?? []).some(
      ({ activityType, state }) => activityType?.name === 'ingestNodes' && state === begun,
    );
  }, 'results are being written');
  await disturb();
  reader.say('close');
  await reader.closed;
}

/** Whether the execution of a training waits for a worker. */
async function isQueued({ client }: ConnectedClient, key: string): Promise<boolean> {
  try {
    const { raw } = await client.workflow.getHandle(nodeWorkflowId({ key })).describe();
    return (raw.pendingActivities ?? []).some(({ state }) => state === scheduled);
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

/** Of temporal.api.enums.v1.PendingActivityState. */
const scheduled = 1;
const begun = 2;

/** Who did each activity on the queue of results, by the name that it has on the server, over all lineages of the home. */
async function writersOf({ client }: ConnectedClient): Promise<string[]> {
  const writers: string[] = [];
  for await (const { workflowId, runId } of client.workflow.list({ query: "WorkflowType = 'lineageWorkflow'" })) {
    const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    const queues = new Map(
      events?.map((event) => [
        String(event.eventId),
        event.activityTaskScheduledEventAttributes?.taskQueue?.name ?? undefined,
      ]),
    );
    for (const { activityTaskStartedEventAttributes: started } of events ?? []) {
      if (queues.get(String(started?.scheduledEventId)) === resultsQueue('descent')) {
        writers.push(started?.identity ?? '');
      }
    }
  }
  return writers;
}

async function inResults(home: TestHome, address: string): Promise<boolean> {
  try {
    const { rows } = await runQuery(home.home, `SELECT 1 FROM attempts WHERE address = '${address}'`, {});
    return rows.length > 0;
  } catch (error) {
    if ((error as Error).name === 'ResultsError') return false;
    throw error;
  }
}

/** Asserts that the results have each node of some plans, each step (3, where nothing else is said), and each figure, once. */
async function assertEachOnce(home: TestHome, plans: Plan[], steps: Record<string, number>): Promise<void> {
  const nodes = [...new Map(plans.flatMap((plan) => plan.nodes).map((node) => [node.key, node])).values()];
  const ask = async (sql: string) => (await runQuery(home.home, sql, {})).rows.map((row) => row.join(' ')).sort();
  assert.deepEqual(
    await ask('SELECT address, attempt, state FROM attempts'),
    nodes.map(({ address }) => `${address} 1 done`).sort(),
  );
  assert.deepEqual(
    await ask("SELECT address, metrics.step FROM metrics JOIN attempts USING (key, attempt) WHERE metric = 'loss'"),
    nodes
      .flatMap(({ address }) => Array.from({ length: steps[address] ?? 3 }, (_, at) => `${address} ${at + 1}`))
      .sort(),
  );
  assert.deepEqual(
    await ask('SELECT address FROM evaluations JOIN attempts USING (key, attempt)'),
    nodes.flatMap(({ type, address }) => (type === 'evaluate' ? [address] : [])).sort(),
  );
}
