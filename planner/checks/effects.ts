import type { Suite } from '../../schemas/catalogue.ts';
import type { DpoRecipe, GenerateRecipe } from '../../schemas/types/job.ts';
import type { LineageFile } from '../../schemas/types/lineage.ts';
import { type Diagnostic, shown, warn } from '../diagnostic.ts';
import { declaredFor } from '../evaluations.ts';
import type { Key, PlanNode } from '../plan.ts';
import { declaredStages, isTraining } from '../stages.ts';
import type { Path, Source } from '../syntax.ts';
import { isRecord, own, recordAt } from '../tree.ts';
import { undecayed } from './decay.ts';
import { type Idle, idleInRl, idleKl } from './idle-rl.ts';

/**
 * Warns of what a file says without changing anything: options that what stands beside them switches off, in every variant
 * of their stage, placement that its kind of stage has no use of, and data sets and models that nothing uses. A recipe that
 * somebody published may have some, so they are no errors.
 */
export function* checkEffects(source: Source, file: LineageFile, nodes: readonly PlanNode[]): Generator<Diagnostic> {
  const told = new Map<string, Diagnostic | null>();
  const byKey = new Map(nodes.map((node) => [node.key, node]));
  const known = new Map<PlanNode['recipe'], Idle>();
  /** Nodes share recipes, as a model's seeds do. */
  const idleIn = (node: PlanNode): Idle => {
    const idle = known.get(node.recipe) ?? idleOptions(node);
    known.set(node.recipe, idle);
    return idle;
  };
  for (const { name, kind, body } of declaredStages(source.value).values()) {
    if (!kind) continue;
    const variants = nodes.filter((node) => node.stage === name && node.type === kind);
    const allows = own(body, 'allowUndecayed') !== undefined;
    const idle = (node: PlanNode) => ({
      ...idleIn(node),
      ...(allows && idleAllowance(byKey.get(node.parents.parent as Key))),
      ...(node.type === 'rl' && idleKl(node.recipe, body)),
    });
    checkOptions(source, ['stages', name, kind], body, variants.map(idle), told);
  }
  const evaluations = nodes.filter(({ type }) => type === 'evaluate');
  checkOptions(source, ['evaluate'], recordAt(source.value, 'evaluate'), evaluations.map(idleIn), told);
  for (const warning of told.values()) if (warning) yield warning;
  yield* checkPlacement(source);
  yield* checkGrading(source, file);
  const asked = (file.evaluate?.suites ?? []).flatMap((suite) => declaredFor(file, suite as Suite));
  const askedNames = new Set(asked.map(({ name }) => name));
  yield* checkUse(
    source,
    'data',
    'data set',
    Object.keys(file.data).filter((name) => !askedNames.has(name)),
  );
  yield* checkUse(source, 'models', 'model', Object.keys(file.models ?? {}));
}

/** A tolerance is of numbers, and of mathematics. */
function* checkGrading(source: Source, { data }: LineageFile): Generator<Diagnostic> {
  for (const [name, declared] of Object.entries(data)) {
    const { answers, tolerance } = ('grading' in declared && declared.grading) || {};
    if (!answers || tolerance === undefined || answers === 'number' || answers === 'math') continue;
    const message = `\`tolerance\` changes nothing: answers of the kind ${answers} are the same or not`;
    yield warn(source.file, source.place(['data', name, 'grading', 'tolerance']), 'no-effect', message, {
      hint: 'remove it',
    });
  }
}

/**
 * Notes for each written option, by its place, what there is to say (`idle`, for each node); null where it changes something. Stages may take an
 * option from one place: then it has to be idle in all of them.
 */
function checkOptions(
  source: Source,
  path: Path,
  written: Readonly<Record<string, unknown>>,
  idle: readonly Idle[],
  told: Map<string, Diagnostic | null>,
): void {
  for (const option of idle.length > 0 ? Object.keys(written) : []) {
    const place = source.place([...path, option]);
    const at = `${place.line}:${place.column}`;
    const said = own(idle[0] ?? {}, option);
    if (!said || !idle.every((each) => own(each, option))) told.set(at, null);
    else if (!told.has(at)) {
      const message = `\`${option}\` changes nothing: ${said.why}`;
      told.set(at, warn(source.file, place, 'no-effect', message, { hint: said.hint }));
    }
  }
}

/** What a node need not be allowed that starts from such a parent. Whether data overlap is known only when they are compared. */
function idleAllowance(parent: PlanNode | undefined): Idle {
  if (parent === undefined || undecayed(parent)) return {};
  const why =
    parent.type === 'rl'
      ? `\`${parent.stage}\` is RL, which keeps its learning rate by design`
      : `the learning rate of \`${parent.stage}\` decays`;
  return { allowUndecayed: { why, hint: 'remove it' } };
}

