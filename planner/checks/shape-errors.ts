import type { ErrorObject } from 'ajv/dist/2020.js';
import type { JsonSchema } from '../../schemas/validate.ts';
import { type Diagnostic, diagnose, didYouMean, listed, shown } from '../diagnostic.ts';
import { numberHint, type QuantityKind, quantityKinds } from '../quantities.ts';
import type { Path, Source } from '../syntax.ts';
import { isRecord, textAt } from '../tree.ts';
import { unknownKey } from './shape-keys.ts';
import { comparison, describe, nameRule, propertiesOf, typeName, where } from './shape-words.ts';

/** One of Ajv's errors, with the path of the value from the root of the file. */
export interface Finding {
  error: ErrorObject;
  path: Path;
}

/** All simple errors of one value. Of a value of the wrong type nothing else is said. */
export function* explainGroup(source: Source, group: readonly Finding[]): Generator<Diagnostic> {
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

/** A quantity that cannot be read: a length, a share, a number of tokens. */
export function explainQuantity(source: Source, path: Path, value: unknown, kind: QuantityKind): Diagnostic {
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

/** A value of another type than is wanted, with what that means in the schema's words. */
export function wrongType(
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
