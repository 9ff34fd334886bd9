import { generators } from '../../schemas/catalogue.ts';
import { type Diagnostic, diagnose, didYouMean, listed, type Place, shown } from '../diagnostic.ts';
import { type DeclaredStage, partMadeBy, partOfStage } from '../stages.ts';
import type { Source } from '../syntax.ts';
import { own, textAt } from '../tree.ts';
import { declaredNames } from './section.ts';

/**
 * A data set, or a part of one, and whether the stage can learn from it. `making` are the stages that make data sets, and
 * `others` names that may stand here as well.
 */
export function* checkReference(
  source: Source,
  place: Place,
  reference: string,
  making: readonly DeclaredStage[] = [],
  stage?: DeclaredStage,
  others: readonly string[] = [],
): Generator<Diagnostic> {
  const [name = '', part] = reference.split('/');
  const sets = declaredNames(source, 'data');
  if (!sets) return;
  const report = (code: Diagnostic['code'], message: string, expected?: string, hint?: string) =>
    diagnose(source.file, place, code, message, { expected, hint });
  const wanted = own(partOfStage, stage?.kind ?? '') ?? part ?? 'text';
  const made = making.filter((each) => each.name !== stage?.name);
  const found = made.find((each) => each.name === name);
  const names = [...sets, ...made.map((each) => each.name)];
  if (found) {
    const has = partMadeBy(found);
    if (has === wanted && (part === undefined || part === has)) return;
    const message = `${stage?.kind} ${takes(stage)} ${wanted}, and \`${name}\` makes ${has}`;
    const hint = wanted === 'preferences' ? 'make pairs of them first: a build with `pairs`' : undefined;
    yield report('wrong-part', message, undefined, hint);
  } else if (!sets.includes(name)) {
    const hint =
      name === 'replay' ? '`replay` may stand in the mix of a cpt stage' : didYouMean(name, [...names, ...others]);
    yield report('unknown-name', `there is no data set ${shown(name)}`, listed(names), hint);
  } else if (part !== undefined && !parts.includes(part)) {
    const hint = didYouMean(part, parts);
    yield report('wrong-part', `a data set has no part ${shown(part)}`, listed(parts), hint);
  } else if (part !== undefined && part !== wanted) {
    const message = `${stage?.kind} ${takes(stage)} ${wanted}, and this is \`${reference}\``;
    const hint = hasPart(source, name, wanted) ? `write \`${name}/${wanted}\`, or another data set` : wayTo(wanted);
    yield report('wrong-part', message, undefined, hint);
  } else if (!hasPart(source, name, wanted)) {
    const having = sets.filter((set) => hasPart(source, set, wanted));
    const suite = textAt(source.value, 'data', name, 'suite');
    const message =
      suite !== undefined
        ? `\`${name}\` is for the suite \`${suite}\`, and nothing may learn from it`
        : `\`${name}\` has no ${wanted}${stage?.kind ? `, which ${stage.kind} ${takes(stage)}` : ''}`;
    yield report('wrong-part', message, listed(having) || `a data set with ${wanted}`, wayTo(wanted));
  }
}

/** What a stage does with its data. */
function takes(stage: DeclaredStage | undefined): string {
  if (stage?.kind === 'generate') return 'answers';
  return stage?.kind === 'build' ? 'is made of' : 'learns from';
}

/** How to come to a part that no generator has. */
function wayTo(part: string): string | undefined {
  return part === 'preferences'
    ? 'let a model answer problems (`generate`), and make pairs of that (`build`)'
    : undefined;
}

/** The parts that a reference can name. */
const parts: readonly string[] = ['text', 'problems', 'preferences'];

/** What is in files only shows when they are read; benchmarks, and what is for a suite, are for evaluations alone. */
export function hasPart(source: Source, name: string, part: string): boolean {
  if (['benchmark', 'suite'].some((key) => textAt(source.value, 'data', name, key) !== undefined)) return false;
  const generator = own(generators, textAt(source.value, 'data', name, 'generator') ?? '');
  return generator?.parts.some((candidate) => candidate === part) ?? true;
}
