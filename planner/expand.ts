import type { Source as DataSource, PreparedSource } from '../schemas/types/job.ts';
import type { LineageFile } from '../schemas/types/lineage.ts';
import { type Accept, acceptancesOf, type Known } from './accept.ts';
import { type Ancestry, askedBy } from './ancestry.ts';
import { architectureOf } from './architecture.ts';
import { readAxes, type Setting, seedAxes } from './axes.ts';
import { checkBudget } from './budget.ts';
import { type Checkpoint, type FindConfig, type FindProblems, planCheckpoints } from './checkpoints.ts';
import { checkDecay } from './checks/decay.ts';
import { checkEffects } from './checks/effects.ts';
import { checkTakeaways } from './checks/takeaways.ts';
import { checkVariants } from './checks/variants.ts';
import { dataRole, type MadeSets, setNameOf, sourceOf } from './data.ts';
import { defaults } from './defaults.ts';
import { type Diagnostic, diagnose, sortDiagnostics } from './diagnostic.ts';
import { type Evaluation, evaluationsOf } from './evaluations.ts';
import { fieldsOf } from './fields.ts';
import { startOf as startOfNode } from './identity.ts';
import { planData, planTokenizers, tokenizerOf, vocabularyOf } from './inputs.ts';
import { refuseTooMany } from './limit.ts';
import type { Lineage } from './load.ts';
import { type MakeNode, nodeMaker, placementOf, sourcesOf } from './nodes.ts';
import { allowanceOf, certifier, type Learned } from './overlaps.ts';
import type { Key, Placement, Plan, PlanNode } from './plan.ts';
import { placementOfPoint, pointOf, type Run } from './point.ts';
import { stageResolver } from './resolve.ts';
import type { Resolved, Surroundings } from './resolved.ts';
import { rewardModels } from './reward-models.ts';
import { type DeclaredStage, dataReferences, declaredStages, isDataKind } from './stages.ts';
import type { Source } from './syntax.ts';
import { withTrunks } from './trunks.ts';
import { type Expansion, expandStages, type Variant } from './variants.ts';

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

