import type { ErrorObject } from 'ajv/dist/2020.js';
import { type JsonSchema, lineageSchema, type Pointer } from '../../schemas/validate.ts';
import { type Diagnostic, diagnose, didYouMean, listed, shown } from '../diagnostic.ts';
import { choices, numberHint, type QuantityKind, quantityKinds } from '../quantities.ts';
import { declaredStages, stageKinds } from '../stages.ts';
import type { Path, Source } from '../syntax.ts';
import { isRecord, textAt } from '../tree.ts';

/**
 * Checks the file against schemas/lineage.schema.json. Ajv finds what is wrong; this says it: one diagnostic for each
 * value that is wrong, whatever the number of Ajv's errors, and never the branches of an `anyOf` that nobody meant.
 */
export function* checkShape(source: Source): Generator<Diagnostic> {
  yield* explain(source, [], '#', source.value);
}

/** One of Ajv's errors, with the path of the value from the root of the file. */
interface Finding {
  error: ErrorObject;
  path: Path;
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
  const branches = (part.anyOf ?? part.oneOf ?? []).map((branch) => resolve(schema, branch));
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
    yield wrongType(
      source,
      path,
      error.data,
      [...new Set(branches.map((branch) => typeName(branch.type)))].join(' or '),
      part.description,
    );
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

function explainQuantity(source: Source, path: Path, value: unknown, kind: QuantityKind): Diagnostic {
  const { expected, parse } = quantityKinds[kind];
  const place = source.place(path);
  if (isRecord(value)) {
    const [name, ...others] = Object.keys(value);
    const hint =
      name !== undefined && others.length === 0
        ? `braces alone are a map: write "{${name}}" with quotes for the axis's value`
        : undefined;
    return diagnose(source.file, place, 'wrong-type', `${where(path)} is a map`, { expected, hint });
  }
  if (value === null) return diagnose(source.file, place, 'wrong-type', `${where(path)} is empty`, { expected });
  if (typeof value === 'string' && /[{}]/.test(value)) {
    return diagnose(source.file, place, 'bad-quantity', `${shown(value)} is not an axis's value`, {
      expected: `"{name}" with the name of an axis, or ${expected}`,
    });
  }
  const parsed = parse(value);
  const scalar = typeof value === 'string' || typeof value === 'number';
  if (!scalar) return diagnose(source.file, place, 'wrong-type', `${where(path)} is ${shown(value)}`, { expected });
  const problem = parsed.ok ? 'cannot be read' : parsed.problem;
  return diagnose(source.file, place, 'bad-quantity', `${shown(source.written(path))} ${problem}`, {
    expected,
    hint: parsed.ok ? undefined : parsed.hint,
  });
}

/** All simple errors of one value. Of a value of the wrong type nothing else is said. */
function* explainGroup(source: Source, group: readonly Finding[]): Generator<Diagnostic> {
  const path = group[0]?.path ?? [];
  const byKeyword = new Map<string, ErrorObject[]>();
  for (const { error } of group) {
    const same = byKeyword.get(error.keyword);
    if (same) same.push(error);
    else byKeyword.set(error.keyword, [error]);
  }
  const [first] = group;
  const typeError = byKeyword.get('type')?.[0];
  if (typeError) {
    const part = typeError.parentSchema as JsonSchema;
    yield wrongType(source, path, typeError.data, typeName(part.type), part.description);
    return;
  }
  const unknown = byKeyword.get('additionalProperties') ?? [];
  let missing = (byKeyword.get('required') ?? []).map((error) => String(error.params.missingProperty));
  const order = first ? Object.keys(propertiesOf(first.error)) : [];
  missing.sort((a, b) => order.indexOf(a) - order.indexOf(b));
  for (const error of unknown) {
    const meant = missing.find((name) => didYouMean(String(error.params.additionalProperty), [name]));
    missing = missing.filter((name) => name !== meant);
    yield unknownKey(source, path, error, meant);
  }
  if (missing.length > 0 && first) {
    const message = `${where(path)} lacks ${missing.map((name) => `\`${name}\``).join(', ')}`;
    yield diagnose(source.file, source.place(path), 'missing-key', message, {
      expected: describe(first.error, missing),
    });
  }
  for (const error of byKeyword.get('propertyNames') ?? []) {
    const name = String(error.params.propertyName);
    yield diagnose(source.file, source.keyPlace([...path, name]), 'bad-name', `${shown(name)} is no name`, {
      expected: nameRule(error),
    });
  }
  const counts = byKeyword.get('maxProperties') ?? byKeyword.get('minProperties') ?? [];
  if (counts[0] && unknown.length === 0 && missing.length === 0) yield wrongCount(source, path, counts[0]);
  for (const { error } of group) {
    const plain = plainError(source, path, error);
    if (plain) yield plain;
  }
}

function unknownKey(source: Source, path: Path, error: ErrorObject, meant: string | undefined): Diagnostic {
  const name = String(error.params.additionalProperty);
  const allowed = Object.keys((error.parentSchema as JsonSchema).properties ?? {});
  const message = `${where(path)} has no key ${shown(name)}`;
  const hint = meant === undefined ? keyHint(source, error.data, name, path, allowed) : `did you mean \`${meant}\`?`;
  return diagnose(source.file, source.keyPlace([...path, name]), 'unknown-key', message, {
    expected: listed(allowed),
    hint,
  });
}

