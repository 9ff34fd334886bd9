/**
 * A plan at toy size, to be run before the real one is: the same stages, addresses and edges, with models of one layer, a
 * few steps and a few examples. What comes out means nothing; that each step finds what the one before it left does.
 */
import type { Architecture, Part, Selection, Source } from '../schemas/types/job.ts';
import { generatedSource, roleOfMade } from './data.ts';
import { runTask, startOf } from './identity.ts';
import { vocabularyOf } from './inputs.ts';
import { nodeMaker } from './nodes.ts';
import type { Key, Plan, PlanNode, Task } from './plan.ts';
import type { Run } from './point.ts';
import { own } from './tree.ts';
import { withTrunks } from './trunks.ts';
import { atLength } from './wsd.ts';

/** A plan at toy size, or why there is none. */
export type Smoke = { ok: true; plan: Plan } | { ok: false; message: string; hint: string };

const mostExamples = 8;

/** The amounts of recipes that are cut, by name, and what is left of them at most. */
const most: Readonly<Record<string, number>> = {
  examples: mostExamples,
  epochs: 2,
  batch: 4,
  responses: 2,
  innerEpochs: 1,
  maxSamplings: 1,
  maxResponse: 8,
  problems: 16,
  samples: 4,
  tokens: 2048,
  vocab: 512,
  characters: 100_000,
};

/** Steps on text: enough for a warm-up, checkpoints before the end, and the decay of wsd. */
const textSteps = 8;
const textSequences = 4;
const mostContext = 1024;

/** What stands for a data set of the Hub, by what is read of it. */
const toys: Readonly<Partial<Record<Part['part'] | Selection['split'], string>>> = {
  text: 'stories',
  problems: 'arithmetic',
  sft: 'arithmetic',
  rl: 'arithmetic',
  test: 'arithmetic',
  choices: 'stories',
};

/**
 * The plan at toy size. Recipes keep their algorithms, engines, optimizers and schedules. Data sets of the Hugging Face Hub
 * are generated, and its tokenizers are bytes; files and adopted models are what they are. Half of the responses that models write are
 * the data's own solutions, so that what is made of right and wrong ones is not empty. Nodes
 * that had different keys have different seeds, so that each is trained though all are of one size. Budgets and what
 * was accepted count for the real lineage alone.
 */
export function smokePlan(plan: Plan): Smoke {
  const onHub = plan.nodes.filter((node) => node.type === 'data' && 'hub' in node.recipe).map(({ address }) => address);
  const dataKeys: Record<string, Key> = {};
  const makeNode = nodeMaker(dataKeys);
  const runOf = runFinder(plan);
  const smaller = new Map<Key, PlanNode>();
  const checkpoints = new Map<PlanNode, Run>();
  const nodes: PlanNode[] = [];
  const keysOf = (keys: Readonly<Record<string, Key>>) =>
    Object.fromEntries(Object.entries(keys).map(([role, key]) => [role, smaller.get(key)?.key ?? key]));
  for (const node of plan.nodes) {
    if (node.type === 'trunk' || onHub.includes(node.address)) continue;
    const { address, stage, axes, placement, settings, files } = node;
    const { parent, tokenizer, rewardModel } = node.parents;
    const start = smaller.get((parent ?? tokenizer) as Key);
    const run = runOf(node);
    const generated = withoutHub(node, onHub);
    if (generated === undefined) return withoutToy(node);
    const task = smallerTask(generated, start, run);
    const architecture =
      task.type === 'pretrain' ? task.recipe.architecture : (start?.architecture ?? node.architecture);
    const small = makeNode(task, {
      address,
      stage,
      axes,
      seed: seedOf(run ?? node),
      parents: keysOf(startOf(node.parents)),
      placement,
      architecture,
      settings: smallerSettings(settings, task, architecture),
      files,
      ...(node.gates && { gates: keysOf(node.gates) }),
      ...(node.judge && { judge: smaller.get(rewardModel as Key)?.architecture ?? node.judge }),
    });
    const role = roleOfMade(small);
    if (role !== undefined) dataKeys[role] = small.key;
    if (run) checkpoints.set(small, run);
    smaller.set(node.key, small);
    nodes.push(small);
  }
  // After all: a checkpoint stands before the run that it is of.
  const runs = new Map([...checkpoints].map(([node, run]) => [node, smaller.get(run.key) as Run]));
  const { budget: _, accept: __, ...declared } = plan.declared;
  return { ok: true, plan: { ...plan, declared, nodes: withTrunks(nodes, makeNode, runs) } };
}

