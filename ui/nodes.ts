import { relative } from 'node:path';
import { childrenIn, needsOf } from '../planner/kinship.ts';
import { marksOf } from '../planner/marks.ts';
import type { Json, Key, Plan, PlanNode } from '../planner/plan.ts';
import { reasonText } from '../planner/reason.ts';
import { judgeAlone } from '../planner/verdict.ts';
import { DatabaseBusyError } from '../results/errors.ts';
import type { FigureRow } from '../results/figure.ts';
import { toJson } from '../results/value.ts';
import { inspectNode, newestWhole } from '../store/artifact.ts';
import { attemptFolder, attemptNumbers } from '../store/home.ts';
import { inspectAttempt } from '../store/inspect.ts';
import { lineageNow } from './lineages.ts';
import type { LineageNow, NodeNow } from './live.ts';
import { heldText, Refusal } from './problem.ts';
import type { NodeView } from './protocol.ts';
import { readResults, rowsOf } from './reading.ts';
import type { Asked, Route } from './router.ts';
import type { Shown } from './shown.ts';

/** One node, as `descent show` and `descent why` tell of it. */
export function nodeRoutes(shown: Shown): Route[] {
  return [
    {
      method: 'GET',
      path: '/api/nodes/:key',
      async answer(request): Promise<NodeView> {
        const { plan, node, now } = await askedNode(shown, request);
        const { recorded, unread } = await recordedIfFree(shown.home, node, request.signal);
        const addresses = new Map(plan.nodes.map((one) => [one.key, one.address]));
        const told = await shown.recordings.metrics(node.key);
        const whole = newestWhole(shown.home, node.key);
        const newest = attemptNumbers(shown.home, node.key)[0];
        const folder = whole?.folder ?? (newest === undefined ? null : attemptFolder(shown.home, node.key, newest));
        return {
          address: node.address,
          key: node.key,
          type: node.type,
          stage: node.stage,
          standing: now.state,
          reason: now.reason,
          recipe: { ...node.settings },
          why: whyOf(shown.home, plan, node),
          needs: Object.entries(needsOf(node)).map(([role, key]) => ({
            role,
            key,
            address: addresses.get(key) ?? key,
          })),
          neededBy: childrenIn(plan.nodes)(node).map(({ address, key }) => ({ address, key })),
          attempts: attemptsOf(shown.home, node, now, recorded.attempts),
          metrics: told.length > 0 ? told : recorded.metrics,
          facts: { ...recorded.facts, ...whole?.facts },
          figures: recorded.figures,
          marks: [...(marksOf(plan.nodes).get(node.address) ?? []), ...recorded.collapses],
          temporal: shown.live.pageOf(node),
          folder: folder === null ? null : relative(shown.home, folder),
          unread,
        };
      },
    },
  ];
}

/** The node that a request is about, which names a lineage that has it. Throws a Refusal. */
export async function askedNode(
  shown: Shown,
  { parameters, query }: Pick<Asked, 'parameters' | 'query'>,
): Promise<{ lineage: LineageNow; plan: Plan; node: PlanNode; now: NodeNow }> {
  const name = query.get('lineage');
  if (name === null) throw new Refusal(400, 'the lineage of the node is missing', 'ask with ?lineage=NAME');
  const lineage = await lineageNow(shown, name);
  const plan = await lineage.plan();
  const index = plan.nodes.findIndex(({ key }) => key === parameters.key);
  const [node, now] = [plan.nodes[index], lineage.nodes[index]];
  if (node && now) return { lineage, plan, node, now };
  throw new Refusal(404, `the lineage ${name} has no node with the key ${parameters.key}`);
}

/** What would become of a node if its lineage were run now: its own verdict, then of what it needs that is not done. */
function whyOf(home: string, plan: Plan, node: PlanNode): string[] {
  const verdictText = (one: PlanNode) => {
    const verdict = judgeAlone(one, inspectNode(home, one.key, one.attempt));
    return { verdict, text: `${verdict.verdict}: ${reasonText(one, verdict)}` };
  };
  const needed = new Set<Key>(Object.values(needsOf(node)));
  const pending = plan.nodes
    .filter(({ key }) => needed.has(key))
    .map((one) => ({ one, ...verdictText(one) }))
    .filter(({ verdict }) => verdict.verdict !== 'reuse');
  return [verdictText(node).text, ...pending.map(({ one, text }) => `needs ${one.address}: ${text}`)];
}