/** Tokenizers, stages and their evaluations. */
function planStages(
  lineage: Lineage,
  expansion: Expansion,
  data: readonly PlanNode[],
  checkpoints: ReadonlyMap<string, Checkpoint>,
  evaluations: readonly Evaluation[],
  accept: Accept,
): { nodes: PlanNode[]; diagnostics: Diagnostic[] } {
  const { file, source } = lineage;
  const dataKeys = Object.fromEntries(data.map((node) => [node.address, node.key]));
  const { around, diagnostics } = surroundings(lineage, dataKeys);
  const tokenizers = planTokenizers(lineage, dataKeys, accept);
  const [seedAxis] = seedAxes(readAxes(source));
  const nodes = [...tokenizers.values()];
  const makeNode = nodeMaker(dataKeys, accept);
  const resolve = stageResolver(around);
  /** The roles of the data sets of stages that come of generators alone. */
  const generated = new Set<string>();
  const isGenerated = (from: DataSource) => 'generator' in from || generated.has(from.prepared);
  const certify = certifier(lineage, evaluations, dataKeys, makeNode, isGenerated);
  const untrained = untrainedModels(file, tokenizers);
  const trained = new Map<string, Start>();
  const runs = new Map<PlanNode, Run>();
  const built = new Map<string, PreparedSource>();
  const settled = new Map<Resolved, Map<number, PlanNode['settings']>>();

  const adoptedNode = (stage: DeclaredStage, address: string, placement: Placement): StageNode | undefined => {
    const checkpoint = checkpoints.get(stage.name);
    if (!checkpoint) return undefined; // it was reported
    const { recipe, architecture, files, settings, template, hasTemplate } = checkpoint;
    const circumstances = { address, stage: stage.name, axes: {}, seed: 0, parents: {}, placement };
    const node = makeNode({ type: 'adopt', recipe }, { ...circumstances, architecture, files, settings });
    const parents = { parent: node.key };
    const ancestry: Ancestry = { architecture, corpus: 'unknown', template, hasTemplate };
    trained.set(address, { ancestry, parents, learned: null });
    return { node };
  };

  const checkpointNode = (stage: DeclaredStage, { address, setting, parent }: Variant): StageNode | undefined => {
    const start = trained.get(parent ?? '');
    const run = start?.node;
    if (run?.type !== 'pretrain' && run?.type !== 'cpt') return undefined; // it was reported
    const point = start && pointOf(stage, setting, run, start.ancestry, around.report);
    if (!point) return undefined;
    const { task, ancestry, settings } = point;
    const node = makeNode(task, {
      address,
      stage: stage.name,
      axes: axesOf(setting),
      seed: run.seed,
      parents: startOfNode(run.parents),
      placement: placementOfPoint(file, stage.name, run),
      architecture: ancestry.architecture,
      settings,
    });
    trained.set(address, { ancestry, parents: { parent: node.key }, learned: start.learned, node });
    runs.set(node, run);
    return { node };
  };

  const trainingNode = (stage: DeclaredStage, variant: Variant, placement: Placement): StageNode | undefined => {
    const { address, setting } = variant;
    const [start, made] = [startOf(stage, variant), madeSets(variant)];
    const resolved = start && made && resolve.trained(stage, setting, start.ancestry, made);
    if (!resolved) return undefined; // it was reported, here or of what comes before
    const learned = certify.learn(resolved.task, start.learned);
    const gate = learned && learned !== start.learned ? certify.certificate(stage, setting, learned) : undefined;
    const node = makeNode(resolved.task, {
      ...circumstancesOf(stage, variant, resolved, placement),
      parents: start.parents,
      ...(gate && { gates: { overlap: gate.key } }),
      architecture: resolved.ancestry.architecture,
    });
    trained.set(address, { ancestry: resolved.ancestry, parents: { parent: node.key }, learned, node });
    return { node, ...(gate && { gate }) };
  };

  const dataNode = (stage: DeclaredStage, variant: Variant, placement: Placement): StageNode | undefined => {
    const { address, setting, parent } = variant;
    const [start, made] = [parent === undefined ? null : trained.get(parent), madeSets(variant)];
    const resolved = start !== undefined && made && resolve.made(stage, setting, start?.ancestry ?? null, made);
    if (!resolved) return undefined; // it was reported, here or of what comes before
    const node = makeNode(resolved.task, {
      ...circumstancesOf(stage, variant, resolved, placement),
      parents: start?.parents ?? {},
      architecture: start?.ancestry.architecture ?? null,
    });
    const prepared = dataRole(address);
    dataKeys[prepared] = node.key;
    if (sourcesOf(resolved.task).every(isGenerated)) generated.add(prepared);
    built.set(address, { prepared, ...gradingBefore(file, stage, made) });
    return { node };
  };

  const circumstancesOf = (stage: DeclaredStage, variant: Variant, resolved: Resolved, placement: Placement) => {
    const seed = seedOf(stage, variant.setting, seedAxis);
    return {
      address: variant.address,
      stage: stage.name,
      axes: axesOf(variant.setting),
      seed,
      placement,
      settings: settingsOf(stage, variant, resolved, seed),
    };
  };

  /** The data sets of stages that a node reads; undefined when one of them could not be resolved. */
  const madeSets = ({ reads }: Variant): MadeSets | undefined => {
    if (reads.size === 0) return noSets;
    const made = new Map<string, PreparedSource>();
    for (const [stage, address] of reads) {
      const set = built.get(address);
      if (!set) return undefined;
      made.set(stage, set);
    }
    return made;
  };

  /** The settings of a node; those that differ in what they start from alone share them. */
  const settingsOf = (
    stage: DeclaredStage,
    { setting }: Variant,
    resolved: Resolved,
    seed: number,
  ): PlanNode['settings'] => {
    const bySeed = settled.get(resolved) ?? new Map<number, PlanNode['settings']>();
    settled.set(resolved, bySeed);
    const known = bySeed.get(seed);
    if (known) return known;
    const allowOverlap = allowanceOf(stage);
    const allowUndecayed = fieldsOf(stage, setting).text('allowUndecayed');
    const settings = {
      ...resolved.settings,
      seed,
      ...(allowUndecayed !== undefined && { allowUndecayed }),
      ...(allowOverlap !== undefined && { allowOverlap }),
    };
    bySeed.set(seed, settings);
    return settings;
  };

  /** What a node starts from; undefined when its parent is not there or could not be resolved. */
  const startOf = (stage: DeclaredStage, { setting, parent }: Variant): Start | undefined => {
    if (parent !== undefined) return trained.get(parent);
    const model = fieldsOf(stage, setting).text('model') ?? '';
    const start = untrained.get(model);
    if (!start) throw new Error(`no tokenizer for the model ${model}`);
    return start;
  };

  const evaluated = new Set<string>(file.evaluate?.each);
  const rewardModelOf = rewardModels(lineage, expansion, around.report);
  const scoredLater: (() => PlanNode[])[] = [];
  const gates = new Set<PlanNode>();
  for (const { scope, variants } of expansion.stages) {
    const { stage } = scope;
    const placement = placementOf(file, stage.name);
    for (const variant of variants) {
      const made =
        stage.kind === 'adopt'
          ? adoptedNode(stage, variant.address, placement)
          : stage.kind === 'checkpoint'
            ? checkpointNode(stage, variant)
            : isDataKind(stage.kind)
              ? dataNode(stage, variant, placement)
              : trainingNode(stage, variant, placement);
      if (!made) continue;
      const { node, gate } = made;
      if (gate && !gates.has(gate)) nodes.push(gate);
      if (gate) gates.add(gate);
      nodes.push(node);
      const start = trained.get(variant.address);
      if (!evaluated.has(stage.name) || !start) continue;
      const evaluationsBy = (judge: Start | undefined, isMeant: (evaluation: Evaluation) => boolean) =>
        evaluations
          .filter(isMeant)
          .map((evaluation) => evaluationNode(lineage, node, start, judge, evaluation, around, makeNode));
      const judge = rewardModelOf(stage, variant);
      nodes.push(...evaluationsBy(undefined, (evaluation) => judge === undefined || !isScored(evaluation)));
      if (judge === undefined) continue;
      // What scores the responses may come of the model that gives them: it is there once all stages are.
      scoredLater.push(() => (trained.has(judge) ? evaluationsBy(trained.get(judge), isScored) : []));
    }
  }
  for (const evaluationsOf of scoredLater) nodes.push(...evaluationsOf());
  return { nodes: withTrunks(nodes, makeNode, runs), diagnostics };
}

