import type { Contrast, Takeaway, Trend } from '../schemas/types/lineage.ts';
import { meaning } from './axes.ts';
import { evaluatedStages } from './evaluated.ts';
import type { Plan, PlanNode } from './plan.ts';
import { select } from './select.ts';
import { isModel } from './stages.ts';
import { type ArmPair, axesApart, pairArms } from './takeaways.ts';
import { own } from './tree.ts';

/*
 * Which models a takeaway compares. Checking a file and finding a verdict ask the same: a plan says all of it.
 */

/** The models of a plan that are evaluated. */
export function evaluatedModels(plan: Plan): PlanNode[] {
  const each = new Set(evaluatedStages(plan.declared));
  return plan.nodes.filter(({ stage, type }) => each.has(stage) && isModel(type));
}

/** The metrics of a takeaway. */
export function metricsOf({ metric }: Pick<Takeaway, 'metric'>): string[] {
  return Array.isArray(metric) ? metric : [metric];
}

/** The pairs that a contrast compares: none where an arm has no model, or none with a counterpart in the other. */
export function contrastPairs(plan: Plan, contrast: Contrast): ArmPair[] {
  const models = evaluatedModels(plan);
  if (contrast.axis === undefined) {
    const [of, over] = [contrast.of, contrast.over].map((selector) => {
      const found = select(plan, [String(selector)], neverAsked);
      return found.ok ? found.nodes.filter((node) => models.includes(node)) : [];
    }) as [PlanNode[], PlanNode[]];
    return pairArms(of, over, axesApart(of, over));
  }
  const { axis } = contrast;
  const apart = axesWith(plan, axis);
  return stagesOver(models, axis, contrast.stage).flatMap((stage) => {
    const arm = (value: string | number) =>
      models.filter((node) => node.stage === stage && meaning(own(node.axes, axis) ?? '') === meaning(value));
    return pairArms(arm(contrast.of), arm(contrast.over), apart);
  });
}

/** A model of a trend. */
export interface TrendModel {
  node: PlanNode;
  /** The axis' value; its place in the file, from 1, where the values are no numbers. */
  x: number;
  /** What it has beside the axis: models of one setting are on one curve. */
  setting: string;
}

/** The models of a trend, each curve from its lowest value to its highest. */
export function trendModels(plan: Plan, { axis, stage }: Pick<Trend, 'axis' | 'stage'>): TrendModel[] {
  const models = evaluatedModels(plan);
  const apart = axesWith(plan, axis);
  const stages = stagesOver(models, axis, stage);
  const values = (own(plan.axes, axis)?.values ?? []).map(meaning);
  const numeric = values.every((value) => value !== '' && Number.isFinite(Number(value)));
  return models
    .filter((node) => stages.includes(node.stage))
    .map((node) => {
      const value = meaning(own(node.axes, axis) as string | number);
      return { node, x: numeric ? Number(value) : values.indexOf(value) + 1, setting: settingOf(node, apart) };
    })
    .sort((a, b) => (a.setting < b.setting ? -1 : a.setting > b.setting ? 1 : a.x - b.x));
}

/** Each model of a trend beside the one with the next lower value on its curve. */
export function trendPairs(models: readonly TrendModel[]): ArmPair[] {
  return models.flatMap((model, index) => {
    const before = models[index - 1];
    return before?.setting === model.setting ? [{ of: model.node, over: before.node }] : [];
  });
}

/** A node's stage and the values of its axes, but for some. */
export function settingOf({ stage, axes }: PlanNode, apart: ReadonlySet<string>): string {
  const values = Object.entries(axes).filter(([name]) => !apart.has(name));
  return [stage, ...values.map(([name, value]) => `${name}=${value}`)].join(' ');
}

/** An axis and those that are zipped with it: what changes with it. Whether it may is for the check of the arms. */
export function axesWith({ declared }: Plan, axis: string): Set<string> {
  return new Set([axis, ...(declared.zip ?? []).filter((names) => names.includes(axis)).flat()]);
}

/** The axes that models are only repeated over, as seeds are: what differs by them alone differs by chance. */
export function seedAxesOf({ axes }: Plan): string[] {
  return Object.keys(axes).filter((name) => name === 'seed' || axes[name]?.replicate);
}

/** The stages of some models that vary over an axis. */
function stagesOver(models: readonly PlanNode[], axis: string, only: string | undefined): string[] {
  const varying = models.filter(({ axes, stage }) => Object.hasOwn(axes, axis) && stage === (only ?? stage));
  return [...new Set(varying.map(({ stage }) => stage))];
}

function neverAsked(): never {
  throw new Error('a selector of a takeaway asked for states');
}
