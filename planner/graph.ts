import { needsOf } from './kinship.ts';
import type { Key, NodeType, Plan, PlanNode } from './plan.ts';
import type { Verdict } from './verdict.ts';

/** `to` needs `from`. */
export interface GraphEdge {
  from: PlanNode;
  to: PlanNode;
  /** `parent`, `tokenizer`, `data:mine`, `overlap`. */
  role: string;
}

/**
 * What needs what among the nodes of a plan, in the plan's order. Where two addresses are the same node the first one
 * stands for it; an evaluation hangs on the address that it belongs to.
 */
export function edgesOf(plan: Plan): GraphEdge[] {
  const first = firstWithKey(plan);
  const byAddress = new Map(plan.nodes.map((node) => [node.address, node]));
  return plan.nodes.flatMap((to) =>
    Object.entries(needsOf(to)).flatMap(([role, key]) => {
      const from = (role === 'parent' ? byAddress.get(modelAddress(to) ?? '') : undefined) ?? first.get(key);
      return from ? [{ from, to, role }] : [];
    }),
  );
}

/**
 * The plan as an indented tree, a node below what it learns from, and its evaluations in brackets beside it:
 * ```
 * data:notes
 * tokenizer:words
 * └─ base  [heldout]
 *    ├─ mid@replay=0%  [heldout]  ← data:notes
 *    └─ mid@replay=10%  [heldout]  ← data:notes
 * ```
 * After an arrow stands what else it needs; after `=` the address that is the same node. `paint` may colour what it is
 * given for a node. The time it takes is linear in the length of the text.
 */
export function drawTree(plan: Plan, paint: (text: string, node: PlanNode) => string = (text) => text): string {
  const first = firstWithKey(plan);
  const below = new Map<PlanNode, PlanNode[]>();
  const evaluations = new Map<PlanNode, PlanNode[]>();
  const besides = new Map<PlanNode, PlanNode[]>();
  const roots = new Set(plan.nodes);
  for (const { from, to, role } of edgesOf(plan)) {
    const above = role === 'trunk' || role === 'parent' || role === 'tokenizer';
    // What a node with a trunk starts from stands above the trunk.
    if (above && role !== 'trunk' && to.parents.trunk !== undefined) continue;
    add(above ? (to.type === 'evaluate' ? evaluations : below) : besides, above ? from : to, above ? to : from);
    if (above) roots.delete(to);
  }
  const label = (node: PlanNode): string => {
    const suites = (evaluations.get(node) ?? []).map((one) => paint(suiteOf(one), one));
    const others = (besides.get(node) ?? []).map((one) => paint(one.address, one));
    const same = first.get(node.key) as PlanNode;
    return [
      paint(node.address, node),
      ...(suites.length > 0 ? [`[${suites.join(' ')}]`] : []),
      ...(others.length > 0 ? [`← ${others.join(' ')}`] : []),
      ...(same === node ? [] : [`= ${same.address}`]),
    ].join('  ');
  };

  const lines: string[] = [];
  const stack = [...roots].reverse().map((node) => ({ node, branch: '', indent: '' }));
  for (let next = stack.pop(); next; next = stack.pop()) {
    const { node, branch, indent } = next;
    lines.push(branch + label(node));
    const children = below.get(node) ?? [];
    for (const [index, child] of [...children.entries()].reverse()) {
      const last = index === children.length - 1;
      stack.push({
        node: child,
        branch: `${indent}${last ? '└─ ' : '├─ '}`,
        indent: `${indent}${last ? '   ' : '│  '}`,
      });
    }
  }
  return lines.join('\n');
}

/** The plan as a Mermaid flowchart, each node with its verdict as class. Ids are `n` and the place in the plan. */
export function drawMermaid(plan: Plan, verdictOf: (node: PlanNode) => Verdict['verdict']): string {
  const ids = idsOf(plan);
  const nodes = plan.nodes.map((node) => {
    const [open, close] = mermaidShapes[node.type];
    return `  ${ids.get(node)}${open}"${escapeMermaid(node.address)}"${close}:::${verdictOf(node)}`;
  });
  const edges = edgesOf(plan).map(
    ({ from, to, role }) => `  ${ids.get(from)} ${isSolid(role) ? '-->' : '-.->'} ${ids.get(to)}`,
  );
  const same = sameNodes(plan).map(([one, other]) => `  ${ids.get(one)} -. same .- ${ids.get(other)}`);
  const classes = Object.entries(colours).map(
    ([verdict, { fill, line }]) => `  classDef ${verdict} fill:${fill},stroke:${line},color:#1f2328`,
  );
  return ['flowchart TD', ...nodes, ...edges, ...same, ...classes].join('\n');
}

