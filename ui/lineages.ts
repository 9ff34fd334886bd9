import type { Key, NodeType, Plan, PlanNode } from '../planner/plan.ts';
import { groupsOf } from '../report/stages.ts';
import type { LineageNow } from './live.ts';
import { Refusal } from './problem.ts';
import type { Group, LineageLine, LineageView } from './protocol.ts';
import type { Route } from './router.ts';
import type { Shown } from './shown.ts';
import { countsOf, progressOf, reasonsOf } from './standings.ts';

/** The lineages of the home, and each as its plan has it and its nodes stand. */
export function lineageRoutes(shown: Shown): Route[] {
  return [
    {
      method: 'GET',
      path: '/api/lineages',
      async answer(): Promise<LineageLine[]> {
        const own = await shown.live.lineages();
        return [...own, ...(await shown.published.all())].map(lineOf);
      },
    },
    {
      method: 'GET',
      path: '/api/lineages/:lineage',
      async answer({ parameters }): Promise<LineageView> {
        const now = await lineageNow(shown, parameters.lineage as string);
        return { ...lineOf(now), ...viewOf(now, await now.plan()) };
      },
    },
  ];
}

/** How a lineage stands, run here or published: what is watched anyway is not looked at again. Throws a Refusal, 404. */
export async function lineageNow(
  { published, watch }: Pick<Shown, 'published' | 'watch'>,
  name: string,
): Promise<LineageNow> {
  const found = (await watch.look(name)) ?? (await published.lineage(name));
  if (found) return found;
  throw new Refusal(404, `there is no lineage ${name} in this home`);
}

function lineOf({ lineage, title, lastRun, running, paused, nodes }: LineageNow): LineageLine {
  return { lineage, title, lastRun, running, paused, counts: countsOf(nodes) };
}

function viewOf({ file, digest, note, temporal, nodes }: LineageNow, plan: Plan): Omit<LineageView, keyof LineageLine> {
  const { axes, groups, types, columns } = drawn(plan);
  return {
    file,
    plan: digest,
    note,
    temporal,
    axes,
    groups,
    types,
    nodes: { ...columns, standing: nodes.map(({ state }) => state) },
    reasons: reasonsOf(nodes),
    progress: progressOf(nodes),
  };
}

/** What of a view the plan alone decides. */
interface Drawn {
  axes: LineageView['axes'];
  groups: Group[];
  types: NodeType[];
  columns: Omit<LineageView['nodes'], 'standing'>;
}

const drawings = new WeakMap<Plan, Drawn>();

function drawn(plan: Plan): Drawn {
  const known = drawings.get(plan);
  if (known !== undefined) return known;
  const made = draw(plan);
  drawings.set(plan, made);
  return made;
}

function draw(plan: Plan): Drawn {
  const { groups } = groupsOf(plan);
  const places = new Map(groups.map(({ name }, index) => [name, index]));
  const placesOf = (names: readonly string[]) => names.flatMap((name) => places.get(name) ?? []);
  const groupOf = groupReader(plan, groups);
  const types = [...new Set(plan.nodes.map(({ type }) => type))];
  const typePlaces = new Map(types.map((type, index) => [type, index]));
  return {
    axes: Object.entries(plan.axes).map(([name, { replicate }]) => ({ name, replicate })),
    groups: groups.map(({ name, type, from, reads }) => ({
      name,
      type,
      from: placesOf(from),
      reads: placesOf(reads),
    })),
    types,
    columns: {
      address: plan.nodes.map(({ address }) => address),
      key: plan.nodes.map(({ key }) => key),
      type: plan.nodes.map(({ type }) => typePlaces.get(type) as number),
      group: plan.nodes.map(groupOf),
    },
  };
}

/** Which group a node is in: a certificate in that of the first stage which waits for it. */
function groupReader(plan: Plan, groups: ReturnType<typeof groupsOf>['groups']): (node: PlanNode) => number {
  const found = new Map<Key, number>();
  for (const [index, { nodes, evaluations }] of groups.entries())
    for (const { key } of [...nodes, ...evaluations]) found.set(key, index);
  for (const { key, gates = {} } of plan.nodes)
    for (const gate of Object.values(gates)) if (!found.has(gate)) found.set(gate, found.get(key) ?? 0);
  return ({ key }) => found.get(key) ?? 0;
}