function withoutToy({ address }: PlanNode): Smoke {
  const message = `${address} learns from preferences that are on the Hugging Face Hub, and nothing generates such at toy size`;
  return { ok: false, message, hint: 'give the data set as `files`, or leave out with `--select` what learns from it' };
}

/** A node's task with generated data in place of the Hub's; undefined where none is generated that could stand for it. */
function withoutHub(node: PlanNode, onHub: readonly string[]): Task | undefined {
  let toyless = false;
  const replaced = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(replaced);
    if (typeof value !== 'object' || value === null) return value;
    const fields = Object.fromEntries(Object.entries(value).map(([name, field]) => [name, replaced(field)]));
    const { source, part, split } = value as { source?: Source } & Partial<Part & Selection>;
    if (!source || !('prepared' in source) || !onHub.includes(source.prepared)) return fields;
    // What a mix names is text, and does not say so.
    const generator = own(toys, part ?? split ?? 'text');
    toyless ||= generator === undefined;
    return { ...fields, ...(generator && { source: generatedSource(generator, onHub.indexOf(source.prepared)) }) };
  };
  const recipe = replaced(node.recipe);
  return toyless ? undefined : ({ type: node.type, recipe } as Task);
}

/** A task with its amounts cut, given the small node that it starts from and, of a checkpoint, the real run that it is of. */
function smallerTask(task: Task, start: PlanNode | undefined, run: Run | undefined): Task {
  switch (task.type) {
    case 'data':
    case 'adopt':
    case 'trunk':
      return task;
    case 'tokenizer':
      return task.recipe.kind === 'bpe' ? cut(task) : { type: task.type, recipe: { kind: 'bytes' } };
    case 'overlap': {
      const { trained, against } = task.recipe;
      // Of generated problems many have the same words.
      const allowed = { mostExact: 1, mostGrams: 1 };
      return changed(task, {
        // As many as the stage learns from: of data that a stage made there are hardly more.
        trained: { ...trained, problems: Math.min(trained.problems, mostExamples) },
        against: against.map(({ selection }) => ({ selection: cutFields(selection), ...allowed })),
      });
    }
    case 'pretrain':
    case 'cpt':
      return onText(task, start);
    case 'checkpoint': {
      const share = task.recipe.steps / (run?.recipe.steps ?? task.recipe.steps);
      const steps = Math.min(textSteps - 1, Math.max(1, Math.round(share * textSteps)));
      return changed(task, { run: onText(runTask(task.recipe.run), start).recipe, steps });
    }
    case 'rl': {
      const small = cut(task);
      const whole = { miniBatch: small.recipe.batch * small.recipe.responses, stopOnCollapse: false };
      // Of a model that knows nothing hardly a group has a signal.
      return changed(small, { ...whole, ...('dynamicSampling' in small.recipe && { dynamicSampling: false }) });
    }
    case 'generate':
      // Of answers that are all wrong there are no right ones to keep, and no pairs.
      return changed(cut(task), { toy: true });
    case 'build': {
      if (task.recipe.operation !== 'split') return cut(task);
      const { sft, rl } = task.recipe;
      return changed(task, { sft: cutFields(sft), rl: cutFields(rl) });
    }
    default:
      return cut(task);
  }
}

