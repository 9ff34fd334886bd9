import { existsSync } from 'node:fs';
import { ServiceError } from '@temporalio/client';
import { runsAs } from '../activities/pages.ts';
import { planReader } from '../activities/plans.ts';
import type { Plan, PlanNode } from '../planner/plan.ts';
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
import { readWhenChanged, stampOf } from './last-read.ts';
import { lookAtRunning, nodesAtRest } from './look.ts';
import { type KnownLineage, knownLineages } from './open-lineages.ts';
import { progressText } from './render/sentences.ts';
import type { NodeLine } from './render/status.ts';
import { type Failures, lookAtRest, readFailures, stoppedAs } from './rest.ts';

/** How long a look waits for whoever writes results; what it knew before does, then. It reads beside what a page asks. */
const reading = { patienceSeconds: 0.25, besideForSeconds: Number.POSITIVE_INFINITY };

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
    const rest = nodes === undefined ? await rests(one) : { nodes, note: null };
    return {
      lineage,
      title,
      file,
      digest,
      plan: () => plans.plan(digest),
      lastRun,
      running,
      paused,
      note: [note, rest.note].filter((said) => said !== null).join('; ') || null,
      temporal: pageOf(lineageWorkflowId(lineage, digest)),
      nodes: rest.nodes,
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
      const live = await lookAtRunning(one, { client, planOf: plans.plan, stoppedAs: (node) => stoppedAs(home, node) });
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
 * The lineages that were run, as the results have them. One that was begun just now, or with another plan, is there before
 * these know of it, and all are while somebody holds these.
 */
function knownReader(home: string, planOf: (digest: string) => Promise<Plan>): () => Promise<KnownLineage[]> {
  const recorded = readWhenChanged<KnownLineage[]>(home, [], async () =>
    existsSync(databasePath(home)) ? await knownLineages(home, reading) : [],
  );
  return async () => {
    const { value: known } = await recorded();
    const begun: KnownLineage[] = [];
    for (const { lineage, digest, at } of await newestRuns(home)) {
      const before = known.find((one) => one.lineage === lineage);
      if (before?.plan === digest || (before && Date.parse(before.lastRun) > at.getTime())) continue;
      // One whose plan is gone or damaged is told of where it is looked at.
      const { title, file } = await planOf(digest).catch(() => ({ title: null, file: '' }));
      begun.push({ lineage, title, file, plan: digest, lastRun: at.toISOString() });
    }
    const names = new Set(begun.map(({ lineage }) => lineage));
    return [...begun, ...known.filter(({ lineage }) => !names.has(lineage))];
  };
}

/** How nodes stand that no workflow tells of. */
type Rest = Pick<LineageNow, 'nodes' | 'note'>;

/** Tells how nodes stand that no workflow tells of, looked up again where the store or the results may have changed. */
function restReader(home: string, planOf: (digest: string) => Promise<Plan>): (one: KnownLineage) => Promise<Rest> {
  const inspector = rememberingInspector(home);
  const failed = readWhenChanged<Failures>(home, new Map(), () => readFailures(home, reading));
  const looks = new Map<string, { store: string; failures: Failures; digest: string; at: number; nodes: NodeNow[] }>();
  const looking = new Map<string, Promise<NodeNow[]>>();
  return async ({ lineage, plan: digest }) => {
    const { value: failures, holder } = await failed();
    const note = holder === null ? null : `the results are held by ${holder}: what failed is as they said before`;
    const store = stampOf(storeFolder(home));
    const last = looks.get(lineage);
    const isRecent = last?.digest === digest && last.store === store && performance.now() - last.at < restsForMs;
    if (isRecent && last.failures === failures) return { nodes: last.nodes, note };
    const look = async (): Promise<NodeNow[]> => {
      const plan = await planOf(digest);
      // Results that have changed may be those of what was not done, and nothing of what was.
      const inspect = await inspector.look(plan.nodes, isRecent ? 'pending' : 'all');
      const nodes = nodesAtRest(plan, await lookAtRest(home, plan, { inspect, failures })).map(nodeNow);
      looks.set(lineage, { store, failures, digest, at: isRecent ? last.at : performance.now(), nodes });
      return nodes;
    };
    const under = looking.get(digest) ?? look().finally(() => looking.delete(digest));
    looking.set(digest, under);
    return { nodes: await under, note };
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
