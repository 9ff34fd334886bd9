import { type Diagnostic, diagnose } from './diagnostic.ts';
import { evaluatedStages } from './evaluated.ts';
import type { Lineage } from './load.ts';
import { type Candidate, candidatesOf, type Product, productsOf, readSpace, type Space } from './space.ts';
import { declaredStages, type StageScope, scopesOf } from './stages.ts';

/** Settings are looked at one by one only where there are at most so many for each node that a plan may have. */
const mostLookedAt = 10;

/**
 * Refuses an expansion to more than `mostNodes` nodes, with the product spelled out, and one to so many settings, before
 * those are left out that are excluded or there twice, that they should not be looked at one by one.
 */
export function refuseTooMany(lineage: Lineage, mostNodes: number): Diagnostic | undefined {
  const { file, source } = lineage;
  const space = readSpace(source);
  const scopes = [...scopesOf(declaredStages(source.value), space).values()];
  const evaluated = new Set(evaluatedStages(file));
  const suitesOf = ({ stage }: StageScope) => (evaluated.has(stage.name) ? (file.evaluate?.suites.length ?? 0) : 0);
  const asked = scopes.map((scope) => sizeOf(space, scope, suitesOf(scope)));
  const exact = space.exclude.length === 0 && space.include.length === 0;
  if (exact) return nodesIn(asked) > mostNodes ? tooMany(lineage, asked, mostNodes, false) : undefined;
  if (sum(asked.map(settingsIn)) > mostLookedAt * mostNodes) return tooMany(lineage, asked, mostNodes, true);
  const sizes = scopes.map((scope) => sizeOf(space, scope, suitesOf(scope), [...candidatesOf(space, scope)]));
  return nodesIn(sizes) > mostNodes ? tooMany(lineage, sizes, mostNodes, false) : undefined;
}

/** How many settings a stage has: those of the grid, less those that are excluded, and those that are included. */
interface Size {
  stage: string;
  grid: Product;
  excluded: number;
  included: number;
  /** Trunks of each: at most one, as settings may share them. */
  trunks: number;
  /** Evaluations of each. */
  suites: number;
}

/** The size of a stage; without its candidates before any of them is left out. */
function sizeOf(space: Space, scope: StageScope, suites: number, candidates?: readonly Candidate[]): Size {
  const [grid, ...includes] = productsOf(space, scope);
  const count = (wanted: (candidate: Candidate) => unknown) => candidates?.filter(wanted).length;
  return {
    stage: scope.stage.name,
    grid,
    excluded: count(({ include, exclude }) => exclude && !include) ?? 0,
    included: count(({ include, exclude }) => include && !exclude) ?? sum(includes.map(combinationsIn)),
    trunks: scope.stage.body.schedule === 'wsd' ? 1 : 0,
    suites,
  };
}

function tooMany(lineage: Lineage, sizes: readonly Size[], mostNodes: number, unsifted: boolean): Diagnostic {
  const { file, source } = lineage;
  const nodes = nodesIn(sizes).toLocaleString('en');
  const message = `this lineage has ${nodes} nodes${unsifted ? ' before any is left out' : ''}; a plan has at most ${mostNodes.toLocaleString('en')}`;
  const hint = unsifted
    ? 'zip axes, or include the settings that you want, instead of excluding the others'
    : 'take values from an axis, or make two lineages: what they share is trained once';
  return diagnose(source.file, source.keyPlace([file.axes ? 'axes' : 'stages']), 'too-many-nodes', message, {
    expected: sizes.map(spelledOut).join('; '),
    hint,
  });
}

/** `mid: (2 (model, lr) × 3 seed - 1 excluded + 2 included) × (1 + 3 evaluations)`. */
function spelledOut({ stage, grid, excluded, included, trunks, suites }: Size): string {
  const factors = grid.factors.map(({ axes, settings }) => {
    const names = axes.map(({ name }) => name).join(', ');
    return `${settings.length} ${axes.length > 1 ? `(${names})` : names}`;
  });
  const changes = `${excluded > 0 ? ` - ${excluded} excluded` : ''}${included > 0 ? ` + ${included} included` : ''}`;
  const parts = [...(trunks > 0 ? ['1 trunk'] : []), ...(suites > 0 ? [`${suites} evaluations`] : [])];
  const grown = `${factors.join(' × ')}${changes}`;
  const spelled = [
    ...(changes === '' ? factors : [parts.length > 0 ? `(${grown})` : grown]),
    ...(parts.length > 0 ? [`(1 + ${parts.join(' + ')})`] : []),
  ];
  return `${stage}: ${spelled.join(' × ') || '1'}`;
}

function nodesIn(sizes: readonly Size[]): number {
  return sum(sizes.map((size) => settingsIn(size) * (1 + size.trunks + size.suites)));
}

function settingsIn({ grid, excluded, included }: Size): number {
  return combinationsIn(grid) - excluded + included;
}

function combinationsIn({ factors }: Product): number {
  return factors.reduce((product, { settings }) => product * settings.length, 1);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