function keyHint(
  source: Source,
  data: unknown,
  name: string,
  path: Path,
  allowed: readonly string[],
): string | undefined {
  const map = isRecord(data) ? data : {};
  if (/^[^=]+=[^=]*$/.test(name) && map[name] === null) {
    return 'a comma ends a value inside of { }: put the whole reference in quotes, "stage@axis=value,axis=value"';
  }
  if (path[0] === 'placement' && path.length === 2) {
    const stage = String(path[1]);
    const hint = misplacedHint(source, stage, name, isRecord(map[name]) ? '...' : String(map[name] ?? '...'));
    if (hint !== undefined) return hint;
  }
  if (path.length === 2 && path[0] === 'stages' && choices.algorithm.some((algorithm) => algorithm === name))
    return `say \`rl: { algorithm: ${name}, ... }\``;
  const kind =
    path.length === 2 && path[0] === 'stages'
      ? stageKinds.find((candidate) => Object.hasOwn(map, candidate))
      : undefined;
  if (kind && lineageSchema().schema.$defs?.[kind]?.properties?.[name])
    return `\`${name}\` belongs inside of \`${kind}\``;
  if (path[0] === 'stages' && path.length > 1 && lineageSchema().schema.$defs?.placement?.properties?.[name])
    return `it stands under placement: { ${path[1]}: { ${name}: ${isRecord(map[name]) ? '...' : (map[name] ?? '...')} } }`;
  const recipe = path.includes('recipes') ? lineageSchema().schema.$defs?.[String(path.at(-1))] : undefined;
  if (recipe?.properties?.[name]) return `\`${name}\` is what each signature says`;
  return didYouMean(name, allowed);
}

/** Where a key belongs that stands under a stage's placement, and is an option of stages or of device classes. */
function misplacedHint(source: Source, stage: string, name: string, value: string): string | undefined {
  if (name === 'memory' || name === 'slots' || name === 'threads' || name === 'speed')
    return `\`${name}\` is what a device class has: say it in temporal.config, under devices: { cpu: { ${name}: ... } }`;
  const own = declaredStages(source.value).get(stage)?.kind;
  const kinds = own === undefined ? stageKinds : [own];
  const kind = kinds.find((one) => lineageSchema().schema.$defs?.[one]?.properties?.[name]);
  if (kind === undefined) return undefined;
  return own === undefined
    ? `\`${name}\` belongs in each stage that it is meant for: ${kind}: { ${name}: ${value} }`
    : `\`${name}\` belongs in the stage: stages: { ${stage}: { ${kind}: { ${name}: ${value} } } }`;
}

