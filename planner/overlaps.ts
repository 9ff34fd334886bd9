import { nameOfSelection } from '../schemas/certificate.ts';
import type { Comparison, OverlapRecipe, Selection, Source } from '../schemas/types/job.ts';
import { addressOf, axisNamed, type Setting, valuesIn } from './axes.ts';
import { defaults } from './defaults.ts';
import { evaluatedStages } from './evaluated.ts';
import type { Evaluation } from './evaluations.ts';
import { sourceIdentity } from './identity.ts';
import { canonicalJson } from './key.ts';
import type { Lineage } from './load.ts';
import { type MakeNode, placementOf } from './nodes.ts';
import type { Key, PlanNode, Task } from './plan.ts';
import { type DeclaredStage, declaredStages, parseReference, stagesBefore } from './stages.ts';
import { own, scalars } from './tree.ts';

/** The problems that a model learned from, the newest first; the same object for the same problems in the same order. */
export interface Learned {
  readonly selection: Selection;
  readonly before: Learned | null;
}

/** What the stages of one plan learn from that learn from problems, and the certificates that they wait for. */
export interface Certifier {
  /** What a model has learned from after a task; those that learn from text add nothing. */
  learn(task: Task, before: Learned | null): Learned | null;
  /**
   * The certificate that a stage waits for; undefined where there is nothing that it could overlap with. Stages that
   * compare the same get the same node.
   */
  certificate(stage: DeclaredStage, setting: Setting, learned: Learned): PlanNode | undefined;
}

/**
 * What certifies that stages learn from no problem that they, or what comes of them, are evaluated on, and that RL does
 * not repeat what SFT before it learned from, nor the other way about; pairs are of problems that were learned from, and
 * may. A certificate depends on problems only, so that
 * seeds, learning rates and models share one; it is no part of any key but its own. `isGenerated` tells of a source whether
 * all of it comes of generators.
 */
export function certifier(
  lineage: Lineage,
  evaluations: readonly Evaluation[],
  dataKeys: Readonly<Record<string, Key>>,
  makeNode: MakeNode,
  isGenerated: (source: Source) => boolean,
): Certifier {
  const { file, source } = lineage;
  const stages = declaredStages(source.value);
  const tests = testsOf(evaluations);
  const rewardModel = file.evaluate?.rewardModel;
  const judges = rewardModel === undefined ? [] : [parseReference(rewardModel).stage];
  const tested = withAncestors(stages, [...evaluatedStages(file), ...judges]);
  const rankOf = ({ split, problems, source: from }: Selection) =>
    canonicalJson({ split, problems, source: sourceIdentity(from, dataKeys) });
  const ranks = new Map<Task, { selection: Selection; rank: string } | undefined>();
  const chains = new Map<Learned | null, Map<string, Learned>>();
  const known = new Map<Learned, Map<string, PlanNode | undefined>>();
  const nodes = new Map<Key, PlanNode>();

  const makeCertificate = (stage: DeclaredStage, setting: Setting, learned: Learned): PlanNode | undefined => {
    const trained = learned.selection;
    const other = { sft: 'rl', rl: 'sft' }[trained.split as string];
    const earlier = selectionsOf(learned).filter(({ split }) => split === other);
    const others = [...(tested.has(stage.name) ? tests : []), ...earlier];
    const ranked = new Map(others.map((selection) => [rankOf(selection), selection]));
    const allowed = allowanceOf(stage);
    const [first, ...more] = [...ranked]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, selection]): Comparison => {
        if (allowed !== undefined) return { selection, mostExact: 1, mostGrams: 1 };
        const { mostExact, mostGrams } = defaults.overlap;
        const generated = isGenerated(trained.source) && isGenerated(selection.source);
        return { selection, mostExact, mostGrams: generated ? mostGrams.generated : mostGrams.files };
      });
    if (!first) return undefined;
    const names = axesOfData(stage, stages);
    const varying = names === 'all' ? setting : new Map([...setting].filter(([name]) => names.has(name)));
    const address = `overlap:${addressOf(stage.name, varying)}`;
    const recipe: OverlapRecipe = { trained, against: [first, ...more] };
    const node = makeNode(
      { type: 'overlap', recipe },
      {
        address,
        stage: address,
        axes: valuesIn(varying),
        seed: defaults.seed,
        parents: {},
        placement: placementOf(file),
        architecture: null,
        settings: {
          trained: spelled(trained),
          against: recipe.against.map(({ selection }) => spelled(selection)).join(' + '),
          ...(allowed === undefined ? {} : { allowOverlap: allowed }),
        },
      },
    );
    const same = nodes.get(node.key) ?? node;
    nodes.set(node.key, same);
    return same;
  };

  return {
    learn(task, before) {
      if (!ranks.has(task)) {
        const selection = selectionOf(task);
        ranks.set(task, selection && { selection, rank: rankOf(selection) });
      }
      const ranked = ranks.get(task);
      if (!ranked) return before;
      const { selection, rank } = ranked;
      const after = chains.get(before) ?? new Map<string, Learned>();
      chains.set(before, after);
      const learned = after.get(rank) ?? { selection, before };
      after.set(rank, learned);
      return learned;
    },
    certificate(stage, setting, learned) {
      const ofStages = known.get(learned) ?? new Map<string, PlanNode | undefined>();
      known.set(learned, ofStages);
      if (!ofStages.has(stage.name)) ofStages.set(stage.name, makeCertificate(stage, setting, learned));
      return ofStages.get(stage.name);
    },
  };
}