/** The plan in Graphviz's language, each node coloured by its verdict, which is its `class` too. */
export function drawDot(plan: Plan, verdictOf: (node: PlanNode) => Verdict['verdict']): string {
  const ids = idsOf(plan);
  const nodes = plan.nodes.map((node) => {
    const verdict = verdictOf(node);
    const { fill, line } = colours[verdict];
    const shape = dotShapes[node.type];
    return `  ${ids.get(node)} [label=${quoteDot(node.address)}, shape=${shape}, class=${verdict}, fillcolor="${fill}", color="${line}"];`;
  });
  const edges = edgesOf(plan).map(
    ({ from, to, role }) => `  ${ids.get(from)} -> ${ids.get(to)}${isSolid(role) ? '' : ' [style=dashed]'};`,
  );
  const same = sameNodes(plan).map(
    ([one, other]) =>
      `  ${ids.get(one)} -> ${ids.get(other)} [dir=none, style=dotted, label="same", constraint=false];`,
  );
  return [
    `digraph ${quoteDot(plan.lineage)} {`,
    '  node [style=filled, fontname="Helvetica", fontcolor="#1f2328"];',
    ...nodes,
    ...edges,
    ...same,
    '}',
  ].join('\n');
}

const colours: Readonly<Record<Verdict['verdict'], { fill: string; line: string }>> = {
  reuse: { fill: '#eaeef2', line: '#8c959f' },
  resume: { fill: '#fff8c5', line: '#bf8700' },
  run: { fill: '#dafbe1', line: '#2da44e' },
};

const mermaidShapes: Readonly<Record<NodeType, readonly [open: string, close: string]>> = {
  data: ['[(', ')]'],
  tokenizer: ['{{', '}}'],
  overlap: ['[/', '/]'],
  adopt: ['[[', ']]'],
  pretrain: ['[', ']'],
  cpt: ['[', ']'],
  trunk: ['[/', '/]'],
  checkpoint: ['[/', '\\]'],
  sft: ['[', ']'],
  dpo: ['[', ']'],
  rl: ['[', ']'],
  reward: ['{', '}'],
  generate: ['[(', ')]'],
  build: ['[(', ')]'],
  evaluate: ['([', '])'],
};

const dotShapes: Readonly<Record<NodeType, string>> = {
  data: 'cylinder',
  tokenizer: 'hexagon',
  overlap: 'note',
  adopt: 'folder',
  pretrain: 'box',
  cpt: 'box',
  trunk: 'parallelogram',
  checkpoint: 'trapezium',
  sft: 'box',
  dpo: 'box',
  rl: 'box',
  reward: 'diamond',
  generate: 'cylinder',
  build: 'cylinder',
  evaluate: 'ellipse',
};

/** What a node goes on from has a whole line, what it only reads a broken one. */
function isSolid(role: string): boolean {
  return role === 'parent' || role === 'trunk';
}

function idsOf(plan: Plan): Map<PlanNode, string> {
  return new Map(plan.nodes.map((node, place) => [node, `n${place}`]));
}

/** Addresses that are the same node as an earlier one, with that one first. */
function sameNodes(plan: Plan): [PlanNode, PlanNode][] {
  const first = firstWithKey(plan);
  return plan.nodes.flatMap((node): [PlanNode, PlanNode][] => {
    const one = first.get(node.key);
    return one === undefined || one === node ? [] : [[one, node]];
  });
}

function firstWithKey(plan: Plan): Map<Key, PlanNode> {
  return new Map(plan.nodes.toReversed().map((node) => [node.key, node]));
}

/** The address of the model that an evaluation is of. */
function modelAddress(node: PlanNode): string | undefined {
  return node.type === 'evaluate' ? node.address.slice(0, -`/${node.recipe.suite}`.length) : undefined;
}

function suiteOf(node: PlanNode): string {
  return node.type === 'evaluate' ? node.recipe.suite : node.address;
}

/** Mermaid takes quotes and whatever else it gives a meaning to as codes of characters. */
function escapeMermaid(text: string): string {
  return text.replace(/["#&<>`\\;]|\p{Cc}/gu, (character) => `#${character.codePointAt(0)};`);
}

function quoteDot(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n')}"`;
}

function add(lists: Map<PlanNode, PlanNode[]>, to: PlanNode, node: PlanNode): void {
  const list = lists.get(to);
  if (list) list.push(node);
  else lists.set(to, [node]);
}
