import { statSync } from 'node:fs';
import { ServiceError } from '@temporalio/client';
import { runsAs } from '../activities/pages.ts';
import { planReader } from '../activities/plans.ts';
import type { Plan, PlanNode } from '../planner/plan.ts';
import { DatabaseBusyError } from '../results/errors.ts';
import { databasePath, storeFolder } from '../store/home.ts';
import { newestRuns } from '../store/plans.ts';
import { rememberingInspector } from '../store/remembered.ts';
import type { LineageNow, Live, NodeNow } from '../ui/live.ts';
import { lineageWorkflowId, nodeWorkflowId } from '../workflows/names.ts';
import { loadConfig } from './config.ts';
import type { Context } from './context.ts';
import { cancelTarget, patienceOf, pauseTarget, runningLineage, type Target, unpauseTarget } from './control.ts';
import { CommandError } from './failure.ts';
import { keepTemporal, type TemporalNow } from './kept-temporal.ts';
import { lookAtRunning, nodesAtRest } from './look.ts';
import { type KnownLineage, knownLineages } from './open-lineages.ts';
import { progressText } from './render/sentences.ts';
import type { NodeLine } from './render/status.ts';
import { lookAtRest } from './rest.ts';

/** How long a look waits for whoever writes results; what it knew before does, then. It reads beside what a page asks. */
const reading = { patienceSeconds: 2, besideForSeconds: Number.POSITIVE_INFINITY };

/** How long what a workflow said is believed while nobody answers. */
const believedForMs = 60_000;

/** Of a lineage at rest the store is looked into again after this, though nothing seems to have changed. */
const restsForMs = 30_000;

/** What a page is shown and may do, as `descent status`, `pause`, `unpause` and `cancel` have it; starts nothing. */
export async function openLive(home: string, context: Context): Promise<Live> {
  const loaded = await loadConfig(context.cwd, context.env);
  const temporal = keepTemporal(home, loaded, context.env);
  const plans = planReader(home);
  const known = knownReader(home, plans.plan);
  const rests = restReader(home, plans.plan);
  const lastLooks = new Map<string, { plan: string; at: number; look: WorkflowLook }>();
  let namespace = '';
  let uiAddress: string | null = null;

  const pageOf = (workflow: string): string | null =>
    uiAddress === null ? null : `${uiAddress}/namespaces/${namespace}/workflows/${workflow}`;

  const look = async (one: KnownLineage, now: TemporalNow): Promise<LineageNow> => {
    const { lineage, title, file, plan: digest, lastRun } = one;
    const { running, paused, note, nodes } = await lookNow(one, now);
    return {
      lineage,
      title,
      file,
      digest,
      plan: () => plans.plan(digest),
      lastRun,
      running,
      paused,
      note,
      temporal: pageOf(lineageWorkflowId(lineage, digest)),
      nodes: nodes ?? (await rests(one)),
    };
  };

  /** As its workflow says; as it said last, where nobody answers for a while. */
  const lookNow = async (one: KnownLineage, { client, trouble }: TemporalNow): Promise<WorkflowLook> => {
    const atRest: WorkflowLook = { running: false, paused: false, note: null };
    const last = lastLooks.get(one.lineage);
    const unknown = (why: string): WorkflowLook =>
      last !== undefined && last.plan === one.plan && performance.now() - last.at < believedForMs
        ? { ...last.look, note: `${why}: this is as it was` }
        : { ...atRest, note: `${why}: this is what the store has` };
    if (trouble !== null) return unknown(trouble);
    try {
      const live = await lookAtRunning(one, { client, planOf: plans.plan });
      if (live === undefined) {
        lastLooks.delete(one.lineage);
        return atRest;
      }
      const { nodes, ...state } = live;
      const look: WorkflowLook = { ...state, ...(nodes && { nodes: nodes.map(nodeNow) }) };
      if (nodes) lastLooks.set(one.lineage, { plan: one.plan, at: performance.now(), look });
      return look;
    } catch (error) {
      const said = await temporal.explain(error);
      // What is not of Temporal is a fault.
      if (!(said instanceof CommandError || said instanceof ServiceError)) throw said;
      return unknown(said.message);
    }
  };

  const temporalNow = async (): Promise<TemporalNow> => {
    const now = await temporal.now();
    uiAddress = now.uiAddress;
    namespace = now.client?.options.namespace ?? namespace;
    return now;
  };

  const onLineage = async (name: string, act: (target: Target) => Promise<string>): Promise<string> => {
    const { client, trouble } = await temporalNow();
    try {
      return await act(await runningLineage(await known(), name, client, trouble, plans.plan));
    } catch (error) {
      throw await temporal.explain(error);
    }
  };
  const patienceMs = patienceOf(loaded.config);

  return {
    async lineages() {
      const now = await temporalNow();
      return await Promise.all((await known()).map((one) => look(one, now).catch((error) => unreadable(one, error))));
    },
    async lineage(name) {
      const one = (await known()).find(({ lineage }) => lineage === name);
      return one && (await look(one, await temporalNow()));
    },
    pageOf: (node: PlanNode) => (runsAs[node.type] === 'workflow' ? pageOf(nodeWorkflowId(node)) : null),
    pause: (name) => onLineage(name, (target) => pauseTarget(target, patienceMs)),
    unpause: (name) => onLineage(name, unpauseTarget),
    cancel: (name) => onLineage(name, (target) => cancelTarget(target, patienceMs)),
    close: () => temporal.close(),
  };
}

