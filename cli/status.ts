import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { createLogUpdate } from 'log-update';
import { isRunningWorkflow } from '../activities/holds.ts';
import type { Plan } from '../planner/plan.ts';
import { findHome } from '../store/home.ts';
import { readPlan } from '../store/plans.ts';
import { type Context, type ExitCode, exitCodes } from './context.ts';
import { unknownLineage } from './find-node.ts';
import { watchInterrupts } from './interrupt.ts';
import { lineageHandle, lineageStatus, progressOf } from './lineages.ts';
import { askTemporal, knownLineages } from './open-lineages.ts';
import { type LineageReport, type NodeLine, renderStatus } from './render/status.ts';
import { lookAtRest } from './rest.ts';

/** Running nodes whose progress is asked for. */
const mostAsked = 50;

/** Between two looks of `--watch`. */
const lookEveryMs = 1000;

/**
 * `descent status [LINEAGE]`: how every lineage of this home stands; one that is named, node by node. With `--watch` it is
 * shown again every second, until nothing runs any more or Ctrl-C; through a pipe, whenever it has changed.
 */
export async function status(
  name: string | undefined,
  options: { json?: true; watch?: true },
  context: Context,
): Promise<ExitCode> {
  const { terminal } = context;
  const home = findHome(context.cwd, context.env);
  const look = async () => {
    const reports = await reportsOf(home, name, context);
    const text = options.json
      ? JSON.stringify(reports, null, options.watch ? 0 : 2)
      : renderStatus(reports, name !== undefined, terminal.colours);
    return { text, running: reports.some(({ running }) => running) };
  };
  if (!options.watch) {
    terminal.out((await look()).text);
    return exitCodes.fine;
  }
  const redraw = terminal.interactive && !options.json ? createLogUpdate(process.stdout) : undefined;
  const interrupts = watchInterrupts();
  try {
    for (let before = ''; ; ) {
      const { text, running } = await look();
      if (redraw) redraw(text);
      else if (text !== before) terminal.out(text);
      before = text;
      if (!running) return exitCodes.fine;
      const waited = await Promise.race([sleep(lookEveryMs), interrupts.asked.then(() => 'interrupted' as const)]);
      if (waited === 'interrupted') return exitCodes.fine;
    }
  } finally {
    redraw?.done();
    interrupts.stop();
  }
}

async function reportsOf(home: string, name: string | undefined, context: Context): Promise<LineageReport[]> {
  const lineages = await knownLineages(home);
  const chosen = lineages.filter(({ lineage }) => name === undefined || lineage === name);
  if (name !== undefined && chosen.length === 0) {
    throw unknownLineage(
      name,
      lineages.map(({ lineage }) => lineage),
    );
  }
  return await askTemporal(home, context, async (client) => {
    const reports: LineageReport[] = [];
    for (const { lineage, plan, lastRun } of chosen) {
      const frozen = await readPlan(home, plan);
      const nodes = (await runningNodes(client, frozen, plan)) ?? (await restingNodes(home, frozen));
      reports.push({ lineage, title: frozen.title, file: frozen.file, plan, lastRun, ...nodes });
    }
    return reports;
  });
}

/** The nodes of a lineage whose workflow runs; undefined where it does not. */
async function runningNodes(
  client: Client | undefined,
  plan: Plan,
  planDigest: string,
): Promise<Pick<LineageReport, 'running' | 'paused' | 'nodes'> | undefined> {
  if (client === undefined) return undefined;
  const handle = lineageHandle(client, plan, planDigest);
  if (!(await isRunningWorkflow(handle))) return undefined;
  const { nodes, pace } = await lineageStatus(handle, plan);
  const running = nodes.filter(({ state }) => state === 'running');
  const progress = await progressOf(handle, running.slice(0, mostAsked));
  return {
    running: true,
    paused: pace !== 'going',
    nodes: nodes.map(({ address, key, state, reason }): NodeLine => {
      const now = progress.get(key);
      return {
        address,
        key,
        state: state === 'reused' ? 'done' : state,
        reason: reason ?? null,
        progress: now ?? null,
      };
    }),
  };
}

/** The nodes of a lineage that does not run, as the store has them, and why those failed that did, with what they block. */
async function restingNodes(home: string, plan: Plan): Promise<Pick<LineageReport, 'running' | 'paused' | 'nodes'>> {
  const atRest = await lookAtRest(home, plan);
  const nodes = plan.nodes.map((node): NodeLine => {
    const { state, reason } = atRest(node);
    return { address: node.address, key: node.key, state, reason, progress: null };
  });
  return { running: false, paused: false, nodes };
}