/** The options of a node that its other options switch off. */
function idleOptions(node: PlanNode): Idle {
  switch (node.type) {
    case 'pretrain':
    case 'cpt':
      // Of wsd nothing is idle: a warm-up and a decay that leave no step between them are refused.
      return node.recipe.schedule === 'wsd' ? {} : idleSchedule(node.recipe, node.recipe.steps);
    case 'sft':
    case 'dpo':
    case 'reward': {
      const { examples, batch, epochs } = node.recipe;
      const steps = Math.ceil(examples / batch) * epochs;
      return { ...idleSchedule(node.recipe, steps), ...(node.type === 'dpo' ? idleInDpo(node.recipe) : {}) };
    }
    case 'generate':
      return idleInGeneration(node.recipe);
    case 'rl':
      return idleInRl(node.recipe);
    case 'evaluate':
      return idleInEvaluation(node.recipe);
    default:
      return {};
  }
}

function idleSchedule({ schedule, warmup }: { schedule: string; warmup: number }, steps: number): Idle {
  // As the trainer counts them: see `learningRate`.
  if (Math.ceil(warmup * steps - 1e-9) >= steps) {
    const said = {
      why: `the warm-up takes ${steps === 1 ? 'the only step' : `all ${steps} steps`}`,
      hint: 'lower `warmup`, or remove it',
    };
    return { minLr: said, schedule: said };
  }
  if (schedule !== 'constant') return {};
  return {
    minLr: { why: 'the schedule is constant, and stays at `lr`', hint: 'remove it, or say `schedule: cosine`' },
  };
}

function idleInDpo({ loss }: DpoRecipe): Idle {
  if (loss === 'sigmoid') return {};
  return { labelSmoothing: { why: 'IPO has none', hint: 'remove it, or say `loss: sigmoid`' } };
}

function idleInGeneration({ temperature, endpoint }: GenerateRecipe): Idle {
  if (temperature > 0) return {};
  const greedy = { why: '`temperature` is 0, and nothing is drawn', hint: 'remove it, or raise `temperature`' };
  return { topP: greedy, ...(endpoint === undefined ? { seed: greedy } : {}) };
}

function idleInEvaluation(recipe: Extract<PlanNode, { type: 'evaluate' }>['recipe']): Idle {
  const unasked = { why: 'no suite asks problems', hint: 'remove it, or add a suite of problems, such as `id`' };
  const decoding = { maxResponse: unasked, repetitionPenalty: unasked, stop: unasked };
  const unsampled = { samples: unasked, temperature: unasked, ...decoding, rewardModel: unasked, seed: unasked };
  if (recipe.kind === 'heldout') return { problems: unasked, ...unsampled };
  const heldoutTokens = { why: 'the suite `heldout` is not among `suites`', hint: 'remove it, or add `heldout`' };
  if (recipe.kind === 'cloze') return { heldoutTokens, ...unsampled };
  const greedy = {
    why: '`samples` is 0, and the greedy response draws nothing',
    hint: 'remove it, or raise `samples`',
  };
  return {
    heldoutTokens,
    ...(recipe.samples === 0 ? { temperature: greedy, seed: greedy } : {}),
  };
}

function* checkUse(
  source: Source,
  section: 'data' | 'models',
  noun: string,
  names: readonly string[],
): Generator<Diagnostic> {
  const mentioned = new Set<string>();
  for (const [other, part] of Object.entries(recordAt(source.value))) if (other !== section) noteWords(part, mentioned);
  for (const name of names) {
    if (mentioned.has(name)) continue;
    yield warn(source.file, source.keyPlace([section, name]), 'no-effect', `nothing uses the ${noun} ${shown(name)}`, {
      hint: 'remove it, or use it',
    });
  }
}

/** Warns of `recomputeActivations` for a stage that has no use of it; `default` means the stages that have. */
function* checkPlacement(source: Source): Generator<Diagnostic> {
  for (const { name, kind } of declaredStages(source.value).values()) {
    const path = ['placement', name, 'recomputeActivations'];
    const why =
      kind === 'rl' ? 'RL does without' : kind && !isTraining(kind) ? `\`${kind}\` trains nothing` : undefined;
    if (why === undefined || own(recordAt(source.value, 'placement', name), 'recomputeActivations') === undefined)
      continue;
    const message = `\`recomputeActivations\` changes nothing: ${why}`;
    yield warn(source.file, source.place(path), 'no-effect', message, { hint: 'remove it' });
  }
}

/** Everything in a value that may be a name: its keys and texts, of `math/problems` the first part. */
function noteWords(value: unknown, into: Set<string>): void {
  if (typeof value === 'string') into.add(value.split('/')[0] ?? value);
  else if (Array.isArray(value)) for (const item of value) noteWords(item, into);
  else if (isRecord(value)) {
    for (const [name, item] of Object.entries(value)) {
      into.add(name.split('/')[0] ?? name);
      noteWords(item, into);
    }
  }
}
