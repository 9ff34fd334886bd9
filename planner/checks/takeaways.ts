import type { Contrast, LineageFile, Takeaway, Trend } from '../../schemas/types/lineage.ts';
import { contrastPairs, evaluatedModels, metricsOf, seedAxesOf, trendModels, trendPairs } from '../arms.ts';
import { type Axis, findValue, lacksValue, readAxes } from '../axes.ts';
import { type Diagnostic, diagnose, didYouMean, listed, shown, warn } from '../diagnostic.ts';
import type { Lineage } from '../load.ts';
import { marksOf } from '../marks.ts';
import type { Plan, PlanNode } from '../plan.ts';
import { changeText } from '../reason.ts';
import { asksForStates, select } from '../select.ts';
import type { Path, Source } from '../syntax.ts';
import { type ArmPair, type Difference, differencesBetween, figuresOf, metricName, tasksOf } from '../takeaways.ts';
import { own } from '../tree.ts';

/** Reports something wrong at a place of a takeaway. */
type Report = (path: Path, code: Diagnostic['code'], message: string, expected?: string, hint?: string) => void;

/**
 * Checks the takeaways of a file against its plan: that their names name something, that there are models to compare, and
 * that these differ in nothing but what is declared.
 */
export function checkTakeaways({ source, file }: Lineage, plan: Plan): Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  for (const [index, takeaway] of (file.takeaways ?? []).entries()) {
    const report: Report = (path, code, message, expected, hint) =>
      diagnostics.push(
        diagnose(source.file, source.place(['takeaways', index, ...path]), code, message, { expected, hint }),
      );
    for (const [place, metric] of metricsOf(takeaway).entries())
      checkMetric(plan, file, metric, Array.isArray(takeaway.metric) ? ['metric', place] : ['metric'], report);
    const asked = askedOf(takeaway, report);
    if (!asked) continue;
    const arms =
      'contrast' in asked ? armsOf(source, plan, asked.contrast, report) : trendArms(source, plan, asked.trend, report);
    if (!arms) continue;
    const path: Path = ['takeaways', index, 'contrast' in asked ? 'contrast' : 'trend'];
    const also = ('contrast' in asked ? asked.contrast : asked.trend).also ?? [];
    diagnostics.push(...checkArms(source, plan, path, also, arms), ...checkMarks(source, plan, path, arms));
  }
  return diagnostics;
}

/** What a takeaway asks, either of the two; what goes with the other is reported. */
function askedOf(takeaway: Takeaway, report: Report): { contrast: Contrast } | { trend: Trend } | undefined {
  const { contrast, trend } = takeaway;
  if ((contrast === undefined) === (trend === undefined)) {
    const [what, hint] = contrast
      ? ['has both a contrast and a trend', 'two claims are two takeaways']
      : ['compares nothing', 'name two arms, contrast: {of: rl, over: tuned}, or an axis that the figure follows'];
    report([], 'bad-takeaway', `the takeaway ${what}`, '`contrast` or `trend`', hint);
    return undefined;
  }
  if (contrast) return { contrast };
  for (const option of ['test', 'direction'] as const)
    if (takeaway[option] !== undefined)
      report([option], 'bad-takeaway', `\`${option}\` goes with \`contrast\``, undefined, 'remove it');
  return { trend: trend as Trend };
}

