import { benchmarks, generators, type Suite } from '../schemas/catalogue.ts';
import type { GeneratedSource, Grading, Part, PreparedSource, Source } from '../schemas/types/job.ts';
import type { Dataset, FileData, HubData, LineageFile } from '../schemas/types/lineage.ts';
import { defaults } from './defaults.ts';
import type { PlanNode } from './plan.ts';
import { own } from './tree.ts';

/** The data sets that stages make, as one node finds them: by the stage's name. */
export type MadeSets = ReadonlyMap<string, PreparedSource>;

const noneMade: MadeSets = new Map();

/**
 * A data set as a trainer finds it: a generator with all of its options, the prepared files of a data node, or what a stage
 * has made.
 */
export function sourceOf(file: LineageFile, name: string, made: MadeSets = noneMade): Source {
  const found = made.get(name);
  if (found) return found;
  const declared: Dataset | undefined = own(file.data, name);
  if (!declared) throw new Error(`no data set ${name}`);
  if (!('generator' in declared)) return { prepared: dataRole(name), ...gradingOf(declared) };
  return generatedSource(declared.generator, declared.seed, declared.options);
}

/** How responses to a data set's problems are graded; an empty map where it does not say, and without what is usual. */
function gradingOf({ grading = {} }: FileData | HubData): { grading?: Grading } {
  const said = Object.entries(grading).filter(([name, value]) => name !== 'tolerance' || value !== 0);
  return said.length === 0 ? {} : { grading: Object.fromEntries(said) };
}

/** The benchmark that a data set is of; undefined of other files, and of generators. */
export function benchmarkOf(declared: Dataset): string | undefined {
  return 'generator' in declared ? undefined : declared.benchmark;
}

/** The suite that asks a data set, and the part that it asks; undefined of a set to learn from. */
export function suiteOf(declared: Dataset): { suite: Suite; part: Part['part'] } | undefined {
  const benchmark = own(benchmarks, benchmarkOf(declared) ?? '');
  if (benchmark) return benchmark;
  const suite = 'hub' in declared ? undefined : declared.suite;
  return suite && { suite, part: partOfSuite[suite] };
}

/** What the suites ask. */
export const partOfSuite: Readonly<Record<Suite, Part['part']>> = {
  heldout: 'text',
  upstream: 'choices',
  id: 'problems',
  ood: 'problems',
};

/** A generator's data, with a default for each option that is not given. */
export function generatedSource(
  generator: string,
  seed: number = defaults.generated.seed,
  options: Readonly<Record<string, number | string | boolean>> = {},
): GeneratedSource {
  const entry = own(generators, generator);
  if (!entry) throw new Error(`no generator ${generator}`);
  const all = Object.entries(entry.options).map(
    ([name, option]) => [name, own(options, name) ?? option.default] as const,
  );
  return { generator, version: entry.version, seed, options: Object.fromEntries(all) };
}

/** `math` or `math/problems` as a part: the one that is named, else the one that is wanted. */
export function partOf(file: LineageFile, reference: string, wanted: Part['part'], made?: MadeSets): Part {
  const [name = '', part] = reference.split('/');
  return {
    name,
    part: part === 'text' || part === 'problems' || part === 'preferences' ? part : wanted,
    source: sourceOf(file, name, made),
  };
}

/** The data set that a reference names: `math` of `math/problems`. */
export function setNameOf(reference: string): string {
  return reference.split('/')[0] ?? reference;
}

/** The role, and the address, of a data set's node. */
export function dataRole(name: string): string {
  return `data:${name}`;
}

/** The role by which others read the data set that a node makes; undefined of one that makes none. */
export function roleOfMade({ type, address }: Pick<PlanNode, 'type' | 'address'>): string | undefined {
  if (type === 'data') return address;
  return type === 'generate' || type === 'build' ? dataRole(address) : undefined;
}

/** The roles of the data nodes that some sources come from. */
export function dataRoles(sources: readonly Source[]): string[] {
  return [...new Set(sources.flatMap((source) => ('prepared' in source ? [source.prepared] : [])))];
}
