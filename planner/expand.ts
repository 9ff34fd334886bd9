import { architectureOf } from './architecture.ts';
import { type Axis, addressOf, findValue, readAxes, type Setting, seedAxes, settingsOf } from './axes.ts';
import { defaults } from './defaults.ts';
import { type Diagnostic, diagnose, sortDiagnostics } from './diagnostic.ts';
import { type Evaluation, evaluationsOf } from './evaluations.ts';
import { fieldsOf } from './fields.ts';
import { planData, planTokenizers, tokenizerOf, vocabularyOf } from './inputs.ts';
import type { Lineage } from './load.ts';
import { makeNode, placementOf } from './nodes.ts';
import type { Key, Plan, PlanNode } from './plan.ts';
import { type Ancestry, type ResolvedStage, resolveStage, type Surroundings } from './resolve.ts';
import { axesOfStages, type DeclaredStage, declaredStages, parentsFirst } from './stages.ts';

/** Most nodes that a plan may have. */
const mostNodes = 10_000;

/** A plan, or every diagnostic there is with the text that they speak of. */
export type Planned = { ok: true; plan: Plan } | { ok: false; diagnostics: Diagnostic[]; text: string };

/**
 * Expands a lineage into its plan: the data sets and tokenizers that are needed, then each stage once for every setting of
 * its axes, each node followed by its evaluations. Parents come first; otherwise what is declared first comes first. The
 * same file with the same data gives the same plan. Nothing is read but the data files, for their digests.
 */
export async function planLineage(lineage: Lineage): Promise<Planned> {
  const { source } = lineage;
  const refused = (diagnostics: Diagnostic[]): Planned => ({
    ok: false,
    diagnostics: sortDiagnostics(diagnostics),
    text: source.text,
  });
  const tooMany = countNodes(lineage);
  if (tooMany) return refused([tooMany]);
  const data = await planData(lineage);
  const { evaluations, diagnostics: ofSuites } = evaluationsOf(lineage);
  const diagnostics = [...data.diagnostics, ...ofSuites];
  if (data.diagnostics.length > 0) return refused(diagnostics);
  const stages = planStages(lineage, data.nodes, evaluations);
  diagnostics.push(...stages.diagnostics);
  return diagnostics.length > 0
    ? refused(diagnostics)
    : { ok: true, plan: planOf(lineage, [...data.nodes, ...stages.nodes]) };
}

function planOf({ path, file, source }: Lineage, nodes: PlanNode[]): Plan {
  const axes: Plan['axes'] = {};
  for (const { name, values, replicate } of readAxes(source).values())
    axes[name] = { values: values.map(({ value }) => value), replicate };
  return { plan: 1, lineage: file.lineage, title: file.title ?? null, file: path, axes, nodes };
}

/** Tokenizers, stages and their evaluations. */
function planStages(
  lineage: Lineage,
  data: readonly PlanNode[],
  evaluations: readonly Evaluation[],
): { nodes: PlanNode[]; diagnostics: Diagnostic[] } {
  const { file, source } = lineage;
  const { around, diagnostics } = surroundings(lineage, data);
  const tokenizers = planTokenizers(lineage, around.dataKeys);
  const axes = readAxes(source);
  const stages = declaredStages(source.value);
  const axesOf = axesOfStages(stages, axes);
  const nodes = [...tokenizers.values()];
  const trained = new Map<string, Ancestry & { key: Key }>();

  const trainingNode = (stage: DeclaredStage, setting: Setting): PlanNode | undefined => {
    const address = addressOf(stage.name, setting);
    const start = startOf(stage, setting);
    const within = setting.size === 0 ? around : reportingFor(address, around);
    const resolved = start && resolveStage(stage, setting, start.ancestry, within);
    if (!resolved) return undefined; // it was reported, here or of the parent
    const seed = seedOf(stage, setting, axes);
    const node = makeNode(resolved.task, {
      address,
      stage: stage.name,
      axes: Object.fromEntries([...setting].map(([name, { value }]) => [name, value])),
      seed,
      parents: start.parents,
      dataKeys: around.dataKeys,
      placement: placementOf(file, stage.name),
      architecture: resolved.architecture,
      settings: { ...resolved.settings, seed },
    });
    trained.set(address, { key: node.key, ...ancestryOf(resolved) });
    return node;
  };

  /** What a node starts from: its parent's node, or random weights and a tokenizer. */
  const startOf = (
    stage: DeclaredStage,
    setting: Setting,
  ): { ancestry: Ancestry; parents: Record<string, Key> } | undefined => {
    if (stage.from) {
      const parent = trained.get(parentAddress(stage.from, setting, axesOf));
      return parent && { ancestry: parent, parents: { parent: parent.key } };
    }
    const model = fieldsOf(stage, setting).text('model') ?? '';
    const tokenizer = tokenizers.get(tokenizerOf(file, model));
    if (tokenizer?.type !== 'tokenizer') throw new Error(`no tokenizer for the model ${model}`);
    return {
      ancestry: { architecture: architectureOf(file, model, vocabularyOf(tokenizer.recipe)), corpus: null },
      parents: { tokenizer: tokenizer.key },
    };
  };

  const evaluated = new Set<string>(file.evaluate?.each);
  for (const stage of parentsFirst(stages)) {
    for (const setting of settingsOf(axesOf.get(stage.name) ?? [])) {
      const node = trainingNode(stage, setting);
      if (!node) continue;
      nodes.push(node);
      if (evaluated.has(stage.name))
        for (const evaluation of evaluations) nodes.push(evaluationNode(lineage, node, evaluation, around));
    }
  }
  return { nodes, diagnostics };
}

