import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { type ConnectedClient, configuredServer, connectClient } from '../../cli/connect.ts';
import { cancelLineage, lineageEnd, lineageStatus, runLineage } from '../../cli/lineages.ts';
import { runWorker } from '../../cli/worker.ts';
import type { Plan, PlanNode } from '../../planner/plan.ts';
import { writePlan } from '../../store/plans.ts';
import { pausedQuery, pauseSignal, unpauseSignal } from '../../workflows/messages.ts';
import { nodeWorkflowId } from '../../workflows/names.ts';
import { testHome, until } from '../fixtures/home.ts';
import { type SmallNode, smallPlan } from '../fixtures/plans.ts';
import { testServer } from '../fixtures/server.ts';
import { historiesFolder, packageRoot, version } from './histories.ts';

/*
 * Records the histories that `replay.test.ts` replays, those of this version, from lineages that really run:
 * `npm run histories`. Those of a version that was released are never made again: they are what others have running.
 */

/** Few enough that a lineage of a dozen nodes continues as new. */
const longHistory = 60;

const changelog = readFileSync(join(packageRoot, 'CHANGELOG.md'), 'utf8');
if (new RegExp(`^## \\[?v?${version.replace('.', '\\.')}(\\.|\\b)`, 'm').test(changelog)) {
  throw new Error(`${version} is released and its histories stay: raise the version in package.json first`);
}
const server = await testServer([`limit.historyCount.suggestContinueAsNew=${longHistory}`]);
const home = await testHome({ address: server.address, stopSeconds: 2, devices: { cpu: { slots: 4, threads: 1 } } });
const stopping = new AbortController();
const connecting = configuredServer({ config: home.config, file: 'temporal.config.json' } as never, home.env);
if (connecting === null) throw new Error('the configuration of the home names its server');
let working: Promise<void> | undefined;
const connected = await connectClient(connecting);
try {
  await new Promise<void>((resolve, reject) => {
    working = runWorker({
      home: home.home,
      config: home.config,
      server: connecting,
      classes: ['cpu'],
      lineages: true,
      env: home.env,
      signal: stopping.signal,
      onReady: resolve,
    });
    working.catch(reject);
  });
  const runs = [sharing, failing, cancelling, pausing, pausingNode, endingFast, continuing];
  const plans = (await Promise.all(runs.map((run) => run()))).flat();
  await save(connected, plans);
} finally {
  stopping.abort();
  await working;
  await connected.close();
  await server.stop();
  await home.remove();
}

/** Two lineages need one training: the second joins it. */
async function sharing(): Promise<Plan[]> {
  const plans = ['sharing', 'joining'].map((lineage) =>
    planOf(
      lineage,
      [
        { address: 'shared', needs: ['tokenizer:shared'] },
        { address: 'shared/heldout', type: 'evaluate', needs: ['shared'] },
        { address: `${lineage}:own`, type: 'sft', needs: ['shared'] },
      ],
      'shared',
    ),
  );
  home.steer('shared', { gateAt: 2 });
  const handles = await Promise.all(plans.map((plan) => start(plan)));
  await home.atGate('shared');
  const node = connected.client.workflow.getHandle(nodeWorkflowId(nodeIn(plans[0] as Plan, 'shared')));
  await until(async () => {
    const { events } = await node.fetchHistory();
    return (events ?? []).filter((event) => event.workflowExecutionSignaledEventAttributes).length >= 2;
  }, 'both lineages hold the training');
  home.openGate('shared');
  await Promise.all(handles.map(lineageEnd));
  return plans;
}

/** A failure blocks what depends on it, and all others go on. */
async function failing(): Promise<Plan[]> {
  const plan = planOf('failing', [
    { address: 'diverges', needs: ['tokenizer:failing'] },
    { address: 'fine', needs: ['tokenizer:failing'], seed: 2 },
    { address: 'fine/heldout', type: 'evaluate', needs: ['fine'] },
    { address: 'after', type: 'cpt', needs: ['diverges'] },
    { address: 'after/heldout', type: 'evaluate', needs: ['after'] },
  ]);
  home.steer('diverges', { failAt: 2, kind: 'diverged' });
  await lineageEnd(await start(plan));
  return [plan];
}

/** Cancelled in the middle of a training. */
async function cancelling(): Promise<Plan[]> {
  const plan = planOf('cancelling', [{ address: 'cancelled', needs: ['tokenizer:cancelling'] }]);
  home.steer('cancelled', { gateAt: 2 });
  const handle = await start(plan);
  await home.atGate('cancelled');
  await cancelLineage(handle);
  return [plan];
}

/** Paused while a training and an evaluation run, and unpaused. */
async function pausing(): Promise<Plan[]> {
  const plan = planOf('pausing', [
    { address: 'trained', needs: ['tokenizer:pausing'] },
    { address: 'first', needs: ['tokenizer:pausing'], seed: 2 },
    { address: 'first/heldout', type: 'evaluate', needs: ['first'] },
  ]);
  for (const address of ['trained', 'first/heldout']) home.steer(address, { gateAt: 2 });
  const handle = await start(plan);
  await home.atGate('trained');
  await home.atGate('first/heldout');
  await handle.signal(pauseSignal);
  await until(async () => (await lineageStatus(handle, plan)).pace === 'paused', 'the lineage is paused');
  await handle.signal(unpauseSignal);
  for (const address of ['trained', 'first/heldout']) home.openGate(address);
  await lineageEnd(handle);
  return [plan];
}

