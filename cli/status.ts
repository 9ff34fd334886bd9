import { existsSync } from 'node:fs';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { Plan } from '../planner/plan.ts';
import { runQuery } from '../results/query.ts';
import { databasePath, findHome, storeFolder } from '../store/home.ts';
import { readPlan } from '../store/plans.ts';
import type { ConnectedClient } from './connect.ts';
import { type Context, type ExitCode, exitCodes } from './context.ts';
import { unknownLineage } from './find-node.ts';
import { connectIfAlive } from './idle.ts';
import { type LineageHandle, lineageHandle, lineageStatus, progressOf } from './lineages.ts';
import { type LineageReport, type NodeLine, renderStatus } from './render/status.ts';
import { lookAtRest } from './rest.ts';

/** Running nodes whose progress is asked for. */
const mostAsked = 50;

/** `descent status [LINEAGE]`: how every lineage of this home stands; one that is named, node by node. */
export async function status(name: string | undefined, options: { json?: true }, context: Context): Promise<ExitCode> {
  const { terminal } = context;
  const home = findHome(context.cwd, context.env);
  const lineages = await knownLineages(home);
  const chosen = lineages.filter(({ lineage }) => name === undefined || lineage === name);
  if (name !== undefined && chosen.length === 0) {
    throw unknownLineage(
      name,
      lineages.map(({ lineage }) => lineage),
    );
  }
  const connected = await connectIfAlive(home, context);
  try {
    const reports: LineageReport[] = [];
    for (const { lineage, plan, lastRun } of chosen) {
      const frozen = await readPlan(home, plan);
      const nodes = (await runningNodes(connected, frozen, plan)) ?? (await restingNodes(home, frozen));
      reports.push({ lineage, title: frozen.title, file: frozen.file, plan, lastRun, ...nodes });
    }
    const detailed = name !== undefined;
    terminal.out(options.json ? JSON.stringify(reports, null, 2) : renderStatus(reports, detailed, terminal.colours));
    return exitCodes.fine;
  } finally {
    await connected?.close();
  }
}

/** The lineages that were run in this home, the newest first; none in one that nothing was run in. */
async function knownLineages(home: string): Promise<{ lineage: string; plan: string; lastRun: string }[]> {
  if (!existsSync(databasePath(home)) && !existsSync(storeFolder(home))) return [];
  const { rows } = await runQuery(
    home,
    'SELECT lineage, plan, last_recorded FROM latest_lineages ORDER BY last_recorded DESC, lineage',
  );
  return rows.map(([lineage, plan, lastRun]) => ({
    lineage: String(lineage),
    plan: String(plan),
    lastRun: String(lastRun),
  }));
}

/** The nodes of a lineage whose workflow runs; undefined where it does not. */
async function runningNodes(
  connected: ConnectedClient | undefined,
  plan: Plan,
  planDigest: string,
): Promise<Pick<LineageReport, 'running' | 'nodes'> | undefined> {
  if (connected === undefined) return undefined;
  const handle = lineageHandle(connected.client, plan, planDigest);
  if (!(await isOpen(handle))) return undefined;
  const { nodes } = await lineageStatus(handle, plan);
  const running = nodes.filter(({ state }) => state === 'running');
  const progress = await progressOf(handle, running.slice(0, mostAsked));
  return {
    running: true,
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
async function restingNodes(home: string, plan: Plan): Promise<Pick<LineageReport, 'running' | 'nodes'>> {
  const atRest = await lookAtRest(home, plan);
  const nodes = plan.nodes.map((node): NodeLine => {
    const { state, reason } = atRest(node);
    return { address: node.address, key: node.key, state, reason, progress: null };
  });
  return { running: false, nodes };
}

async function isOpen(handle: LineageHandle): Promise<boolean> {
  try {
    return (await handle.describe()).status.name === 'RUNNING';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