function evaluationNode(
  { file }: Lineage,
  { address, stage, axes, key, placement, architecture }: PlanNode,
  { suite, recipe, settings }: Evaluation,
  around: Surroundings,
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
  return makeNode(
    { type: 'evaluate', recipe },
    {
      address: `${address}/${suite}`,
      stage,
      axes,
      seed: file.evaluate?.seed ?? defaults.evaluate.seed,
      parents: { parent: key },
      dataKeys: around.dataKeys,
      placement,
      architecture,
      settings,
    },
  );
}

function surroundings(
  { file, source }: Lineage,
  data: readonly PlanNode[],
): { around: Surroundings; diagnostics: Diagnostic[] } {
  const diagnostics: Diagnostic[] = [];
  const told = new Set<string>();
  const around: Surroundings = {
    file,
    dataKeys: Object.fromEntries(data.map((node) => [node.address, node.key])),
    report(path, code, message, hint) {
      const place = source.place(path);
      const same = `${place.line}:${place.column} ${code}`; // all variants of a node are wrong in one way
      if (!told.has(same)) diagnostics.push(diagnose(source.file, place, code, message, { hint }));
      told.add(same);
    },
  };
  return { around, diagnostics };
}

/** Says of which variant a report is. */
function reportingFor(address: string, around: Surroundings): Surroundings {
  return {
    ...around,
    report: (path, code, message, hint) => around.report(path, code, `${message} (in \`${address}\`)`, hint),
  };
}

function ancestryOf({ architecture, corpus }: ResolvedStage): Ancestry {
  return { architecture, corpus };
}

/** The variant that a reference picks: its pinned values, for the other axes those of the child. */
function parentAddress(
  from: NonNullable<DeclaredStage['from']>,
  setting: Setting,
  axesOf: ReadonlyMap<string, Axis[]>,
): string {
  const own = (axesOf.get(from.stage) ?? []).flatMap((axis) => {
    const pinned = from.pins.get(axis.name);
    const value = pinned === undefined ? setting.get(axis.name) : findValue(axis, pinned);
    return value ? [[axis.name, value] as const] : [];
  });
  return addressOf(from.stage, new Map(own));
}

/** A stage's own seed, else the value of the axis of seeds, else 0. */
function seedOf(stage: DeclaredStage, setting: Setting, axes: ReadonlyMap<string, Axis>): number {
  const value = setting.get(seedAxes(axes)[0] ?? '')?.value;
  return fieldsOf(stage, setting).seed('seed') ?? (typeof value === 'number' ? value : defaults.seed);
}

/** Refuses an expansion past the limit, with the product spelled out. */
function countNodes({ file, source }: Lineage): Diagnostic | undefined {
  const stages = declaredStages(source.value);
  const axesOf = axesOfStages(stages, readAxes(source));
  const evaluated = new Set<string>(file.evaluate?.each);
  let total = 0;
  const products = parentsFirst(stages).map(({ name }) => {
    const factors = axesOf.get(name) ?? [];
    const suites = evaluated.has(name) ? (file.evaluate?.suites.length ?? 0) : 0;
    total += factors.reduce((product, axis) => product * axis.values.length, 1) * (1 + suites);
    const spelled = [
      ...factors.map((axis) => `${axis.values.length} ${axis.name}`),
      ...(suites > 0 ? [`(1 + ${suites} evaluations)`] : []),
    ];
    return `${name}: ${spelled.join(' × ') || '1'}`;
  });
  if (total <= mostNodes) return undefined;
  const message = `this lineage has ${total.toLocaleString('en')} nodes; a plan has at most ${mostNodes.toLocaleString('en')}`;
  const hint = 'take values from an axis, or make two lineages: what they share is trained once';
  return diagnose(source.file, source.keyPlace([file.axes ? 'axes' : 'stages']), 'too-many-nodes', message, {
    expected: products.join('; '),
    hint,
  });
}