/** A node is paused, and unpaused, while its lineage waits. */
async function pausingNode(): Promise<Plan[]> {
  const plan = planOf('waiting', [{ address: 'rests', needs: ['tokenizer:waiting'] }]);
  home.steer('rests', { gateAt: 2 });
  const handle = await start(plan);
  await home.atGate('rests');
  const node = connected.client.workflow.getHandle(nodeWorkflowId(nodeIn(plan, 'rests')));
  await node.signal(pauseSignal);
  await until(async () => {
    const { raw } = await node.describe();
    return (raw.pendingActivities ?? []).length === 0 && (await node.query(pausedQuery));
  }, 'the node is paused');
  await node.signal(unpauseSignal);
  home.openGate('rests');
  await lineageEnd(handle);
  return [plan];
}

/** Ends at the first failure, with a training under way. */
async function endingFast(): Promise<Plan[]> {
  const plan = planOf('hasty', [
    { address: 'wrong', needs: ['tokenizer:hasty'] },
    { address: 'well', needs: ['tokenizer:hasty'], seed: 2 },
  ]);
  home.steer('wrong', { gateAt: 2, failAt: 2, kind: 'diverged' });
  home.steer('well', { gateAt: 2 });
  const handle = await start(plan, true);
  await home.atGate('well');
  home.openGate('wrong');
  await lineageEnd(handle);
  return [plan];
}

/** So many nodes, one after the other, that the lineage continues as new. */
async function continuing(): Promise<Plan[]> {
  const plan = planOf(
    'continuing',
    Array.from({ length: 10 }, (_, at) => [
      {
        address: `stage${at}`,
        type: at === 0 ? 'pretrain' : 'cpt',
        needs: [at ? `stage${at - 1}` : 'tokenizer:continuing'],
      } as const,
      { address: `stage${at}/heldout`, type: 'evaluate', needs: [`stage${at}`] } as const,
    ])
      .flat()
      .map((node) => ({ ...node, needs: [...node.needs] })),
  );
  await lineageEnd(await start(plan));
  return [plan];
}

function planOf(lineage: string, nodes: SmallNode[], tokenizer = lineage): Plan {
  return smallPlan(lineage, [{ address: `tokenizer:${tokenizer}`, type: 'tokenizer' }, ...nodes]);
}

async function start(plan: Plan, failFast = false) {
  const settings = { ...home.settings, searchAttributes: false };
  return await runLineage(connected.client, plan, await writePlan(home.home, plan), settings, { failFast });
}

function nodeIn(plan: Plan, address: string): PlanNode {
  const node = plan.nodes.find((one) => one.address === address);
  if (node === undefined) throw new Error(`${address} is no node of ${plan.lineage}`);
  return node;
}

/** Saves every run of every workflow: `lineage-failing-1`, `node-diverges-1`, in the order in which they began. */
async function save({ client }: ConnectedClient, plans: Plan[]): Promise<void> {
  const addresses = new Map(plans.flatMap(({ nodes }) => nodes.map((node) => [nodeWorkflowId(node), node.address])));
  const executions: { workflowId: string; runId: string; startTime: Date }[] = [];
  await until(async () => {
    executions.length = 0;
    let open = 0;
    for await (const { workflowId, runId, startTime, status } of client.workflow.list()) {
      if (status.name === 'RUNNING') open += 1;
      executions.push({ workflowId, runId, startTime });
    }
    return open === 0 && executions.length > addresses.size / 3;
  }, 'every workflow has ended');
  const folder = join(historiesFolder, version);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const runs = new Map<string, number>();
  let bytes = 0;
  for (const { workflowId, runId } of executions.sort((a, b) => Number(a.startTime) - Number(b.startTime))) {
    const address = addresses.get(workflowId);
    const name = address === undefined ? workflowId.replace(/-\w+$/, '') : `node-${address.replace(/\W/g, '_')}`;
    const run = (runs.get(name) ?? 0) + 1;
    runs.set(name, run);
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    const text = withoutThisMachine(historyToJSON(history), `${name}-${run}`);
    const packed = gzipSync(text, { level: 9 });
    bytes += packed.length;
    writeFileSync(join(folder, `${name}-${run}.json.gz`), packed);
  }
  process.stdout.write(`${executions.length} histories, ${Math.ceil(bytes / 1024)} KB, in ${folder}\n`);
}

/** Leaves out who ran it and where its code lay, which replaying does not look at; throws where a trace is left. */
function withoutThisMachine(json: string, name: string): string {
  const traces = [home.folder, packageRoot, homedir(), `@${hostname()}`];
  const text = JSON.stringify(JSON.parse(json), (key, value) => {
    if (key === 'identity') return 'descent';
    if (key === 'data' && typeof value === 'string') {
      const data = Buffer.from(value, 'base64').toString('utf8').replaceAll(`@${hostname()}`, '@host');
      const trace = traces.find((part) => data.includes(part));
      if (trace !== undefined)
        throw new Error(`a payload in the history ${name} names this machine's ${trace}: ${data}`);
      return Buffer.from(data).toString('base64');
    }
    return key === 'stackTrace' ? undefined : value;
  }).replaceAll(`@${hostname()}`, '@host');
  const trace = traces.find((part) => text.includes(part));
  if (trace !== undefined) throw new Error(`the history ${name} names this machine's ${trace}`);
  return text;
}
