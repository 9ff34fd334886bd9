import type { Source as DataSource, PreparedSource } from '../schemas/types/job.ts';
import type { LineageFile } from '../schemas/types/lineage.ts';
import type { Accept } from './accept.ts';
import type { Ancestry } from './ancestry.ts';
import { readAxes, type Setting, seedAxes, valuesIn } from './axes.ts';
import type { Checkpoint } from './checkpoints.ts';
import { dataRole, type MadeSets, setNameOf, sourceOf } from './data.ts';
import { defaults } from './defaults.ts';
import { type Diagnostic, diagnose } from './diagnostic.ts';
import { evaluatedStages } from './evaluated.ts';
import { evaluationNode, isScored } from './evaluation-nodes.ts';
import type { Evaluation } from './evaluations.ts';
import { fieldsOf } from './fields.ts';
import { startOf as startOfNode } from './identity.ts';
import { planTokenizers } from './inputs.ts';
import type { Lineage } from './load.ts';
import { nodeMaker, placementOf, sourcesOf } from './nodes.ts';
import { allowanceOf, certifier } from './overlaps.ts';
import type { Placement, PlanNode } from './plan.ts';
import { placementOfPoint, pointOf, type Run } from './point.ts';
import { stageResolver } from './resolve.ts';
import type { Resolved, Surroundings } from './resolved.ts';
import { rewardModels } from './reward-models.ts';
import { type DeclaredStage, dataReferences, isDataKind } from './stages.ts';
import { type Start, untrainedModels } from './starts.ts';
import { withTrunks } from './trunks.ts';
import type { Expansion, Variant } from './variants.ts';

/** The nodes of a plan after those of its data: tokenizers, stages and their evaluations; and what does not fit. */
export function planStages(
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
    const { recipe, architecture, head, files, settings, template, hasTemplate } = checkpoint;
    const circumstances = { address, stage: stage.name, axes: {}, seed: 0, parents: {}, placement };
    const node = makeNode({ type: 'adopt', recipe }, { ...circumstances, architecture, files, settings });
    const parents = { parent: node.key };
    const ancestry: Ancestry = { architecture, corpus: 'unknown', template, hasTemplate };
    trained.set(address, { head, ancestry, parents, learned: null });
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
      axes: valuesIn(setting),
      seed: run.seed,
      parents: startOfNode(run.parents),
      placement: placementOfPoint(file, stage.name, run),
      architecture: ancestry.architecture,
      settings,
    });
    const { head, learned } = start;
    trained.set(address, { head, ancestry, parents: { parent: node.key }, learned, node });
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
    const head = stage.kind === 'reward' ? 'score' : 'language';
    trained.set(address, { head, ancestry: resolved.ancestry, parents: { parent: node.key }, learned, node });
    return { node, ...(gate && { gate }) };
  };

  const dataNode = (stage: DeclaredStage, variant: Variant, placement: Placement): StageNode | undefined => {
    const { address, setting, parent } = variant;
    const [start, made] = [parent === undefined ? null : modelOf(stage, parent), madeSets(variant)];
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
      axes: valuesIn(variant.setting),
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
    if (parent !== undefined) return modelOf(stage, parent);
    const model = fieldsOf(stage, setting).text('model') ?? '';
    const start = untrained.get(model);
    if (!start) throw new Error(`no tokenizer for the model ${model}`);
    return start;
  };

  /** The language model that a stage starts from. An adopted one shows only here whether it is one. */
  const modelOf = ({ name, kind, from }: DeclaredStage, parent: string): Start | undefined => {
    const start = trained.get(parent);
    if (start?.head !== 'score') return start;
    const message = `\`${name}\` starts from \`${from?.stage}\`, which adopts a reward model and no language model`;
    around.report(['stages', name, kind ?? '', 'from'], 'bad-value', message, 'adopt a language model');
    return undefined;
  };

  const evaluated = evaluatedStages(file);
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
      const place = evaluated.indexOf(stage.name);
      if (place < 0 || !start) continue;
      if (start.head === 'score') {
        const message = `\`${stage.name}\` adopts a reward model, and no language model that could be evaluated`;
        around.report(['evaluate', 'each', place], 'bad-value', message, 'name it as `rewardModel`, or remove it');
        continue;
      }
      const evaluationsBy = (judge: Start | undefined, isMeant: (evaluation: Evaluation) => boolean) =>
        evaluations
          .filter(isMeant)
          .map((evaluation) => evaluationNode(lineage, node, start, judge, evaluation, around, makeNode));
      const judge = rewardModelOf(stage, variant);
      nodes.push(...evaluationsBy(undefined, (evaluation) => judge === undefined || !isScored(evaluation)));
      if (judge === undefined) continue;
      // What scores the responses may come of the model that gives them: it is there once all stages are.
      scoredLater.push(() => {
        const by = trained.get(judge);
        if (by?.head === 'score') return evaluationsBy(by, isScored);
        if (by) {
          const message = `\`${judge}\` adopts a language model, which gives no scores`;
          around.report(['evaluate', 'rewardModel'], 'bad-value', message, 'adopt a reward model, or train one');
        }
        return [];
      });
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

/** How the problems are graded that a stage makes its data set of: as those of the first that it reads. */
function gradingBefore(file: LineageFile, { body }: DeclaredStage, made: MadeSets): Pick<PreparedSource, 'grading'> {
  const [reference = ''] = dataReferences(body);
  const source = sourceOf(file, setNameOf(reference), made);
  return 'prepared' in source && source.grading ? { grading: source.grading } : {};
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
