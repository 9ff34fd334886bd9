import type { Place } from './diagnostic.ts';
import {
  plainAddress,
  prefixesOf,
  printExamples,
  printSignature,
  printTokens,
  readSignature,
  type Signature,
} from './signature.ts';
import type { SignatureKind } from './stages.ts';
import type { Path, Source } from './syntax.ts';
import { isRecord, listAt, recordAt } from './tree.ts';
import { stagesMeant, unreadSignatures } from './unread.ts';

/** A signature as a file lists it: the places of the whole and of its model. */
export interface ListedSignature {
  signature: Signature;
  path: Path;
  model: Place;
}

/** A recipe for one kind of stage of one model: its fields, and where each is written. */
export interface Recipe {
  fields: Readonly<Record<string, unknown>>;
  paths: ReadonlyMap<string, Path>;
}

/** A stage that signatures imply; of no kind where it is what one that cannot be read may imply. */
interface ImpliedStage {
  kind: SignatureKind | undefined;
  body: Readonly<Record<string, unknown>>;
  /** The signature that asks for it first. */
  path: Path;
  /** Of each field where it is written. */
  origins: ReadonlyMap<string, Origin>;
}

/** Where a field is written: at a path of the file, or as a part of a signature. */
type Origin = { path: Path; value?: Origin } | { place: Place; written: string };

/**
 * A file with the stages that its `signatures` imply among its `stages`, and without what they follow from: `signatures`
 * and `recipes`. Stages that signatures share are one. Each field of such a stage is placed where it is written, in a
 * recipe or in a signature, so that all that is said of stages is said of that place. Wherever the file names such a stage,
 * however it spells the signature, it is named as it is called. A file without signatures is given back as it is. A signature
 * that cannot be read implies what it may mean of the stages that the file names: those are of no kind, so that nothing is
 * said of them, or of what names them, but what is said of the signature.
 */
export function withImpliedStages(source: Source): Source {
  const root = isRecord(source.value) ? source.value : {};
  const recipes = [root, ...Object.values(recordAt(root, 'models'))].some((map) => isRecord(map) && 'recipes' in map);
  const unread = unreadSignatures(source);
  if (!('signatures' in root) && !recipes && unread.length === 0) return source;
  const implied = impliedStages(source);
  const isDeclared = (name: string) => implied.has(name) || Object.hasOwn(recordAt(root, 'stages'), name);
  for (const [name, path] of stagesMeant(unread, namedStages(root), isDeclared))
    implied.set(name, { kind: undefined, body: {}, path, origins: new Map() });
  const { signatures: _, recipes: __, ...rest } = root;
  const stages = { ...recordAt(root, 'stages') };
  for (const [name, { kind, body }] of implied) stages[name] = kind ? { [kind]: body } : null;
  const nameOf = (written: unknown) =>
    typeof written === 'string' ? plainAddress(written, (name) => implied.has(name)) : written;
  const placed = placedNames(root.placement, nameOf);
  const placement = [...placed].map(([name, written]) => [name, recordAt(root, 'placement')[written]]);
  const value = placesOfNames.reduce<unknown>((file, path) => changedAt(file, path, nameOf), {
    ...rest,
    ...(isRecord(root.placement) ? { placement: Object.fromEntries(placement) } : {}),
    models: withoutRecipes(root.models),
    stages,
  });
  return { ...source, value, ...placesWith(source, implied, placed) };
}

/** The signatures of a file that can be read, in their order. */
export function listedSignatures(source: Source): ListedSignature[] {
  return listAt(source.value, 'signatures').flatMap((text, index): ListedSignature[] => {
    const parsed = typeof text === 'string' ? readSignature(text) : undefined;
    if (typeof text !== 'string' || !parsed?.ok) return [];
    const { signature } = parsed;
    const path = ['signatures', index];
    const start = text.indexOf(signature.model, /^(zhenting\/)?myllama-/.exec(text)?.[0].length ?? 0);
    const model = placeWithin(source, path, start, signature.model.length);
    return [{ signature, path, model }];
  });
}

/** The recipe of a kind of stage: what the model says, and of the rest what the file says for all. */
export function recipeOf(source: Source, model: string, kind: SignatureKind): Recipe {
  const fields: Record<string, unknown> = {};
  const paths = new Map<string, Path>();
  for (const path of [
    ['recipes', kind],
    ['models', model, 'recipes', kind],
  ]) {
    const said = recordAt(source.value, ...path);
    if ('data' in said || 'mix' in said) {
      delete fields.data; // a model's data takes the place of the file's, however either is given
      delete fields.mix;
    }
    for (const [name, value] of Object.entries(said)) {
      fields[name] = value;
      paths.set(name, [...path, name]);
    }
  }
  return { fields, paths };
}

/** The place of a part of a text that stands at a path. */
export function placeWithin(source: Source, path: Path, start: number, length: number): Place {
  const place = source.place(path);
  const quoted = place.length - source.written(path).length;
  if (quoted !== 0 && quoted !== 2) return place; // over several lines, or with escapes
  return { line: place.line, column: place.column + quoted / 2 + start, length };
}

/** The stages by name, in the order of the signatures; of each signature parents first. */
function impliedStages(source: Source): Map<string, ImpliedStage> {
  const stages = new Map<string, ImpliedStage>();
  for (const listed of listedSignatures(source)) {
    let parent: string | undefined;
    for (const prefix of prefixesOf({ ...listed.signature, seed: null })) {
      const name = printSignature(prefix);
      if (!stages.has(name)) stages.set(name, impliedStage(source, prefix, parent, listed));
      parent = name;
    }
  }
  return stages;
}

