import type { Key, Plan, Verdict } from '../planner/plan.ts';
import { judge } from '../planner/verdict.ts';
import { inspectNode } from '../store/artifact.ts';
import { findHome } from '../store/home.ts';
import { type Context, type ExitCode, exitCodes } from './context.ts';
import { planFile, printDiagnostics } from './lineage-file.ts';
import { nodesToRun, renderPlan, verdictCounts, verdictOf } from './render/plan.ts';
import { totalWork, workOf } from './workload.ts';

/** `descent plan FILE`: what would run, and why. Starts nothing, and loads neither Temporal nor DuckDB nor TensorFlow. */
export async function plan(
  file: string,
  options: { json?: true; detailedExitcode?: true },
  context: Context,
): Promise<ExitCode> {
  const { terminal } = context;
  const planned = await planFile(file);
  if (!planned.ok) {
    printDiagnostics(planned, context);
    return exitCodes.refused;
  }
  const verdicts = judgeAgainstStore(planned.plan, context);
  terminal.out(
    options.json
      ? JSON.stringify(planReport(planned.plan, verdicts), null, 2)
      : renderPlan(planned.plan, verdicts, terminal.colours),
  );
  const pending = nodesToRun(planned.plan, verdicts).length > 0;
  return options.detailedExitcode && pending ? exitCodes.pending : exitCodes.fine;
}

/** Each node's verdict against what this home's store holds. */
export function judgeAgainstStore(plan: Plan, context: Context): Map<Key, Verdict> {
  const home = findHome(context.cwd, context.env);
  return judge(plan, (key) => inspectNode(home, key));
}

/** What `plan --json` prints. */
function planReport(plan: Plan, verdicts: ReadonlyMap<Key, Verdict>): object {
  return {
    lineage: plan.lineage,
    title: plan.title,
    file: plan.file,
    nodes: plan.nodes.map((node) => {
      const { steps, tokens } = workOf(node);
      return {
        ...verdictOf(node, verdicts),
        address: node.address,
        key: node.key,
        type: node.type,
        stage: node.stage,
        axes: node.axes,
        seed: node.seed,
        parents: node.parents,
        settings: node.settings,
        steps,
        tokens,
      };
    }),
    total: { nodes: plan.nodes.length, ...verdictCounts(plan, verdicts), ...totalWork(nodesToRun(plan, verdicts)) },
  };
}