/** All attempts, the newest first: those of the store, and those that only the results have. */
function attemptsOf(home: string, node: PlanNode, now: NodeNow, recorded: Recorded['attempts']): NodeView['attempts'] {
  const known = new Map(recorded.map((one) => [one.attempt, one]));
  const numbers = attemptNumbers(home, node.key);
  for (const number of numbers) {
    const before = known.get(number);
    const inspection = inspectAttempt(home, node.key, number);
    if (inspection.state === 'whole') {
      const { startedAt, finishedAt } = inspection.artifact.provenance;
      known.set(number, { attempt: number, state: 'done', startedAt, finishedAt, error: null });
    } else if (inspection.state === 'damaged') {
      known.set(number, { ...unknownAttempt(number, 'damaged'), ...before, error: inspection.reason });
    } else if (number === numbers[0] && now.state === 'running') {
      known.set(number, { ...unknownAttempt(number, 'running'), startedAt: before?.startedAt ?? null });
    } else if (before === undefined || before.state === 'running')
      known.set(number, { ...unknownAttempt(number, 'interrupted'), startedAt: before?.startedAt ?? null });
  }
  return [...known.values()].sort((a, b) => b.attempt - a.attempt);
}

function unknownAttempt(attempt: number, state: string): NodeView['attempts'][number] {
  return { attempt, state, startedAt: null, finishedAt: null, error: null };
}

/** What the results have of a node. */
interface Recorded {
  attempts: NodeView['attempts'];
  metrics: string[];
  facts: Record<string, Json>;
  figures: FigureRow[];
  collapses: string[];
}

const nothing: Recorded = { attempts: [], metrics: [], facts: {}, figures: [], collapses: [] };

/** What the store tells of a node is told whoever holds the results. */
async function recordedIfFree(
  home: string,
  node: PlanNode,
  signal: AbortSignal,
): Promise<{ recorded: Recorded; unread: string | null }> {
  try {
    return { recorded: await readRecorded(home, node, signal), unread: null };
  } catch (error) {
    if (error instanceof DatabaseBusyError) return { recorded: nothing, unread: heldText(error) };
    throw error;
  }
}

async function readRecorded(home: string, node: PlanNode, signal: AbortSignal): Promise<Recorded> {
  const { key } = node;
  const hasAttempts = attemptNumbers(home, key).length > 0;
  return await readResults(
    home,
    nothing,
    async (connection) => {
      const ask = (sql: string) => rowsOf(connection, sql, { key });
      const figures = await ask(
        `SELECT suite, task, metric, value, n, low, high FROM latest_evaluations
         WHERE ${node.type === 'evaluate' ? 'key' : 'model'} = $key AND isfinite(value)
         ORDER BY suite, task != 'all', task, metric`,
      );
      const facts = await ask('SELECT name, kind, value, number FROM latest_facts WHERE key = $key ORDER BY name');
      const attempts = await ask(
        `SELECT attempt, state, started_at, finished_at, message || ' (' || failure || ')'
         FROM attempts WHERE key = $key ORDER BY attempt`,
      );
      // Of what the store has, the events tell; to look for a key among all metrics is to read all of them.
      const metrics = hasAttempts
        ? []
        : await ask('SELECT DISTINCT metric FROM metrics WHERE key = $key ORDER BY metric');
      return {
        figures: figures.map(([suite, task, metric, value, n, low, high]) => ({
          suite: String(suite),
          task: String(task),
          metric: String(metric),
          value: Number(value),
          n: finite(n),
          low: finite(low),
          high: finite(high),
        })),
        facts: Object.fromEntries(
          facts.map(([name, kind, value, number]) => [
            String(name),
            kind === 'number' ? Number(number) : String(value),
          ]),
        ),
        attempts: attempts.map(([attempt, state, startedAt, finishedAt, error]) => ({
          attempt: Number(attempt),
          state: String(state),
          startedAt: textOf(startedAt),
          finishedAt: textOf(finishedAt),
          error: textOf(error),
        })),
        metrics: metrics.map(([metric]) => String(metric)),
        collapses: facts.flatMap(([name, , value]) => (name === 'collapse' ? [`collapsed (${String(value)})`] : [])),
      };
    },
    signal,
  );
}

function finite(value: unknown): number | null {
  const number = value === null || value === undefined ? Number.NaN : Number(value);
  return Number.isFinite(number) ? number : null;
}

function textOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  const json = toJson(value as Parameters<typeof toJson>[0]);
  return typeof json === 'string' ? json : JSON.stringify(json);
}
