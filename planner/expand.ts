import { acceptancesOf, type Known } from './accept.ts';
import { readAxes } from './axes.ts';
import { checkBudget } from './budget.ts';
import { type FindConfig, type FindProblems, planCheckpoints } from './checkpoints.ts';
import { checkDecay } from './checks/decay.ts';
import { checkEffects } from './checks/effects.ts';
import { checkTakeaways } from './checks/takeaways.ts';
import { checkVariants } from './checks/variants.ts';
import { type Diagnostic, sortDiagnostics } from './diagnostic.ts';
import { evaluationsOf } from './evaluations.ts';
import { planData } from './inputs.ts';
import { refuseTooMany } from './limit.ts';
import type { Lineage } from './load.ts';
import type { Plan, PlanNode } from './plan.ts';
import { planStages } from './stage-nodes.ts';
import { declaredStages } from './stages.ts';
import type { Source } from './syntax.ts';
import { expandStages } from './variants.ts';

/** Most nodes that a plan may have, unless its caller allows more. */
const usualMostNodes = 10_000;

/**
 * A plan with what there is to warn of and where things stand in the file, or every diagnostic there is with its text; where
 * nothing is wrong but what it costs, with the plan as well.
 */
export type Planned =
  | { ok: true; plan: Plan; warnings: Diagnostic[]; source: Source }
  | { ok: false; diagnostics: Diagnostic[]; text: string; overBudget?: Extract<Planned, { ok: true }> };

/** What planning may be told besides the file. */
export interface PlanOptions extends Partial<Known> {
  mostNodes?: number;
  findConfig?: FindConfig;
  findProblems?: FindProblems;
}

/**
 * Expands a lineage into its plan: the data sets and tokenizers that are needed, then each stage once for every setting of
 * its axes, each node followed by its evaluations. Parents come first; otherwise what is declared first comes first. The
 * same file with the same data gives the same plan. Nothing is read but files of data and of adopted models, for their
 * digests; what the Hub has of such a model is asked of `findConfig`, and what is wrong with one in a folder of
 * `findProblems`. An expansion to more than `mostNodes` is refused. Artifacts that the file accepts are looked up by `findStored`, and what
 * was accepted before in `earlier`; without a store there is neither.
 */
export async function planLineage(
  lineage: Lineage,
  {
    mostNodes = usualMostNodes,
    findStored = () => [],
    earlier = () => [],
    findConfig = notAsked,
    findProblems = () => [],
  }: PlanOptions = {},
): Promise<Planned> {
  const { source } = lineage;
  const refused = (diagnostics: Diagnostic[]) => ({
    ok: false as const,
    diagnostics: sortDiagnostics(diagnostics),
    text: source.text,
  });
  const tooMany = refuseTooMany(lineage, mostNodes);
  if (tooMany) return refused([tooMany]);
  const acceptance = acceptancesOf(lineage, { findStored, earlier });
  const data = await planData(lineage, acceptance.accept);
  const adopted = await planCheckpoints(lineage, findConfig, findProblems);
  const { evaluations, diagnostics: ofSuites } = evaluationsOf(lineage);
  const expansion = expandStages(source);
  const diagnostics = [...data.diagnostics, ...adopted.diagnostics, ...ofSuites, ...checkVariants(source, expansion)];
  if (data.diagnostics.length > 0) return refused(diagnostics);
  const stages = planStages(lineage, expansion, data.nodes, adopted.checkpoints, evaluations, acceptance.accept);
  const undecayed = checkDecay(source, lineage.file.accept, declaredStages(source.value), stages.nodes);
  diagnostics.push(...stages.diagnostics, ...undecayed);
  const plan = planOf(lineage, [...data.nodes, ...stages.nodes]);
  const accepted = acceptance.review(plan.nodes, diagnostics.length === 0);
  diagnostics.push(...accepted.errors);
  if (diagnostics.length > 0) return refused(diagnostics);
  const takeaways = checkTakeaways(lineage, plan);
  const wrong = takeaways.filter(({ severity }) => severity === 'error');
  const overrun = checkBudget(source, lineage.file.budget, plan.nodes);
  if (wrong.length > 0) return refused([...wrong, ...overrun]);
  const warnings = [...accepted.warnings, ...checkEffects(source, lineage.file, plan.nodes), ...takeaways];
  const planned = { ok: true as const, plan, warnings: sortDiagnostics(warnings), source };
  return overrun.length > 0 ? { ...refused(overrun), overBudget: planned } : planned;
}

/** What is on the Hub, to who plans without it. */
const notAsked: FindConfig = async () => ({
  ok: false,
  problem: 'is on the Hugging Face Hub, which was not asked',
  hint: 'plan it with `descent plan`, or adopt a folder',
});

function planOf({ path, file, source }: Lineage, nodes: PlanNode[]): Plan {
  const axes: Plan['axes'] = {};
  for (const { name, values, replicate } of readAxes(source).values())
    axes[name] = { values: values.map(({ value }) => value), replicate };
  return { plan: 1, lineage: file.lineage, title: file.title ?? null, file: path, axes, declared: file, nodes };
}
