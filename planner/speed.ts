import { engineOf } from '../schemas/engines.ts';
import type { Architecture, Engine, EvaluateRecipe, Precision } from '../schemas/types/job.ts';
import { usualRl } from './algorithms.ts';
import { parameterCount } from './architecture.ts';
import { defaults } from './defaults.ts';
import { versionOf } from './identity.ts';
import type { Json, NodeType } from './plan.ts';
import { allFlops, type Priceable, priceOf } from './price.ts';

/** How fast a device is: as it was measured, or as its data sheet and experience say. */
export type Speed = MeasuredSpeed | StatedSpeed;

/** Of one device, what nodes that ran on it have shown. */
export interface MeasuredSpeed {
  kind: 'measured';
  measurements: readonly Measurement[];
}

/** The H100's dense bfloat16: `{ kind: 'stated', peak: 989e12, utilisation: 0.4 }`. */
export interface StatedSpeed {
  kind: 'stated';
  /** Floating-point operations in a second, at most. */
  peak: number;
  /** The share of them that training reaches (model FLOPs utilisation), above 0, at most 1. */
  utilisation: number;
}

/**
 * What a device is kept busy with. Finer than a node's type where one type does two things at different speeds, and
 * coarser where two do the same.
 */
export type Work =
  | 'data'
  | 'tokenizer'
  | 'overlap'
  | 'adopt'
  | Replaceable
  | `${Replaceable} by ${Engine}`
  | 'generate'
  | 'build';

/** Work that an engine may do in place of the built-in trainer. */
type Replaceable = Training | `${Training} in bfloat16` | EvaluateRecipe['kind'];

/** Work that may multiply in either precision, and is as fast as that makes it. */
type Training = 'text' | 'sft' | 'dpo' | 'rl' | 'reward';

/** Nodes of one kind of work and one size of model, together. */
export interface Measurement {
  work: Work;
  /** Of the model; 0 where there is none. */
  parameters: number;
  /** How many nodes. */
  count: number;
  /** Their price, by `priceOf`: operations, and tokens that were trained on, sampled or scored. */
  flops: number;
  tokens: number;
  /** From start to end. */
  seconds: number;
  /** Of `seconds` what their steps took; the rest was to start their trainers, and to load what they need. */
  working: number;
}

/** No price depends on the constants of the rotary embedding and the norms. */
type Shape = Omit<Architecture, 'ropeTheta' | 'normEpsilon'>;

/** Finished nodes with equal recipes on one device, as the results have them. */
export interface FinishedRuns {
  type: NodeType;
  /** As their pre-images have it: without what is at its default. */
  version: number;
  recipe: { [name: string]: Json };
  /** Null for data, tokenizers and certificates. */
  architecture: Shape | null;
  /** Of the reward model that scored an evaluation's responses; null without one. */
  judge: Shape | null;
  /** `cpu`, `gpu`: what the trainer said that it ran on. */
  device: string;
  count: number;
  /** Of all of them, from start to end. */
  seconds: number;
  /** Of `seconds` what all their steps took, as fast as their trainers were after the first; null where they did not say. */
  working: number | null;
}

/** What kind of work a node is. */
export function kindOfWork(node: Priceable): Work {
  switch (node.type) {
    case 'pretrain':
    case 'cpt':
    case 'trunk':
      return trainingBy('text', node.recipe);
    case 'checkpoint':
      return trainingBy('text', node.recipe.run);
    case 'sft':
    case 'dpo':
    case 'rl':
    case 'reward':
      return trainingBy(node.type, node.recipe);
    case 'evaluate':
      return byEngine(node.recipe.kind, engineOf(node.recipe));
    default:
      return node.type;
  }
}

function trainingBy(work: Training, { precision, engine }: { precision?: Precision; engine?: Engine }): Work {
  const rounded = (precision ?? defaults.pretrain.precision) === 'float32' ? work : (`${work} in bfloat16` as const);
  return byEngine(rounded, engine);
}

function byEngine(work: Replaceable, engine: Engine | undefined): Work {
  return engine === undefined ? work : `${work} by ${engine}`;
}

/** A node's time on a device, from its beginning to its end, and of measured speed by what: null of stated. */
export interface Expected {
  seconds: number;
  by: Measurement | null;
}

/** So many times larger or smaller than what was measured, and a time is rough. */
const farFactor = 10;

/** Whether a node is so far from what its time was measured by, in the model's size or in operations, that the time is rough. */
export function isRough(node: Priceable, by: Measurement): boolean {
  const sizes = (parametersOf(node) + 1) / (by.parameters + 1);
  return sizes > farFactor || sizes < 1 / farFactor || allFlops(priceOf(node)) > farFactor * by.flops;
}

/**
 * How long a node takes on a device.
 *
 * By measured speed: the time to start, and then as fast as the same work on the model nearest in size; undefined where
 * that work was never measured. That prices are bounds cancels out: theirs is as loose as the node's own. Work without a
 * price takes what it took on average.
 */