/** A task on text: few steps of few sequences, of which each source has its share, and one at least. */
function onText<Text extends Extract<Task, { type: 'pretrain' | 'cpt' }>>(
  task: Text,
  start: PlanNode | undefined,
): Text {
  const { recipe } = task;
  const batchSequences = Math.max(textSequences, recipe.mix.length);
  const total = textSteps * batchSequences;
  const common = {
    steps: textSteps,
    batchSequences,
    ...('architecture' in recipe && { architecture: smallArchitecture(recipe.architecture, start) }),
  };
  if (recipe.schedule === 'wsd')
    return changed(task, { ...common, warmupSteps: 1, decaySteps: 1, mix: atLength(recipe.mix, total) });
  const all = recipe.mix.reduce((sum, { sequences }) => sum + sequences, 0);
  const counts = recipe.mix.map(({ sequences }) => Math.max(1, Math.floor((sequences / all) * total)));
  const largest = counts.indexOf(Math.max(...counts));
  const rest = total - counts.reduce((sum, count) => sum + count, 0);
  const mix = recipe.mix.map((entry, at) => ({
    ...entry,
    sequences: (counts[at] as number) + (at === largest ? rest : 0),
  }));
  return changed(task, { ...common, mix });
}

function smallArchitecture(model: Architecture, start: PlanNode | undefined): Architecture {
  const tokenizer = start?.type === 'tokenizer' ? start.recipe : undefined;
  return {
    ...model,
    layers: 1,
    hidden: 32,
    heads: 2,
    kvHeads: model.kvHeads < model.heads ? 1 : 2,
    ffn: 64,
    vocab: tokenizer ? vocabularyOf(tokenizer) : model.vocab,
    context: Math.min(model.context, mostContext),
  };
}

/** What tables show of a node: what its small task says, where that has a word for it. */
function smallerSettings(
  settings: PlanNode['settings'],
  { type, recipe }: Task,
  architecture: Architecture | null,
): PlanNode['settings'] {
  const text = type === 'pretrain' || type === 'cpt' ? recipe : undefined;
  const said: Record<string, unknown> = {
    ...recipe,
    ...(text && architecture && { tokens: text.steps * text.batchSequences * architecture.context }),
  };
  const fields = Object.entries(settings).map(([name, value]) => {
    const small = own(said, name);
    return [name, typeof value === 'number' && typeof small === 'number' ? small : value] as const;
  });
  return Object.fromEntries(fields);
}

function cut<Given extends Task>(task: Given): Given {
  return changed(task, cutFields(task.recipe));
}

function cutFields(recipe: object): object {
  const fields = Object.entries(recipe).map(([name, value]) => {
    const limit = own(most, name);
    return [name, limit !== undefined && typeof value === 'number' ? Math.min(value, limit) : value];
  });
  return Object.fromEntries(fields);
}

function changed<Given extends Task>(task: Given, fields: object): Given {
  return { ...task, recipe: { ...task.recipe, ...fields } };
}

/** Of what learns, is made or is compared one seed a key; what only reads or asks keeps its own. */
function seedOf({ type, key, seed }: PlanNode): number {
  const keeps: readonly PlanNode['type'][] = ['data', 'tokenizer', 'adopt', 'evaluate'];
  return keeps.includes(type) ? seed : Number.parseInt(key.slice(0, 7), 16);
}

/** Finds the run that a checkpoint of a plan is of: with the same recipe, seed and beginning. */
function runFinder({ nodes }: Plan): (node: PlanNode) => Run | undefined {
  const dataKeys: Record<string, Key> = {};
  const runs = new Map<Key, Run>();
  for (const node of nodes) {
    const role = roleOfMade(node);
    if (role !== undefined) dataKeys[role] = node.key;
    if (node.type === 'pretrain' || node.type === 'cpt') runs.set(node.key, node);
  }
  const makeNode = nodeMaker(dataKeys);
  return (node) =>
    node.type === 'checkpoint'
      ? runs.get(makeNode(runTask(node.recipe.run), { ...node, parents: startOf(node.parents) }).key)
      : undefined;
}