/** Why a stage may learn from problems that are not its own; undefined where it may not. */
export function allowanceOf(stage: DeclaredStage): string | undefined {
  const reason = own(stage.body, 'allowOverlap');
  return typeof reason === 'string' ? reason : undefined;
}

function selectionOf(task: Task): Selection | undefined {
  switch (task.type) {
    case 'sft':
    case 'rl':
    case 'dpo':
    case 'reward': {
      const { data, examples } = task.recipe;
      const split = task.type === 'sft' || task.type === 'rl' ? task.type : 'preferences';
      return { name: data.name, split, problems: examples, source: data.source };
    }
    default:
      return undefined;
  }
}

/** What all suites ask: test problems, and the items of cloze tasks. Text whose likelihood is measured asks nothing. */
function testsOf(evaluations: readonly Evaluation[]): Selection[] {
  return evaluations.flatMap(({ recipe }) => {
    if (recipe.kind === 'heldout') return [];
    const split = recipe.kind === 'cloze' ? 'choices' : 'test';
    return recipe.tasks.map(({ name, source }): Selection => ({ name, split, problems: recipe.problems, source }));
  });
}

/** Some stages, and all that they come from, by way of their data too. */
function withAncestors(stages: ReadonlyMap<string, DeclaredStage>, names: readonly string[]): Set<string> {
  const all = new Set<string>();
  const open = [...names];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const stage = stages.get(name);
    if (!stage || all.has(name)) continue;
    all.add(name);
    open.push(...stagesBefore(stage));
  }
  return all;
}

/** Everything that a model learned from. */
function selectionsOf(learned: Learned): Selection[] {
  const all: Selection[] = [];
  for (let at: Learned | null = learned; at; at = at.before) all.push(at.selection);
  return all;
}

/** The axes that say which problems or pairs a stage learns from, and which problems one before it; all where stages made them. */
function axesOfData(stage: DeclaredStage, stages: ReadonlyMap<string, DeclaredStage>): Set<string> | 'all' {
  const names = new Set<string>();
  // Pairs are compared with nothing that was learned from before.
  const comparesChain = stage.kind === 'sft' || stage.kind === 'rl';
  const before = ({ from }: DeclaredStage) => (comparesChain && from ? stages.get(from.stage) : undefined);
  for (let at: DeclaredStage | undefined = stage; at; at = before(at)) {
    if (at.reads.length > 0) return 'all';
    if (at !== stage && at.kind !== 'sft' && at.kind !== 'rl') continue;
    for (const { value } of scalars([own(at.body, 'data'), own(at.body, 'examples')])) {
      const name = axisNamed(value);
      if (name !== undefined) names.add(name);
    }
  }
  return names;
}

/** `math/sft: 1000`. */
function spelled(selection: Selection): string {
  return `${nameOfSelection(selection)}: ${selection.problems}`;
}