export function timeOn(node: Priceable, speed: StatedSpeed): Expected;
export function timeOn(node: Priceable, speed: Speed): Expected | undefined;
export function timeOn(node: Priceable, speed: Speed): Expected | undefined {
  if (node.type === 'adopt') return { seconds: 0, by: null }; // times are without downloads, which no earlier one tells of
  const flops = allFlops(priceOf(node));
  switch (speed.kind) {
    case 'stated':
      return { seconds: flops / (speed.peak * speed.utilisation), by: null };
    case 'measured': {
      const nearest = nearestMeasurement(speed.measurements, kindOfWork(node), parametersOf(node));
      if (nearest === undefined) return undefined;
      if (nearest.flops === 0) return { seconds: nearest.seconds / nearest.count, by: nearest };
      const start = (nearest.seconds - nearest.working) / nearest.count;
      return { seconds: start + (flops * nearest.working) / nearest.flops, by: nearest };
    }
    default:
      return speed satisfies never;
  }
}

/** Of the shortest node that was measured, how much was its start, where its trainer did not say. It did some work too. */
const startShare = 0.9;

/**
 * What finished runs say of a device. Where their trainers did not say how long their steps took, the shortest node with a
 * model tells how long it takes to start: none can end sooner, and where all were long that is overestimated and matters
 * little. Runs of an older version of their type say nothing of what it does now, and are left out. Data and tokenizers count wherever they were made: they need no device.
 */
export function measuredSpeed(runs: Iterable<FinishedRuns>, device: string): MeasuredSpeed {
  const counted = [...runs].flatMap((run) => {
    if (run.version !== versionOf(run.type, run.recipe) || !(run.seconds > 0)) return [];
    const node = priceable(run);
    return node.architecture === null || run.device === device ? [{ run, node }] : [];
  });
  const withModel = counted.filter(({ node }) => node.architecture !== null);
  const start = startShare * Math.min(...withModel.map(({ run }) => run.seconds / run.count));
  const measurements = new Map<string, Measurement>();
  for (const { run, node } of counted) {
    const price = priceOf(node);
    const [work, parameters] = [kindOfWork(node), parametersOf(node)];
    const id = `${work} ${parameters}`;
    const sum = measurements.get(id) ?? { work, parameters, count: 0, flops: 0, tokens: 0, seconds: 0, working: 0 };
    sum.count += run.count;
    sum.flops += run.count * allFlops(price);
    sum.tokens += run.count * (price.tokens.trained + price.tokens.generated + price.tokens.scored);
    sum.seconds += run.seconds;
    if (node.architecture !== null)
      sum.working += Math.min(run.seconds, run.working ?? Math.max(0, run.seconds - run.count * start));
    measurements.set(id, sum);
  }
  const order = (a: Measurement, b: Measurement) =>
    a.work < b.work ? -1 : a.work > b.work ? 1 : a.parameters - b.parameters;
  return {
    kind: 'measured',
    measurements: [...measurements.values()].sort(order),
  };
}

/** By the ratio of their sizes; of two equally near the smaller. */
function nearestMeasurement(
  measurements: readonly Measurement[],
  work: Work,
  parameters: number,
): Measurement | undefined {
  const distance = (of: Measurement) => Math.abs(Math.log((of.parameters + 1) / (parameters + 1)));
  let nearest: Measurement | undefined;
  for (const measurement of measurements) {
    if (measurement.work !== work) continue;
    if (nearest === undefined || distance(measurement) < distance(nearest)) nearest = measurement;
  }
  return nearest;
}

function parametersOf({ architecture }: Pick<Priceable, 'architecture'>): number {
  return architecture === null ? 0 : parameterCount(architecture);
}

/** A node as far as its price goes, from its pre-image: that leaves out defaults, and the shape where it is the parent's. */
function priceable({ type, recipe, architecture, judge }: FinishedRuns): Priceable {
  const whole = (shape: Shape) => ({ ...defaults.architecture, ...shape });
  return {
    type,
    recipe: withDefaults(type, recipe),
    architecture: architecture && whole(architecture),
    ...(judge && { judge: whole(judge) }),
  } as unknown as Priceable;
}

function withDefaults(type: NodeType, recipe: FinishedRuns['recipe']): object {
  switch (type) {
    case 'data':
    case 'tokenizer':
    case 'overlap':
    case 'adopt':
    case 'build':
      return recipe;
    case 'pretrain':
    case 'cpt':
    case 'sft':
    case 'dpo':
    case 'reward':
    case 'generate':
      return { ...defaults[type], ...recipe };
    case 'trunk':
      return { ...defaults.pretrain, ...recipe };
    case 'checkpoint':
      return { ...recipe, run: { ...defaults.pretrain, ...(recipe.run as object) } };
    case 'rl':
      return { ...usualRl(recipe), ...recipe };
    case 'evaluate':
      return { ...defaults.evaluate[recipe.kind as EvaluateRecipe['kind']], ...recipe };
    default:
      return type satisfies never;
  }
}
