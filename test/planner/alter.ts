import type { PlanNode } from '../../planner/plan.ts';
import { isRecord, recordAt } from '../../planner/tree.ts';
import type { Selection } from '../../schemas/types/job.ts';

// Changes of what a lineage file says: each at one place, and with the nodes that it is about.

/** One meaningful change: where it is made, what may stand there instead, and which nodes it is about. */
export interface Alteration {
  path: readonly (string | number)[];
  /** Other values, the first that leaves the file valid is to be taken. */
  instead: readonly unknown[];
  /** Whether a node itself is another one after the change, its parents aside. */
  isAbout(node: PlanNode): boolean;
}

/**
 * A change for every number, quantity and switch of the models, tokenizers, data, stages and evaluations of a lineage.
 */
export function alterations(root: unknown): Alteration[] {
  const all = [...leaves(root, [])];
  return all.flatMap(({ path, value }) => {
    const isAbout = isOnlyWeight(all, path) ? undefined : subject(root, path);
    const instead = otherValues(value, String(path.at(-1)));
    return isAbout && instead.length > 0 ? [{ path, instead, isAbout }] : [];
  });
}

/** Other values for each value of an axis. */
export function alterationsOfAxes(root: unknown): Pick<Alteration, 'path' | 'instead'>[] {
  return [...leaves(root, [])].flatMap(({ path, value }) => {
    const instead = path[0] === 'axes' ? otherValues(value, '') : [];
    return instead.length > 0 ? [{ path, instead }] : [];
  });
}

/** The values with another one at a place. */
export function altered(root: unknown, path: readonly (string | number)[], value: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  if (Array.isArray(root)) return root.with(Number(step), altered(root[Number(step)], rest, value));
  return { ...(root as object), [step]: altered((root as Record<string, unknown>)[step], rest, value) };
}

/** A weight without another in its mix takes all that is left, whatever it is. */
function isOnlyWeight(all: readonly Leaf[], path: Alteration['path']): boolean {
  const mix = path.slice(0, -1).join('.');
  const weights = all.filter((leaf) => leaf.path.slice(0, -1).join('.') === mix && typeof leaf.value === 'number');
  return mix.endsWith('.mix') && weights.length === 1;
}

/** The nodes that a place of the file is about; undefined where it is about none, or about all. */
function subject(root: unknown, [section, name = '', ...inner]: Alteration['path']): Alteration['isAbout'] | undefined {
  switch (section) {
    case 'stages': {
      const [kind = '', field] = inner.map(String);
      const set = String(recordAt(root, 'stages', String(name), kind).data).split('/')[0];
      const isLearned = (selection: Selection) => selection.split === kind && selection.name === set;
      return (node) =>
        (node.stage === name && node.type !== 'evaluate') ||
        (field === 'examples' && selectionsOf(node).some(isLearned));
    }
    case 'models':
      return (node) => (node.type === 'pretrain' || node.type === 'trunk') && node.settings.model === name;
    case 'tokenizers':
      return (node) => node.address === `tokenizer:${name}`;
    case 'data':
      return (node) => node.address === `data:${name}` || setsOf(node).some((set) => set === name);
    case 'evaluate': {
      const kind = name === 'heldoutTokens' ? 'heldout' : 'problems';
      const isTest = ({ split }: Selection) => split === 'test';
      return (node) =>
        (node.type === 'evaluate' && (name === 'seed' || node.recipe.kind === kind) && inner.length === 0) ||
        (name === 'problems' && selectionsOf(node).some(isTest));
    }
    default:
      return undefined;
  }
}

/** What a node calls the data sets that it reads. */
function setsOf(node: PlanNode): string[] {
  switch (node.type) {
    case 'data':
    case 'adopt':
      return [];
    case 'tokenizer':
      return node.recipe.kind === 'bpe' ? node.recipe.data.map((part) => part.name) : [];
    case 'pretrain':
    case 'cpt':
    case 'trunk':
      return node.recipe.mix.map((entry) => entry.name.replace(/^replay:/, ''));
    case 'checkpoint':
      return node.recipe.run.mix.map((entry) => entry.name.replace(/^replay:/, ''));
    case 'overlap':
      return selectionsOf(node).map(({ name }) => name);
    case 'sft':
    case 'dpo':
    case 'rl':
    case 'reward':
    case 'generate':
    case 'build':
      return [node.recipe.data].flat().map(({ name }) => name);
    case 'evaluate':
      return (node.recipe.kind === 'heldout' ? node.recipe.domains : node.recipe.tasks).map((part) => part.name);
  }
}

/** What an overlap certificate compares. */
function selectionsOf(node: PlanNode): Selection[] {
  return node.type === 'overlap' ? [node.recipe.trained, ...node.recipe.against.map((one) => one.selection)] : [];
}

function otherValues(value: unknown, field: string): unknown[] {
  if (typeof value === 'number') return [value * 2, value / 2, value + 1].filter((other) => other !== value);
  if (typeof value === 'boolean') return [!value];
  if (typeof value !== 'string') return [];
  // Another schedule takes another warm-up.
  if (field === 'schedule' && value === 'wsd') return [];
  if (field === 'schedule') return [value === 'constant' ? 'cosine' : 'constant'];
  const [, digits, unit = ''] = /^([0-9.]+)([^0-9.].*)$/.exec(value) ?? [];
  const amount = Number(digits ?? Number.NaN);
  const others = [amount * 2, amount / 2, amount + 10].filter((other) => other !== amount);
  return digits === undefined ? [] : others.map((other) => `${other}${unit}`);
}

interface Leaf {
  path: Alteration['path'];
  value: unknown;
}

function* leaves(value: unknown, path: Alteration['path']): Generator<Leaf> {
  if (Array.isArray(value)) for (const [index, item] of value.entries()) yield* leaves(item, [...path, index]);
  else if (isRecord(value)) for (const [name, item] of Object.entries(value)) yield* leaves(item, [...path, name]);
  else yield { path, value };
}