function checkMetric(plan: Plan, file: LineageFile, metric: string, path: Path, report: Report): void {
  const { suite, task, figure } = metricName(metric);
  const suites: readonly string[] = file.evaluate?.suites ?? [];
  const refuse = (message: string, name: string, names: readonly string[], hint?: string) =>
    report(path, 'unknown-name', `${message} ${shown(name)}`, listed(names), hint ?? didYouMean(name, names));
  if (!file.evaluate) {
    report(path, 'bad-takeaway', 'nothing is evaluated, so there is nothing to compare', undefined, 'add `evaluate`');
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
  const tasks = tasksOf(recipe);
  if (task !== null && !tasks.includes(task)) {
    const mean = ['all', 'avg', 'mean'].includes(task)
      ? `the mean of all is without one: ${suite}.${figure}`
      : undefined;
    refuse(`the suite \`${suite}\` has no task`, task, tasks, mean);
  }
  if (figures.includes(figure)) return;
  const whose = tasks.includes(figure)
    ? `that is a task; a figure of it is ${suite}.${figure}.${figures[0]}`
    : undefined;
  refuse(`the suite \`${suite}\` has no figure`, figure, figures, whose);
}

/** The models to compare, in pairs, and what may tell them apart; undefined where there are none, which is reported. */
interface Arms {
  pairs: ArmPair[];
  /** Null where the contrast names selectors: then they may differ in one thing, whichever it is. */
  factor: string | null;
}

function armsOf(source: Source, plan: Plan, contrast: Contrast, report: Report): Arms | undefined {
  const evaluated = evaluatedModels(plan);
  if (evaluated.length === 0) return undefined; // said of the metric
  return contrast.axis === undefined
    ? selectedArms(plan, evaluated, contrast, report)
    : axisArms(source, plan, contrast, contrast.axis, report);
}

function axisArms(source: Source, plan: Plan, contrast: Contrast, name: string, report: Report): Arms | undefined {
  const axis = axisCalled(source, name, 'contrast', report);
  if (!axis) return undefined;
  const values = (['of', 'over'] as const).map((side) => armValue(axis, contrast, side, report));
  const [of, over] = values;
  if (!of || !over) return undefined;
  if (of === over) {
    const others = axis.values.filter((value) => value !== of).map(({ written }) => written);
    report(
      ['contrast', 'over'],
      'bad-takeaway',
      `both arms are \`${name}\` ${over.written}`,
      listed(others) || undefined,
    );
    return undefined;
  }
  const varying = varyingStages(plan, name, contrast.stage, 'contrast', report);
  if (!varying) return undefined;
  const pairs = contrastPairs(plan, contrast);
  if (pairs.length > 0) return { pairs, factor: name };
  const message =
    varying.length === 0
      ? `no evaluated stage varies over \`${name}\``
      : `no model with \`${name}\` ${of.written} has a counterpart with ${over.written}`;
  report(['contrast', 'axis'], 'bad-takeaway', message);
  return undefined;
}

function trendArms(source: Source, plan: Plan, trend: Trend, report: Report): Arms | undefined {
  const { axis: name, direction, within, share, stage } = trend;
  if (evaluatedModels(plan).length === 0) return undefined; // said of the metric
  if (direction === 'flat' && within === undefined)
    report(['trend', 'direction'], 'bad-takeaway', '`flat` needs a margin', 'within: 0.01', 'say how much is nothing');
  if (direction !== 'flat' && within !== undefined)
    report(['trend', 'within'], 'bad-takeaway', '`within` goes with `direction: flat`', undefined, 'remove it');
  if (direction !== 'saturates' && share !== undefined)
    report(['trend', 'share'], 'bad-takeaway', '`share` goes with `direction: saturates`', undefined, 'remove it');
  const axis = axisCalled(source, name, 'trend', report);
  const varying = axis && varyingStages(plan, name, stage, 'trend', report);
  if (!varying) return undefined;
  const models = trendModels(plan, trend);
  const least = direction === 'saturates' ? 4 : 3;
  const levels = new Set(models.map(({ x }) => x)).size;
  if (levels < least) {
    const found = levels === 0 ? `no evaluated stage varies over \`${name}\`` : `\`${name}\` has ${levels} values`;
    report(['trend', 'axis'], 'bad-takeaway', found, `${least} values at least, for \`direction: ${direction}\``);
    return undefined;
  }
  return { pairs: trendPairs(models), factor: name };
}

function axisCalled(source: Source, name: string, of: 'contrast' | 'trend', report: Report): Axis | undefined {
  const axes = readAxes(source);
  const axis = axes.get(name);
  if (axis) return axis;
  const names = [...axes.keys()];
  const hint = didYouMean(name, names);
  report([of, 'axis'], 'unknown-name', `there is no axis ${shown(name)}`, listed(names) || undefined, hint);
  return undefined;
}

/** The evaluated stages that vary over an axis; undefined where `stage` is none of them, which is reported. */
function varyingStages(
  plan: Plan,
  name: string,
  stage: string | undefined,
  of: 'contrast' | 'trend',
  report: Report,
): string[] | undefined {
  const evaluated = evaluatedModels(plan);
  const varying = [...new Set(evaluated.filter(({ axes }) => Object.hasOwn(axes, name)).map((node) => node.stage))];
  if (stage === undefined || varying.includes(stage)) return varying;
  const message = evaluated.some((node) => node.stage === stage)
    ? `\`${stage}\` does not vary over \`${name}\``
    : `no stage ${shown(stage)} is evaluated`;
  report([of, 'stage'], 'unknown-name', message, listed(varying) || undefined, didYouMean(stage, varying));
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
  const pairs = contrastPairs(plan, contrast);
  if (pairs.length > 0) return { pairs, factor: null };
  const message = `no model of \`${contrast.of}\` has a counterpart in \`${contrast.over}\`: they share no setting of the other axes`;
  report(['contrast', 'over'], 'bad-takeaway', message);
  return undefined;
}

function neverAsked(): never {
  throw new Error('a selector of a takeaway asked for states');
}

/** Whether the arms differ only in what is declared, told once for each takeaway, with the first pair that does not. */
function checkArms(
  source: Source,
  plan: Plan,
  path: Path,
  also: readonly string[],
  { pairs, factor }: Arms,
): Diagnostic[] {
  const unused = new Set(also);
  const at = source.place([...path, factor === null ? 'of' : 'axis']);
  const unpaired = unpairedSeeds(plan, pairs);
  if (unpaired) return [diagnose(source.file, at, 'bad-takeaway', unpaired.message, { hint: unpaired.hint })];
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

/** What keeps seeds from being paired, one with the same: where there is such a thing, nothing could ever be decided. */
function unpairedSeeds(plan: Plan, pairs: readonly ArmPair[]): { message: string; hint: string } | undefined {
  for (const axis of seedAxesOf(plan))
    for (const { of, over } of pairs) {
      const [one, other] = [own(of.axes, axis), own(over.axes, axis)];
      if (String(one) === String(other)) continue;
      if (one !== undefined && other !== undefined) {
        const message = `\`${of.address}\` and \`${over.address}\` differ in \`${axis}\`, which models are repeated over: that is chance`;
        return { message, hint: 'compare what was set, over all seeds: another axis, or two stages' };
      }
      const [repeated, single] = one === undefined ? [over, of] : [of, over];
      const message = `\`${repeated.address}\` is repeated over \`${axis}\` and \`${single.address}\` is not: no seed has both`;
      return { message, hint: `repeat both over \`${axis}\`, or neither` };
    }
  return undefined;
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