/** A lineage that cannot be looked at, as its plan is gone or damaged: others can. */
function unreadable({ lineage, title, file, plan: digest, lastRun }: KnownLineage, error: unknown): LineageNow {
  const note = error instanceof Error ? error.message : String(error);
  const plan = async () => {
    throw error;
  };
  const unknown = { running: false, paused: false, temporal: null, nodes: [] };
  return { lineage, title, file, digest, plan, lastRun, note, ...unknown };
}

/** What a lineage's workflow says; without nodes where it does not run, or no worker answers. */
type WorkflowLook = Pick<LineageNow, 'running' | 'paused' | 'note'> & { nodes?: NodeNow[] };

/**
 * The lineages that were run, asked of the results whenever these have changed; as they were before while somebody writes. One
 * that was begun just now, or with another plan, is there before the results have it.
 */
function knownReader(home: string, planOf: (digest: string) => Promise<Plan>): () => Promise<KnownLineage[]> {
  let last: { stamp: string; known: KnownLineage[] } | undefined;
  return async () => {
    const stamp = stampOf(databasePath(home));
    if (last?.stamp !== stamp) {
      try {
        last = { stamp, known: await knownLineages(home, reading) };
      } catch (error) {
        if (last === undefined || !(error instanceof DatabaseBusyError)) throw error;
      }
    }
    const { known } = last;
    const begun: KnownLineage[] = [];
    for (const { lineage, digest, at } of await newestRuns(home)) {
      const recorded = known.find((one) => one.lineage === lineage);
      if (recorded?.plan === digest || (recorded && Date.parse(recorded.lastRun) > at.getTime())) continue;
      const { title, file } = await planOf(digest);
      begun.push({ lineage, title, file, plan: digest, lastRun: at.toISOString() });
    }
    const names = new Set(begun.map(({ lineage }) => lineage));
    return [...begun, ...known.filter(({ lineage }) => !names.has(lineage))];
  };
}

/** How nodes stand that no workflow tells of, looked up again where the store or the results may have changed. */
function restReader(home: string, planOf: (digest: string) => Promise<Plan>) {
  const inspector = rememberingInspector(home);
  const looks = new Map<string, { store: string; results: string; digest: string; at: number; nodes: NodeNow[] }>();
  const looking = new Map<string, Promise<NodeNow[]>>();
  return async ({ lineage, plan: digest }: KnownLineage): Promise<NodeNow[]> => {
    const [store, results] = [storeFolder(home), databasePath(home)].map(stampOf) as [string, string];
    const last = looks.get(lineage);
    const isRecent = last?.digest === digest && last.store === store && performance.now() - last.at < restsForMs;
    if (isRecent && last.results === results) return last.nodes;
    const look = async (): Promise<NodeNow[]> => {
      const plan = await planOf(digest);
      try {
        // Results that have changed may be those of what was not done, and nothing of what was.
        const inspect = await inspector.look(plan.nodes, isRecent ? 'pending' : 'all');
        const nodes = nodesAtRest(plan, await lookAtRest(home, plan, reading, inspect)).map(nodeNow);
        looks.set(lineage, { store, results, digest, at: isRecent ? last.at : performance.now(), nodes });
        return nodes;
      } catch (error) {
        if (last?.digest === digest && error instanceof DatabaseBusyError) return last.nodes;
        throw error;
      }
    };
    const under = looking.get(lineage) ?? look().finally(() => looking.delete(lineage));
    looking.set(lineage, under);
    return await under;
  };
}

function nodeNow({ state, reason, progress }: NodeLine): NodeNow {
  if (progress === null) return { state, reason, progress };
  const { step, steps, tokensPerSecond } = progress;
  return {
    state,
    reason,
    progress: {
      share: steps > 0 ? Math.min(1, step / steps) : null,
      text: progressText(progress),
      tokensPerSecond: tokensPerSecond > 0 ? tokensPerSecond : null,
    },
  };
}

/** Changes whenever a file or folder does. */
function stampOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? 'none' : `${found.ino} ${found.mtimeMs} ${found.size}`;
}
