import type { Diagnostic } from '../planner/diagnostic.ts';
import { type Mark, marksOf } from '../planner/marks.ts';
import type { Key, Plan, PlanNode } from '../planner/plan.ts';
import { reasonText } from '../planner/reason.ts';
import { restrict } from '../planner/select.ts';
import { judge, type NodeState, type Verdict, verdictOf } from '../planner/verdict.ts';
import { nodesInspector } from '../store/artifact.ts';
import { findHome } from '../store/home.ts';
import { plansRun } from '../store/plans.ts';
import { absolute, type Context, type ExitCode, exitCodes } from './context.ts';
import { forceSelected, refuseForcedOutside } from './forcing.ts';
import { priceWithin, type Refused, type Valid } from './hours.ts';
import { downloadNotes, estimateNotes, planFile, printDiagnostics, printWarnings, refuse } from './lineage-file.ts';
import { refuseOtherFile, writePlanFile } from './plan-file.ts';
import { costReport, priceReport } from './price-report.ts';
import type { Pricing } from './pricing.ts';
import { nodesToRun, planCounts, renderPlan } from './render/plan.ts';
import { selectNodes } from './selection.ts';
import { shellWord } from './shell.ts';
import { withStorage } from './storage.ts';

/**
 * `descent plan FILE`: what would run, why, and what it costs. Starts nothing, loads neither Temporal nor TensorFlow, and
 * DuckDB only where there are results whose speeds it can tell. A plan over its budget is shown before it is refused.
 */
export async function plan(file: string, options: PlanOptions, context: Context): Promise<ExitCode> {
  if (options.output !== undefined) await refuseOtherFile(absolute(context, options.output), options.output);
  const planned = await planFile(file, context);
  if (planned.ok) return showPlan(planned, null, options, context);
  if (planned.overBudget) return showPlan(planned.overBudget, planned, options, context);
  return refuse(file, planned, options, context);
}

interface PlanOptions {
  json?: true;
  detailedExitcode?: true;
  select?: string[];
  force?: string[];
  output?: string;
}

/** Prints the plan with its price, and then why it is refused; what is refused is not written. */
async function showPlan(
  planned: Valid,
  overrun: Refused | null,
  options: PlanOptions,
  context: Context,
): Promise<ExitCode> {
  const { terminal } = context;
  if (!options.json) printWarnings(planned, context);
  const all = await forceSelected(planned.plan, options.force, context);
  const nodes = await selectNodes(all, options.select, context);
  const chosen = options.select ? restrict(all, nodes) : all;
  refuseForcedOutside(all, chosen.nodes);
  const verdicts = await judgeAgainstStore(all, context, chosen.nodes);
  const shown = { ...all, nodes };
  const marks = marksOf(all.nodes);
  const priced = await priceWithin(planned, verdicts, context);
  const refused = overrun ?? priced.refused;
  const { estimate, notes } = priced.price(nodes, verdicts);
  const toRun = nodesToRun(restrict(all, nodes), verdicts);
  const again = repeatNotes(all, nodes, verdicts);
  const pricing = {
    estimate,
    notes: [...notes, ...priced.notes, ...again, ...downloadNotes(toRun), ...estimateNotes(toRun)],
  };
  terminal.out(
    options.json
      ? JSON.stringify(
          planReport(shown, verdicts, pricing, marks, planned.warnings, refused?.diagnostics ?? []),
          null,
          2,
        )
      : renderPlan(
          shown,
          verdicts,
          pricing,
          marks,
          terminal.colours,
          terminal.interactive ? terminal.columns : undefined,
        ),
  );
  if (refused) {
    if (!options.json) printDiagnostics(refused, context);
    return exitCodes.refused;
  }
  if (options.output !== undefined) {
    await writePlanFile(
      absolute(context, options.output),
      chosen,
      planned.source.text,
      verdicts,
      options.select ?? null,
    );
    terminal.err(`written: run it with descent run --plan ${shellWord(options.output)}`);
  }
  const pending = nodesToRun(shown, verdicts).length > 0;
  return options.detailedExitcode && pending ? exitCodes.pending : exitCodes.fine;
}

/** Of checkpoints that are asked for once their run is done: what came before them is not kept, and runs again. */
function repeatNotes(plan: Plan, nodes: readonly PlanNode[], verdicts: ReadonlyMap<Key, Verdict>): string[] {
  const byAddress = new Map(plan.nodes.map((node) => [node.address, node]));
  const again = nodes.flatMap((node) => {
    const run = node.type === 'checkpoint' ? byAddress.get(String(node.settings.of)) : undefined;
    if (!run || verdictOf(node, verdicts).verdict === 'reuse' || verdictOf(run, verdicts).verdict !== 'reuse')
      return [];
    return [node.address];
  });
  const [first, ...others] = again;
  if (first === undefined) return [];
  const more = others.length > 0 ? ` (and ${others.length} more)` : '';
  return [`${first}${more}: its run is done, and kept none of what came before its end: those steps run again`];
}

/** Each node's verdict against what this home's store holds, and the object storage where one is configured; `part` are the nodes that are meant to run, with what they need. */
export async function judgeAgainstStore(
  plan: Plan,
  context: Context,
  part: readonly PlanNode[] = plan.nodes,
): Promise<Map<Key, Verdict>> {
  const home = findHome(context.cwd, context.env);
  const here = nodesInspector(home);
  const elsewhere = await withStorage(context, (storage) => storage.lately());
  const state = (key: Key, from?: number): NodeState => {
    const found = here(key, from);
    if (found.state === 'done' || elsewhere === undefined) return found;
    const shared = elsewhere.state(key, from);
    return shared.state === 'done' ? shared : found;
  };
  return judge(plan, state, plansRun(home, plan.lineage), part);
}

/** What `plan --json` prints. */
function planReport(
  plan: Plan,
  verdicts: ReadonlyMap<Key, Verdict>,
  pricing: Pricing,
  marks: ReadonlyMap<string, readonly Mark[]>,
  warnings: readonly Diagnostic[],
  errors: readonly Diagnostic[],
): object {
  return {
    lineage: plan.lineage,
    title: plan.title,
    file: plan.file,
    warnings,
    errors,
    nodes: pricing.estimate.nodes.map((cost) => {
      const { node } = cost;
      const verdict = verdictOf(node, verdicts);
      return {
        verdict: verdict.verdict,
        reason: { ...verdict.reason, text: reasonText(node, verdict) },
        address: node.address,
        key: node.key,
        ...(node.accepted && { accepted: node.accepted }),
        type: node.type,
        stage: node.stage,
        axes: node.axes,
        seed: node.seed,
        ...(marks.has(node.address) && { marks: marks.get(node.address) }),
        parents: node.parents,
        gates: node.gates ?? {},
        settings: node.settings,
        price: costReport(cost),
      };
    }),
    total: { ...planCounts(plan, verdicts), ...priceReport(pricing) },
  };
}