/** A node of a stage, and the certificate that it waits for. */
interface StageNode {
  node: PlanNode;
  gate?: PlanNode;
}

const noSets: MadeSets = new Map();

/** Whether a reward model has something to score in an evaluation. */
function isScored({ recipe }: Evaluation): boolean {
  return recipe.kind === 'problems';
}

/** How the problems are graded that a stage makes its data set of: as those of the first that it reads. */
function gradingBefore(file: LineageFile, { body }: DeclaredStage, made: MadeSets): Pick<PreparedSource, 'grading'> {
  const [reference = ''] = dataReferences(body);
  const source = sourceOf(file, setNameOf(reference), made);
  return 'prepared' in source && source.grading ? { grading: source.grading } : {};
}

/** The axes' values of a setting, as YAML reads them. */
function axesOf(setting: Setting): PlanNode['axes'] {
  return Object.fromEntries([...setting].map(([name, { value }]) => [name, value]));
}

/** What a training node starts from: its ancestry, the keys of its parent or of its tokenizer by role, the problems learned from. */
interface Start {
  /** The stage's node, where it starts from one that is trained here. */
  node?: PlanNode;
  ancestry: Ancestry;
  parents: Record<string, Key>;
  learned: Learned | null;
}

/** What pretraining starts from, by model: random weights, and the model's tokenizer. */
function untrainedModels(file: LineageFile, tokenizers: ReadonlyMap<string, PlanNode>): Map<string, Start> {
  const starts = new Map<string, Start>();
  for (const model of Object.keys(file.models ?? {})) {
    const tokenizer = tokenizers.get(tokenizerOf(file, model));
    if (tokenizer?.type !== 'tokenizer') continue; // nothing pretrains this model
    const architecture = architectureOf(file, model, vocabularyOf(tokenizer.recipe));
    starts.set(model, {
      ancestry: { architecture, corpus: null, template: 'paper', hasTemplate: true },
      parents: { tokenizer: tokenizer.key },
      learned: null,
    });
  }
  return starts;
}

function evaluationNode(
  { file }: Lineage,
  { address, stage, axes, placement, architecture }: PlanNode,
  { ancestry, parents }: Start,
  judge: Start | undefined,
  { suite, recipe, settings }: Evaluation,
  around: Surroundings,
  makeNode: MakeNode,
): PlanNode {
  if (recipe.kind === 'problems' && architecture && recipe.maxResponse >= architecture.context) {
    const message = `a response of ${recipe.maxResponse} tokens leaves no room for a prompt in the context of ${architecture.context} of \`${stage}\``;
    around.report(
      ['evaluate', ...(file.evaluate?.maxResponse === undefined ? [] : ['maxResponse'])],
      'bad-value',
      message,
      'lower `maxResponse`, or give the model a longer `context`',
    );
  }
  const { template } = askedBy(ancestry.template);
  const rewardTemplate = judge && askedBy(judge.ancestry.template).template;
  const asked =
    // The recipe itself where nothing is added: what is known of it is known by the object.
    recipe.kind === 'problems' && (template || rewardTemplate)
      ? { ...recipe, ...(template && { template }), ...(rewardTemplate && { rewardTemplate }) }
      : recipe;
  return makeNode(
    { type: 'evaluate', recipe: asked },
    {
      address: `${address}/${suite}`,
      stage,
      axes,
      seed: file.evaluate?.seed ?? defaults.evaluate.seed,
      parents: judge ? { ...parents, rewardModel: judge.parents.parent as Key } : parents,
      placement,
      architecture,
      settings,
    },
  );
}

function surroundings(
  { file, source }: Lineage,
  dataKeys: Surroundings['dataKeys'],
): { around: Surroundings; diagnostics: Diagnostic[] } {
  const diagnostics: Diagnostic[] = [];
  const told = new Set<string>();
  const around: Surroundings = {
    file,
    dataKeys,
    report(path, code, message, hint) {
      const place = source.place(path);
      const same = `${place.line}:${place.column} ${code}`; // all variants of a node are wrong in one way
      if (!told.has(same)) diagnostics.push(diagnose(source.file, place, code, message, { hint }));
      told.add(same);
    },
  };
  return { around, diagnostics };
}

/** A stage's own seed, else the value of the axis of seeds, else 0. */
function seedOf(stage: DeclaredStage, setting: Setting, seedAxis: string | undefined): number {
  const value = setting.get(seedAxis ?? '')?.value;
  return fieldsOf(stage, setting).seed('seed') ?? (typeof value === 'number' ? value : defaults.seed);
}
