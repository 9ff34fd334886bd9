import { type JsonSchema, lineageSchema, type Pointer } from '../../schemas/validate.ts';
import { type Diagnostic, diagnose, didYouMean, shown } from '../diagnostic.ts';
import { type QuantityKind, quantityKinds } from '../quantities.ts';
import type { Path, Source } from '../syntax.ts';
import { isRecord } from '../tree.ts';
import { explainGroup, explainQuantity, type Finding, wrongType } from './shape-errors.ts';
import { resolveReference, typeName, where } from './shape-words.ts';

/**
 * Checks the file against schemas/lineage.schema.json. Ajv finds what is wrong; this says it: one diagnostic for each
 * value that is wrong, whatever the number of Ajv's errors, and never the branches of an `anyOf` that nobody meant.
 */
export function* checkShape(source: Source): Generator<Diagnostic> {
  yield* explain(source, [], '#', source.value);
}

function* explain(source: Source, root: Path, pointer: Pointer, value: unknown): Generator<Diagnostic> {
  const findings = lineageSchema()
    .errors(value, pointer)
    .filter((error) => error.propertyName === undefined) // the error `propertyNames` says it for the whole name
    .map((error): Finding => ({ error, path: [...root, ...pathOf(error.instancePath, value)] }));
  const choices = new Map<string, Finding>();
  const inner = ({ path }: Finding) =>
    path.length > 0 && path.some((_, index) => choices.has(pathKey(path.slice(0, index + 1))));
  for (const finding of findings
    .filter(({ error }) => /^(any|one)Of$/.test(error.keyword))
    .sort((a, b) => a.path.length - b.path.length)) {
    if (!inner(finding)) choices.set(pathKey(finding.path), finding);
  }
  for (const choice of choices.values()) yield* explainChoice(source, choice);
  const simple = findings.filter((finding) => !inner(finding));
  for (const group of groupByPath(simple)) yield* explainGroup(source, group);
}

/** A value that none of several schemas takes: the one that was meant is found first, and only its errors are told. */
function* explainChoice(source: Source, { error, path }: Finding): Generator<Diagnostic> {
  const { schema, pointerOf } = lineageSchema();
  const part = error.parentSchema as JsonSchema;
  const name = pointerOf(part).split('/').pop() ?? '';
  if (name in quantityKinds) {
    yield explainQuantity(source, path, error.data, name as QuantityKind);
    return;
  }
  const branches = (part.anyOf ?? part.oneOf ?? []).map((branch) => resolveReference(schema, branch));
  const fitting = branches.filter((branch) => takes(branch, error.data));
  const meant = meantBranches(fitting, error.data);
  if (meant.length === 1 && meant[0]) {
    yield* explain(source, path, pointerOf(meant[0]), error.data);
  } else if (fitting.length > 1) {
    const keys = tagsOf(fitting);
    const [one = '', other = ''] = tagsOf(meant);
    const both = meant.length > 1;
    const message = `${where(path)} must have exactly one of ${keys.map((key) => `\`${key}\``).join(', ')}${both ? '' : ', and has none'}`;
    const place = both ? source.keyPlace([...path, other]) : source.place(path);
    const related = both ? [{ ...source.keyPlace([...path, one]), message: 'the other is here' }] : [];
    const misspelled = isRecord(error.data) ? Object.keys(error.data).map((key) => didYouMean(key, keys)) : [];
    const hint = both ? undefined : misspelled.find((guess) => guess !== undefined);
    yield diagnose(source.file, place, 'one-of', message, { related, hint });
  } else {
    yield wrongType(source, path, error.data, [...new Set(branches.map(branchName))].join(' or '), part.description);
  }
}

/**
 * The branches that a value can have been meant for: those that have the keys which tell branches apart, of these the ones
 * that know each of those keys. Where it has no such key it is meant for the branch that needs none.
 */
function meantBranches(fitting: readonly JsonSchema[], value: unknown): readonly JsonSchema[] {
  if (fitting.length === 1) return fitting;
  const tags = tagsOf(fitting).filter((tag) => isRecord(value) && Object.hasOwn(value, tag));
  const having = fitting.filter((branch) => tags.includes(branch.required?.[0] ?? ''));
  const knowing = having.filter(({ properties = {} }) => tags.every((tag) => Object.hasOwn(properties, tag)));
  if (knowing.length === 1) return knowing;
  return having.length > 0 ? having : fitting.filter(({ required }) => required === undefined);
}

/** The keys that tell branches apart: of each the first that it requires. */
function tagsOf(branches: readonly JsonSchema[]): string[] {
  return branches.flatMap(({ required = [] }) => required.slice(0, 1));
}

/** What a branch takes: its one value, or a type. */
function branchName(branch: JsonSchema): string {
  return branch.const === undefined ? typeName(branch.type) : shown(branch.const);
}

function takes(branch: JsonSchema, value: unknown): boolean {
  const types = [branch.type ?? []].flat();
  if (Array.isArray(value)) return types.includes('array');
  if (value === null) return types.includes('null');
  if (typeof value === 'number') return types.includes('number') || types.includes('integer');
  return types.includes(typeof value);
}

/** Ajv's JSON pointer as a path; indices of lists become numbers. */
function pathOf(pointer: string, value: unknown): (string | number)[] {
  let at = value;
  return pointer
    .split('/')
    .slice(1)
    .map((part) => {
      const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
      const step = Array.isArray(at) ? Number(name) : name;
      at = (at as Record<string, unknown>)[name];
      return step;
    });
}

function pathKey(path: Path): string {
  return JSON.stringify(path);
}

function groupByPath(findings: readonly Finding[]): Finding[][] {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const key = pathKey(finding.path);
    const group = groups.get(key);
    if (group) group.push(finding);
    else groups.set(key, [finding]);
  }
  return [...groups.values()];
}
