import { edgesOf } from '../planner/graph.ts';
import type { Plan, PlanNode } from '../planner/plan.ts';
import type { Attempt } from './read.ts';

/** Nodes of a plan that are told of together: those of a declared stage, or, where there are too many, of a type. */
export interface Group {
  name: string;
  /** The types of its nodes, a trunk counted to what goes on from it: `cpt`. */
  type: string;
  /** Each node once, whatever number of addresses it has; without evaluations. */
  nodes: PlanNode[];
  /** Evaluations of these. */
  evaluations: PlanNode[];
  /** Names of the groups that it goes on from, then of those that it only reads. */
  from: string[];
  reads: string[];
}

/** How a node stands: by the newest attempt that is done or imported, else by the newest. */
export type Standing = 'done' | 'imported' | 'failed' | 'interrupted' | 'running' | 'not done';

/** Groups that a drawing and a table can show. */
const mostGroups = 30;

/** The nodes of a plan in groups, in the plan's order. Overlap certificates are not among them: they check, and make nothing. */
export function groupsOf(plan: Plan): { groups: Group[]; by: 'stage' | 'type' } {
  const shown = once(plan.nodes.filter(({ type }) => type !== 'overlap'));
  const made = shown.filter(({ type }) => type !== 'evaluate');
  const by = new Set(made.map(({ stage }) => stage)).size > mostGroups ? 'type' : 'stage';
  const typeOfStage = new Map(made.map(({ stage, type }) => [stage, type]));
  const nameOf = (node: PlanNode): string =>
    by === 'stage' ? node.stage : node.type === 'evaluate' ? (typeOfStage.get(node.stage) ?? node.type) : node.type;
  const groups = new Map<string, Group>();
  for (const node of made) {
    const name = nameOf(node);
    const group = groups.get(name) ?? { name, type: '', nodes: [], evaluations: [], from: [], reads: [] };
    group.nodes.push(node);
    groups.set(name, group);
  }
  for (const group of groups.values()) {
    const types = [...new Set(group.nodes.map(({ type }) => type))];
    group.type = (types.length > 1 ? types.filter((type) => type !== 'trunk') : types).join(', ');
  }
  for (const node of shown) if (node.type === 'evaluate') groups.get(nameOf(node))?.evaluations.push(node);
  for (const { from, to, role } of edgesOf(plan)) {
    const group = groups.get(nameOf(to));
    const name = nameOf(from);
    if (to.type === 'evaluate' || to.type === 'overlap' || from.type === 'overlap' || name === group?.name) continue;
    const list = role === 'parent' || role === 'trunk' ? group?.from : group?.reads;
    if (list && !list.includes(name)) list.push(name);
  }
  return { groups: [...groups.values()], by };
}

/** Attempts by node, and how each node stands. */
export function standings(attempts: readonly Attempt[]): (node: PlanNode) => { standing: Standing; latest?: Attempt } {
  const latest = new Map<string, Attempt>();
  const isMade = ({ state }: Attempt) => state === 'done' || state === 'imported';
  for (const attempt of attempts) {
    const before = latest.get(attempt.key);
    if (before === undefined || isMade(attempt) || !isMade(before)) latest.set(attempt.key, attempt);
  }
  return ({ key }) => {
    const found = latest.get(key);
    return found ? { standing: found.state as Standing, latest: found } : { standing: 'not done' };
  };
}

/** How many of some nodes stand how: `5 done, 1 failed`. */
export function countStandings(nodes: readonly PlanNode[], standingOf: ReturnType<typeof standings>): string {
  const counts = new Map<Standing, number>();
  for (const node of nodes) {
    const { standing } = standingOf(node);
    counts.set(standing, (counts.get(standing) ?? 0) + 1);
  }
  return order.flatMap((word) => (counts.has(word) ? [`${counts.get(word)} ${word}`] : [])).join(', ');
}

const order: readonly Standing[] = ['done', 'imported', 'running', 'interrupted', 'failed', 'not done'];

/** Each node once: of several addresses of one key the first. */
export function once(nodes: readonly PlanNode[]): PlanNode[] {
  return [...new Map(nodes.toReversed().map((node) => [node.key, node])).values()].reverse();
}
