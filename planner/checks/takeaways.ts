import type { Contrast, LineageFile, Takeaway } from '../../schemas/types/lineage.ts';
import { type Axis, findValue, lacksValue, readAxes } from '../axes.ts';
import { type Diagnostic, diagnose, didYouMean, listed, shown, warn } from '../diagnostic.ts';
import type { Lineage } from '../load.ts';
import { marksOf } from '../marks.ts';
import type { Plan, PlanNode } from '../plan.ts';
import { changeText } from '../reason.ts';
import { asksForStates, select } from '../select.ts';
import { zipsOf } from '../space.ts';
import { isModel } from '../stages.ts';
import type { Path, Source } from '../syntax.ts';
import {
  type ArmPair,
  axesApart,
  type Difference,
  differencesBetween,
  figuresOf,
  metricName,
  pairArms,
  tasksOf,
} from '../takeaways.ts';

/** Reports something wrong at a place of a takeaway. */
type Report = (path: Path, code: Diagnostic['code'], message: string, expected?: string, hint?: string) => void;

/**
 * Checks the takeaways of a file against its plan: that their names name something, that there are models to compare, and
 * that these differ in nothing but what the contrast declares.
 */
export function checkTakeaways({ source, file }: Lineage, plan: Plan): Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  for (const [index, takeaway] of (file.takeaways ?? []).entries()) {
    const report: Report = (path, code, message, expected, hint) =>
      diagnostics.push(
        diagnose(source.file, source.place(['takeaways', index, ...path]), code, message, { expected, hint }),
      );
    checkMetric(plan, file, takeaway, report);
    const arms = armsOf(source, file, plan, takeaway.contrast, report);
    if (!arms) continue;
    const path = ['takeaways', index, 'contrast'];
    diagnostics.push(
      ...checkArms(source, plan, path, takeaway.contrast, arms),
      ...checkMarks(source, plan, path, arms),
    );
  }
  return diagnostics;
}

function checkMetric(plan: Plan, file: LineageFile, { metric }: Takeaway, report: Report): void {
  const { suite, task, figure } = metricName(metric);
  const suites: readonly string[] = file.evaluate?.suites ?? [];
  const refuse = (message: string, name: string, names: readonly string[]) =>
    report(['metric'], 'unknown-name', `${message} ${shown(name)}`, listed(names), didYouMean(name, names));
  if (!file.evaluate) {
    report(
      ['metric'],
      'bad-takeaway',
      'nothing is evaluated, so there is nothing to compare',
      undefined,
      'add `evaluate`',
    );
    return;
  }
  if (!suites.includes(suite)) {
    refuse('nothing asks the suite', suite, suites);
    return;
  }
  const evaluation = plan.nodes.find((node) => node.type === 'evaluate' && node.recipe.suite === suite);
  if (evaluation?.type !== 'evaluate') return;
  const { recipe, parents } = evaluation;
  const figures = figuresOf(recipe, parents.rewardModel !== undefined);
  if (task !== null && !tasksOf(recipe).includes(task))
    refuse(`the suite \`${suite}\` has no task`, task, tasksOf(recipe));
  if (!figures.includes(figure)) refuse(`the suite \`${suite}\` has no figure`, figure, figures);
}

/** The models to compare, in pairs, and what may tell them apart; undefined where there are none, which is reported. */
interface Arms {
  pairs: ArmPair[];
  /** Null where the contrast names selectors: then they may differ in one thing, whichever it is. */
  factor: string | null;
}

function armsOf(source: Source, file: LineageFile, plan: Plan, contrast: Contrast, report: Report): Arms | undefined {
  const each = new Set<string>(file.evaluate?.each);
  const evaluated = plan.nodes.filter(({ stage, type }) => each.has(stage) && isModel(type));
  if (evaluated.length === 0) return undefined; // said of the metric
  return contrast.axis === undefined
    ? selectedArms(plan, evaluated, contrast, report)
    : axisArms(source, evaluated, contrast, contrast.axis, report);
}

