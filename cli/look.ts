import { type Client, ServiceError } from '@temporalio/client';
import { isRunningWorkflow } from '../activities/holds.ts';
import type { Plan, PlanNode } from '../planner/plan.ts';
import { lineageHandle, lineageStatus, type NodeLook, type NodeStatus, progressOf } from './lineages.ts';
import type { KnownLineage } from './open-lineages.ts';
import { progressText } from './render/sentences.ts';
import type { LineageReport, NodeLine } from './render/status.ts';
import type { AtRest } from './rest.ts';

/** Running nodes whose progress is asked for. */
const mostAsked = 50;

/** What looking at lineages needs. */
export interface Looking {
  /** Of the Temporal that they run on; undefined where none runs. */
  client: Client | undefined;
  /** A frozen plan by its digest. */
  planOf: (digest: string) => Promise<Plan>;
  /** How nodes stand of which no workflow tells. */
  restOf: (plan: Plan) => Promise<(node: PlanNode) => AtRest>;
  /** How one node stands that nobody executes. */
  stoppedAs: (node: PlanNode) => AtRest;
}

/** How lineages stand: as their workflows say where they run, else as the store has them. */
export async function lookAtLineages(chosen: readonly KnownLineage[], looking: Looking): Promise<LineageReport[]> {
  // All at once: a worker that does not answer is waited for once.
  const live = await Promise.all(chosen.map((known) => lookAtRunning(known, looking)));
  const reports: LineageReport[] = [];
  for (const [at, known] of chosen.entries()) {
    const plan = await looking.planOf(known.plan);
    const seen = { running: false, paused: false, note: null, ...live[at] };
    const nodes = seen.nodes ?? nodesAtRest(plan, await looking.restOf(plan));
    const { lineage, title, file, lastRun } = known;
    reports.push({ lineage, title, file, plan: known.plan, lastRun, ...seen, nodes });
  }
  return reports;
}

/** What is known of a lineage whose workflow runs; undefined where it does not. Without nodes where no worker answers. */
export async function lookAtRunning(
  known: KnownLineage,
  { client, planOf, stoppedAs }: Omit<Looking, 'restOf'>,
): Promise<(Pick<LineageReport, 'running' | 'paused' | 'note'> & { nodes?: NodeLine[] }) | undefined> {
  if (client === undefined) return undefined;
  const handle = lineageHandle(client, known, known.plan);
  if (!(await isRunningWorkflow(handle))) return undefined;
  try {
    const plan = await planOf(known.plan);
    const { nodes, pace } = await lineageStatus(handle, plan);
    const paused = pace !== 'going';
    const running = nodes.filter(({ state }) => state === 'running');
    // Of a lineage that holds nothing, those run that others need: each has to be asked for.
    const progress = await progressOf(handle, paused ? running : running.slice(0, mostAsked));
    const lines = nodes.map((node): NodeLine => {
      const now = progress.get(node.key);
      const isStopped = paused && node.state === 'running' && now === undefined;
      return isStopped ? restingLine(plan.nodes[node.index] as PlanNode, stoppedAs) : runningLine(node, now);
    });
    return { running: true, paused, note: null, nodes: lines };
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    return { running: true, paused: false, note: 'its worker does not answer: this is what the store has' };
  }
}

/** The nodes of a lineage as the store has them, and why those failed that did, with what they block. */
export function nodesAtRest(plan: Plan, atRest: (node: PlanNode) => AtRest): NodeLine[] {
  return plan.nodes.map((node) => restingLine(node, atRest));
}

function restingLine(node: PlanNode, atRest: (node: PlanNode) => AtRest): NodeLine {
  const { state, reason } = atRest(node);
  return { address: node.address, key: node.key, state, reason, progress: null };
}

/** A node as its lineage's workflow has it; one that a person paused has let go of its device. */
function runningLine({ address, key, state, reason }: NodeStatus, progress: NodeLook | undefined): NodeLine {
  if (progress?.phase === 'paused')
    return { address, key, state: 'interrupted', reason: progressText(progress), progress: null };
  const word = state === 'reused' ? 'done' : state;
  return { address, key, state: word, reason: reason ?? null, progress: progress ?? null };
}