/** The last stage of a signature. */
function impliedStage(
  source: Source,
  signature: Signature,
  parent: string | undefined,
  { path, model }: ListedSignature,
): ImpliedStage {
  const { cpt, sft, rl } = signature;
  const kind = rl ? 'rl' : sft ? 'sft' : cpt ? 'cpt' : 'pretrain';
  const { fields, paths } = recipeOf(source, signature.model, kind);
  const body: Record<string, unknown> = { ...fields };
  const origins = new Map<string, Origin>([...paths].map(([name, at]) => [name, { path: at }]));
  const whole = { place: source.place(path), written: source.written(path) };
  const say = (name: string, value: unknown, origin: Origin = whole) => {
    body[name] = value;
    origins.set(name, origin);
  };
  if (fields.data === undefined && fields.mix === undefined) body.data = null; // which is said once, of the recipe
  if (parent === undefined) say('model', signature.model, { place: model, written: signature.model });
  else say('from', parent);
  if (kind === 'pretrain') say('tokens', printTokens(signature.pretrain));
  else if (kind === 'cpt' && cpt) {
    const sum = cpt.replay + cpt.domain;
    say('tokens', printTokens(sum));
    const domain = paths.get('data');
    if (typeof fields.data === 'string' && domain) {
      const mix = {
        [fields.data]: printTokens(cpt.domain),
        ...(cpt.replay > 0 ? { replay: printTokens(cpt.replay) } : {}),
      };
      delete body.data;
      say('mix', mix);
      origins.set(`mix.${fields.data}`, { path: domain, value: whole });
    }
  } else {
    const passes = kind === 'rl' ? rl : sft;
    say('examples', printExamples(passes?.examples ?? 0));
    say('epochs', passes?.epochs);
    if (kind === 'rl' && rl?.algorithm) {
      const { algorithm } = rl;
      const place = placeWithin(source, path, whole.written.lastIndexOf(algorithm), algorithm.length);
      say('algorithm', algorithm, { place, written: algorithm });
    }
  }
  return { kind, body, path, origins };
}

/** Places and spellings of a file with implied stages. */
function placesWith(
  source: Source,
  implied: ReadonlyMap<string, ImpliedStage>,
  placed: ReadonlyMap<string, string>,
): Pick<Source, 'place' | 'keyPlace' | 'written'> {
  const originOf = (path: Path): Origin => {
    const [section, name, , field, ...inner] = path;
    if (section === 'placement' && name !== undefined)
      return { path: [section, placed.get(String(name)) ?? name, ...path.slice(2)] };
    const stage = section === 'stages' ? implied.get(String(name)) : undefined;
    if (!stage)
      return { path: section === 'stages' && path.length === 1 && !declaresStages(source) ? ['signatures'] : path };
    if (field === undefined) return { path: stage.path };
    const deeper = stage.origins.get([field, ...inner].join('.'));
    if (deeper) return deeper;
    const origin = stage.origins.get(String(field)) ?? { path: stage.path };
    return 'path' in origin ? { ...origin, path: [...origin.path, ...inner] } : origin;
  };
  const spelledAt = (path: Path): Origin => {
    const origin = originOf(path);
    return 'path' in origin ? (origin.value ?? origin) : origin;
  };
  return {
    place: (path) => {
      const origin = spelledAt(path);
      return 'place' in origin ? origin.place : source.place(origin.path);
    },
    keyPlace: (path) => {
      const origin = originOf(path);
      if ('place' in origin) return origin.place;
      return origin.value ? source.place(origin.path) : source.keyPlace(origin.path);
    },
    written: (path) => {
      const origin = spelledAt(path);
      return 'place' in origin ? origin.written : source.written(origin.path);
    },
  };
}

/** The names of stages that should be there. */
function namedStages(file: unknown): string[] {
  const names = Object.keys(recordAt(file, 'placement'));
  for (const path of placesOfNames) {
    if (path.at(-1) === 'from' && path[0] === 'moved') continue; // which is gone
    changedAt(file, path, (value) => {
      if (typeof value === 'string') names.push(value);
      return value;
    });
  }
  return names;
}

/** Where a file names stages; `*` is each entry of a map or a list. */
const placesOfNames = [
  ['stages', '*', '*', 'from'],
  ['stages', '*', '*', 'of'],
  ['evaluate', 'each', '*'],
  ['moved', '*', 'from'],
  ['moved', '*', 'to'],
  ['accept', '*', 'node'],
  ['takeaways', '*', 'contrast', 'stage'],
  ['takeaways', '*', 'trend', 'stage'],
] as const;

/**
 * How the names under `placement` are written, by what the stages are called. Where two mean one stage the second stays as it
 * is, which is no stage then.
 */
function placedNames(placement: unknown, nameOf: (written: string) => unknown): Map<string, string> {
  const names = new Map<string, string>();
  for (const written of isRecord(placement) ? Object.keys(placement) : []) {
    const name = String(nameOf(written));
    names.set(names.has(name) ? written : name, written);
  }
  return names;
}

/** A value with what stands at a path of it changed; what is not there, or of another type, stays. */
function changedAt(value: unknown, path: readonly string[], change: (value: unknown) => unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return change(value);
  if (Array.isArray(value)) return step === '*' ? value.map((part) => changedAt(part, rest, change)) : value;
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [
      name,
      step === '*' || step === name ? changedAt(part, rest, change) : part,
    ]),
  );
}

function withoutRecipes(models: unknown): unknown {
  if (!isRecord(models)) return models;
  return Object.fromEntries(
    Object.entries(models).map(([name, model]) => {
      if (!isRecord(model)) return [name, model];
      const { recipes: _, ...shape } = model;
      return [name, shape];
    }),
  );
}

function declaresStages(source: Source): boolean {
  return Object.keys(recordAt(source.value, 'stages')).length > 0;
}