function axisArms(
  source: Source,
  evaluated: readonly PlanNode[],
  contrast: Contrast,
  name: string,
  report: Report,
): Arms | undefined {
  const axes = readAxes(source);
  const axis = axes.get(name);
  if (!axis) {
    const names = [...axes.keys()];
    const hint = didYouMean(name, names);
    report(['contrast', 'axis'], 'unknown-name', `there is no axis ${shown(name)}`, listed(names) || undefined, hint);
    return undefined;
  }
  const values = (['of', 'over'] as const).map((side) => armValue(axis, contrast, side, report));
  const [of, over] = values;
  if (!of || !over) return undefined;
  if (of === over) {
    report(['contrast', 'over'], 'bad-takeaway', `both arms are \`${name}\` ${over.written}`);
    return undefined;
  }
  const varying = [...new Set(evaluated.filter(({ axes }) => Object.hasOwn(axes, name)).map(({ stage }) => stage))];
  if (contrast.stage !== undefined && !varying.includes(contrast.stage)) {
    const evaluates = evaluated.some(({ stage }) => stage === contrast.stage);
    const message = evaluates
      ? `\`${contrast.stage}\` does not vary over \`${name}\``
      : `no stage ${shown(contrast.stage)} is evaluated`;
    report(
      ['contrast', 'stage'],
      'unknown-name',
      message,
      listed(varying) || undefined,
      didYouMean(contrast.stage, varying),
    );
    return undefined;
  }
  const compared = evaluated.filter(({ stage }) => stage === (contrast.stage ?? stage) && varying.includes(stage));
  const arm = (value: string | number) => compared.filter(({ axes }) => axes[name] === value);
  // What is zipped with the axis changes with it; whether it may is for the check of the arms.
  const apart = new Set([name, ...[...zipsOf(source).values()].filter((names) => names.includes(name)).flat()]);
  const stages = [...new Set(compared.map(({ stage }) => stage))];
  const pairs = stages.flatMap((stage) =>
    pairArms(
      arm(of.value).filter((node) => node.stage === stage),
      arm(over.value).filter((node) => node.stage === stage),
      apart,
    ),
  );
  if (pairs.length > 0) return { pairs, factor: name };
  const message =
    varying.length === 0
      ? `no evaluated stage varies over \`${name}\``
      : `no model with \`${name}\` ${of.written} has a counterpart with ${over.written}`;
  report(['contrast', 'axis'], 'bad-takeaway', message);
  return undefined;
}

function armValue(axis: Axis, contrast: Contrast, side: 'of' | 'over', report: Report) {
  const spelled = String(contrast[side]);
  const value = findValue(axis, spelled);
  if (lacksValue(axis, spelled)) {
    const known = axis.values.map(({ written }) => written);
    report(
      ['contrast', side],
      'unknown-name',
      `the axis \`${axis.name}\` has no value ${shown(spelled)}`,
      listed(known),
    );
  }
  return value;
}

function selectedArms(
  plan: Plan,
  evaluated: readonly PlanNode[],
  contrast: Contrast,
  report: Report,
): Arms | undefined {
  if (contrast.stage !== undefined) {
    report(['contrast', 'stage'], 'bad-takeaway', '`stage` goes with `axis`; a selector names its stage itself');
    return undefined;
  }
  const arms = (['of', 'over'] as const).map((side): PlanNode[] => {
    const selector = String(contrast[side]);
    const place: Path = ['contrast', side];
    if (asksForStates([selector])) {
      report(place, 'bad-takeaway', 'what a claim compares cannot depend on what has run: `state:` means nothing here');
      return [];
    }
    const found = select(plan, [selector], neverAsked);
    if (!found.ok) {
      for (const { message, expected, hint } of found.problems) report(place, 'unknown-name', message, expected, hint);
      return [];
    }
    const models = found.nodes.filter((node) => evaluated.includes(node));
    if (models.length === 0) {
      const stages = [...new Set(evaluated.map(({ stage }) => stage))];
      report(place, 'bad-takeaway', `\`${selector}\` names no model that is evaluated`, listed(stages));
    }
    return models;
  });
  const [of = [], over = []] = arms;
  if (of.length === 0 || over.length === 0) return undefined;
  const pairs = pairArms(of, over, axesApart(of, over));
  if (pairs.length > 0) return { pairs, factor: null };
  const message = `no model of \`${contrast.of}\` has a counterpart in \`${contrast.over}\`: they share no setting of the other axes`;
  report(['contrast', 'over'], 'bad-takeaway', message);
  return undefined;
}