function wrongCount(source: Source, path: Path, error: ErrorObject): Diagnostic {
  const names = Object.keys((error.parentSchema as JsonSchema).properties ?? {});
  const given = isRecord(error.data) ? Object.keys(error.data) : [];
  const expected =
    names.length > 0 ? `exactly one of ${listed(names)}` : (error.parentSchema as JsonSchema).description;
  if (error.keyword === 'minProperties')
    return diagnose(source.file, source.place(path), 'missing-key', `${where(path)} is empty`, { expected });
  const message = `${where(path)} has ${given.map((name) => `\`${name}\``).join(' and ')}: it may have one of them`;
  const related = [{ ...source.keyPlace([...path, given[0] ?? '']), message: 'the first is here' }];
  return diagnose(source.file, source.keyPlace([...path, given[1] ?? '']), 'one-of', message, { expected, related });
}

/** Errors on single values: ranges, patterns, lists. Undefined for those that are told elsewhere. */
function plainError(source: Source, path: Path, error: ErrorObject): Diagnostic | undefined {
  const part = error.parentSchema as JsonSchema;
  const place = source.place(path);
  const report = (code: Diagnostic['code'], message: string, expected = part.description, hint?: string) =>
    diagnose(source.file, place, code, message, { expected, hint });
  switch (error.keyword) {
    case 'const':
      return report(
        'bad-value',
        `${where(path)} can only be ${shown(error.params.allowedValue)}, and is ${shown(error.data)}`,
      );
    case 'enum': {
      const allowed = (part.enum ?? []).map(String);
      const isAxis = /^\{.*\}$/.test(String(error.data));
      return report(
        'bad-value',
        `${shown(error.data)} is not possible for ${where(path)}`,
        listed(allowed),
        isAxis ? 'no axis may vary this: write a stage for each value' : didYouMean(String(error.data), allowed),
      );
    }
    case 'pattern':
      if (path.at(-1) === 'revision')
        return report(
          'bad-value',
          `${shown(error.data)} is no commit`,
          part.description,
          commitHint(source, path, String(error.data)),
        );
      if (path[0] === 'accept') return report('bad-value', `${shown(error.data)} is not the beginning of a key`);
      return /timeout$/.test(String(path.at(-1)))
        ? report('bad-quantity', `${shown(error.data)} is no time`)
        : report('bad-name', `${shown(error.data)} is no name for ${where(path)}`, part.description ?? nameRule(error));
    case 'minimum':
    case 'exclusiveMinimum':
    case 'maximum':
    case 'exclusiveMaximum':
      return report('bad-value', `${where(path)} must be ${comparison(error)}, and is ${shown(error.data)}`);
    case 'minItems':
    case 'maxItems': {
      const many = Array.isArray(error.data) ? error.data.length : 0;
      const wanted = error.keyword === 'minItems' ? 'at least' : 'at most';
      return report(
        'bad-value',
        many === 0
          ? `${where(path)} is empty`
          : `${where(path)} must have ${wanted} ${error.params.limit} values, and has ${many}`,
      );
    }
    case 'uniqueItems': {
      const [first, second] = [error.params.j, error.params.i].sort((a, b) => a - b);
      const related = [{ ...source.place([...path, first]), message: 'first here' }];
      return diagnose(
        source.file,
        source.place([...path, second]),
        'bad-value',
        `${shown(source.written([...path, second]))} stands twice in ${where(path)}`,
        { related },
      );
    }
    case 'minLength':
      return report(
        'bad-value',
        error.params.limit === 1
          ? `${where(path)} is empty`
          : `${where(path)} is too short: it takes at least ${error.params.limit} characters`,
      );
    default:
      return undefined;
  }
}

/** How to find the commit that a branch or a tag stands for. */
function commitHint(source: Source, path: Path, revision: string): string | undefined {
  const hub = textAt(source.value, ...path.slice(0, -1).map(String), 'hub');
  if (/^[0-9a-f]*$/i.test(revision)) return 'write all 40 digits, in lower case';
  if (hub === undefined || !/^[\w.-]+\/[\w.-]+$/.test(hub) || !/^[\w./-]+$/.test(revision)) return undefined;
  const repository = path[0] === 'data' ? `datasets/${hub}` : hub;
  return `\`git ls-remote https://huggingface.co/${repository} ${revision}\` prints it`;
}

