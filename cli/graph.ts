import { drawDot, drawMermaid, drawTree, edgesOf } from '../planner/graph.ts';
import type { Plan, PlanNode } from '../planner/plan.ts';
import { type Verdict, verdictOf } from '../planner/verdict.ts';
import { type Context, type ExitCode, exitCodes } from './context.ts';
import { planFile, refuse } from './lineage-file.ts';
import { judgeAgainstStore } from './plan.ts';
import { COLOURED } from './render/plan.ts';
import type { Colours } from './render/terminal.ts';
import { selectNodes } from './selection.ts';

/** Options of `descent graph`. */
export interface GraphOptions {
  format: 'text' | 'mermaid' | 'dot';
  json?: true;
  select?: string[];
}

/** `descent graph FILE`: what needs what, for a person, for Mermaid or for Graphviz. Starts nothing, as `plan`. */
export async function graph(file: string, options: GraphOptions, context: Context): Promise<ExitCode> {
  const planned = await planFile(file, context);
  if (!planned.ok) return refuse(file, planned, options, context);
  const nodes = await selectNodes(planned.plan, options.select, context);
  const verdicts = await judgeAgainstStore(planned.plan, context);
  const verdict = (node: PlanNode) => verdictOf(node, verdicts).verdict;
  const shown = { ...planned.plan, nodes };
  const { terminal } = context;
  terminal.out(
    options.json
      ? JSON.stringify(graphReport(shown, verdict), null, 2)
      : draw[options.format](shown, verdict, terminal.colours),
  );
  return exitCodes.fine;
}

type VerdictReader = (node: PlanNode) => Verdict['verdict'];

const draw: Readonly<Record<GraphOptions['format'], (plan: Plan, verdict: VerdictReader, colours: Colours) => string>> =
  {
    text: (plan, verdict, colours) => drawTree(plan, (text, node) => COLOURED[verdict(node)](colours)(text)),
    mermaid: drawMermaid,
    dot: drawDot,
  };

/** What `graph --json` prints. */
function graphReport(plan: Plan, verdict: VerdictReader): object {
  return {
    lineage: plan.lineage,
    nodes: plan.nodes.map((node) => ({
      address: node.address,
      key: node.key,
      type: node.type,
      verdict: verdict(node),
    })),
    edges: edgesOf(plan).map(({ from, to, role }) => ({ from: from.address, to: to.address, role })),
  };
}