function neverAsked(): never {
  throw new Error('a selector of a takeaway asked for states');
}

/** Whether the arms differ only in what is declared, told once for each takeaway, with the first pair that does not. */
function checkArms(source: Source, plan: Plan, path: Path, contrast: Contrast, { pairs, factor }: Arms): Diagnostic[] {
  const also: readonly string[] = contrast.also ?? [];
  const unused = new Set(also);
  const at = source.place([...path, factor === null ? 'of' : 'axis']);
  for (const pair of pairs) {
    const names = `\`${pair.of.address}\` and \`${pair.over.address}\``;
    if (pair.of.key === pair.over.key)
      return [diagnose(source.file, at, 'bad-takeaway', `${names} are the same node: there is nothing to compare`)];
    const differences = differencesBetween(plan, pair);
    const others = differences.filter((difference) => {
      const allowed = also.filter((entry) => isCalled(difference, entry));
      for (const entry of allowed) unused.delete(entry);
      return difference.factor !== factor && allowed.length === 0;
    });
    const factors = [...new Set(others.map((difference) => difference.factor))];
    if (factors.length === 0 || (factor === null && factors.length === 1)) continue;
    const told = others.map((difference) => sentence(difference, pair.of)).join(', ');
    const message =
      factor === null
        ? `${names} differ in ${factors.length} things: ${told}`
        : `${names} differ in more than \`${factor}\`: ${told}`;
    const may = (factor === null ? factors.slice(1) : factors).map((name) => name.replace(/^stage /, ''));
    const hint = `let nothing else differ, or say what may: also: [${may.join(', ')}]`;
    return [diagnose(source.file, at, 'bad-takeaway', message, { hint })];
  }
  return [...unused].map((entry) => {
    const place = source.place([...path, 'also', also.indexOf(entry)]);
    return warn(source.file, place, 'no-effect', `the arms do not differ in ${shown(entry)}`, { hint: 'remove it' });
  });
}

/** Warns once for each takeaway of models that have to be compared with care, with the first of each arm. */
function checkMarks(source: Source, plan: Plan, path: Path, { pairs, factor }: Arms): Diagnostic[] {
  const marks = marksOf(plan.nodes);
  const marked = (['of', 'over'] as const).flatMap((side) => {
    const found = pairs.map((pair) => pair[side]).find(({ address }) => marks.has(address));
    return found ? [`\`${found.address}\` is marked: ${marks.get(found.address)?.join(', ')}`] : [];
  });
  if (marked.length === 0) return [];
  const place = source.place([...path, factor === null ? 'of' : 'axis']);
  const hint = 'whatever is found holds of such models only; say so where it is told';
  return [warn(source.file, place, 'marked-arm', `of what is compared, ${marked.join('; ')}`, { hint })];
}

/** Whether an entry of `also` means a difference: by its axis, its stage, its field or the beginning of that. */
function isCalled({ factor, change }: Difference, entry: string): boolean {
  const names = [factor, factor.replace(/^stage /, ''), ...(change ? [change.field] : [])];
  return names.some((name) => name === entry || name.startsWith(`${entry}.`));
}

function sentence({ factor, change }: Difference, of: PlanNode): string {
  return change ? changeText(change, of) : factor.replace(/^stage (.*)$/, 'the stage `$1`');
}
