import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, ServiceError } from '@temporalio/client';
import { createLogUpdate } from 'log-update';
import { isRunningWorkflow } from '../activities/holds.ts';
import type { Plan } from '../planner/plan.ts';
import { findHome } from '../store/home.ts';
import { readPlan } from '../store/plans.ts';
import type { lineageWorkflow } from '../workflows/lineage.ts';
import { lineageWorkflowId } from '../workflows/names.ts';
import { type Context, type ExitCode, exitCodes } from './context.ts';
import { describeFailure } from './failure.ts';
import { unknownLineage } from './find-node.ts';
import { watchInterrupts } from './interrupt.ts';
import { lineageStatus, progressOf } from './lineages.ts';
import { askTemporal, knownLineages } from './open-lineages.ts';
import { type LineageReport, type NodeLine, renderStatus } from './render/status.ts';
import { lookAtRest } from './rest.ts';

/** Running nodes whose progress is asked for. */
const mostAsked = 50;

/** Between two looks of `--watch`. */
const lookEveryMs = 1000;

/**
 * `descent status [LINEAGE]`: how every lineage of this home stands; one that is named, node by node. With `--watch` it is
 * shown again every second, until nothing runs any more or Ctrl-C; through a pipe, whenever it has changed. A look that fails
 * is told of, and the next one made.
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
    return { text, trouble: '', running: reports.some(({ running }) => running) };
  };
  if (!options.watch) {
    terminal.out((await look()).text);
    return exitCodes.fine;
  }
  const redraw = terminal.interactive && !options.json ? createLogUpdate(process.stdout) : undefined;
  const interrupts = watchInterrupts();
  try {
    let seen = await look();
    for (let shown = { text: '', trouble: '' }; ; ) {
      const { text, trouble, running } = seen;
      if (redraw) redraw(trouble === '' ? text : `${text}\n\n${trouble}`);
      else {
        if (text !== shown.text) terminal.out(text);
        if (trouble !== '' && trouble !== shown.trouble) terminal.err(trouble);
      }
      shown = seen;
      if (!running) return exitCodes.fine;
      const waited = await Promise.race([sleep(lookEveryMs), interrupts.asked.then(() => 'interrupted' as const)]);
      if (waited === 'interrupted') return exitCodes.fine;
      seen = await look().catch((error: unknown) => {
        return { ...shown, running, trouble: describeFailure(error, terminal.errorColours, context.debug).text };
      });
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
    // All at once: a worker that does not answer is waited for once.
    const live = await Promise.all(chosen.map(({ lineage, plan }) => lookAtRunning(home, client, lineage, plan)));
    const reports: LineageReport[] = [];
    for (const [at, { lineage, plan, lastRun }] of chosen.entries()) {
      const frozen = await readPlan(home, plan);
      const seen = { running: false, paused: false, note: null, ...live[at] };
      const nodes = seen.nodes ?? (await nodesAtRest(home, frozen));
      reports.push({ lineage, title: frozen.title, file: frozen.file, plan, lastRun, ...seen, nodes });
    }
    return reports;
  });
}

/** What is known of a lineage whose workflow runs; undefined where it does not. Without nodes where no worker answers. */
async function lookAtRunning(
  home: string,
  client: Client | undefined,
  lineage: string,
  planDigest: string,
): Promise<(Pick<LineageReport, 'running' | 'paused' | 'note'> & { nodes?: NodeLine[] }) | undefined> {
  if (client === undefined) return undefined;
  const handle = client.workflow.getHandle<typeof lineageWorkflow>(lineageWorkflowId(lineage, planDigest));
  if (!(await isRunningWorkflow(handle))) return undefined;
  try {
    const { nodes, pace } = await lineageStatus(handle, await readPlan(home, planDigest));
    const running = nodes.filter(({ state }) => state === 'running');
    const progress = await progressOf(handle, running.slice(0, mostAsked));
    return {
      running: true,
      paused: pace !== 'going',
      note: null,
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
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    return { running: true, paused: false, note: 'its worker does not answer: this is what the store has' };
  }
}

/** The nodes of a lineage as the store has them, and why those failed that did, with what they block. */
async function nodesAtRest(home: string, plan: Plan): Promise<NodeLine[]> {
  const atRest = await lookAtRest(home, plan);
  return plan.nodes.map((node): NodeLine => {
    const { state, reason } = atRest(node);
    return { address: node.address, key: node.key, state, reason, progress: null };
  });
}