function comparison(error: ErrorObject): string {
  const limit = error.params.limit;
  if (error.keyword === 'minimum') return `at least ${limit}`;
  if (error.keyword === 'exclusiveMinimum') return `more than ${limit}`;
  return error.keyword === 'maximum' ? `at most ${limit}` : `less than ${limit}`;
}

function wrongType(
  source: Source,
  path: Path,
  value: unknown,
  wanted: string,
  description: string | undefined,
): Diagnostic {
  const expected = description === undefined ? wanted : `${wanted}: ${description}`;
  const message =
    value === null ? `${where(path)} is empty` : `${where(path)} must be ${wanted}, and is ${shown(value)}`;
  return diagnose(source.file, source.place(path), 'wrong-type', message, {
    expected,
    hint: typeHint(source, path, value, wanted),
  });
}

function typeHint(source: Source, path: Path, value: unknown, wanted: string): string | undefined {
  // Elsewhere text is a name, and quotes make no name of a number.
  const isFreeText = ['title', 'files', 'columns', 'revision', 'accept'].some((part) => path.includes(part));
  if (wanted === 'text' && typeof value === 'number')
    return isFreeText ? `write "${source.written(path)}" with quotes` : undefined;
  return /number/.test(wanted) ? numberHint(value) : undefined;
}

const typeNames: Readonly<Record<string, string>> = {
  object: 'a map',
  array: 'a list',
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
};

function typeName(type: JsonSchema['type']): string {
  return [type ?? []]
    .flat()
    .map((name) => typeNames[name] ?? name)
    .join(' or ');
}

function describe(error: ErrorObject, names: readonly string[]): string {
  const { schema } = lineageSchema();
  const properties = propertiesOf(error);
  return names
    .map(
      (name) =>
        `${name}: ${properties[name]?.description ?? resolve(schema, properties[name] ?? {}).description ?? ''}`,
    )
    .join(' ');
}

/** The properties of the map that an error is about; the file's own `then` has none, and means the file's. */
function propertiesOf({ parentSchema }: ErrorObject): Record<string, JsonSchema> {
  return (parentSchema as JsonSchema).properties ?? lineageSchema().schema.properties ?? {};
}

/** What a name is, in the schema's own words: those of the map whose names these are, if it has some. */
function nameRule({ parentSchema }: ErrorObject): string | undefined {
  const { schema } = lineageSchema();
  const names = (parentSchema as JsonSchema).propertyNames;
  return (names ? resolve(schema, names) : schema.$defs?.name)?.description;
}

function resolve(schema: JsonSchema, part: JsonSchema): JsonSchema {
  const name = part.$ref?.split('/').pop();
  return (name === undefined ? undefined : schema.$defs?.[name]) ?? part;
}

function takes(branch: JsonSchema, value: unknown): boolean {
  const types = [branch.type ?? []].flat();
  if (Array.isArray(value)) return types.includes('array');
  if (value === null) return types.includes('null');
  if (typeof value === 'number') return types.includes('number') || types.includes('integer');
  return types.includes(typeof value);
}

/** A value's path in a sentence. */
function where(path: Path): string {
  return path.length === 0 ? 'the file' : `\`${path.join('.')}\``;
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
