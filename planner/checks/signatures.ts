import { type Diagnostic, diagnose, isMisspelled, listed } from '../diagnostic.ts';
import { listedSignatures, placeWithin, recipeOf } from '../implied.ts';
import { prefixesOf, printSignature, readSignature } from '../signature.ts';
import { type SignatureKind, signatureKinds } from '../stages.ts';
import type { Path, Source } from '../syntax.ts';
import { isRecord, listAt, own, recordAt } from '../tree.ts';

/** Checks signatures as they are written, and that the recipes say what signatures leave open. */
export function* checkSignatures(source: Source): Generator<Diagnostic> {
  yield* checkTexts(source);
  yield* checkRepeats(source);
  yield* checkNames(source);
  yield* checkRecipes(source);
  yield* checkUse(source);
}

function* checkTexts(source: Source): Generator<Diagnostic> {
  for (const [index, text] of listAt(source.value, 'signatures').entries()) {
    const path: Path = ['signatures', index];
    const parsed = typeof text === 'string' ? readSignature(text) : undefined;
    if (!parsed || typeof text !== 'string') continue;
    if (!parsed.ok) {
      const { start, length, problem, expected } = parsed;
      yield diagnose(source.file, placeWithin(source, path, start, length), 'bad-signature', problem, { expected });
    } else if (parsed.signature.seed !== null) {
      const at = text.indexOf('@');
      const message = 'a signature in a lineage file has no seed: seeds vary over an axis';
      const hint = `axes: {seed: [${parsed.signature.seed}]}`;
      yield diagnose(source.file, placeWithin(source, path, at, text.length - at), 'bad-signature', message, { hint });
    }
  }
}

/** What means the same is listed once, however it is spelled. */
function* checkRepeats(source: Source): Generator<Diagnostic> {
  const first = new Map<string, Path>();
  for (const { signature, path } of listedSignatures(source)) {
    const name = printSignature(signature);
    const earlier = first.get(name);
    first.set(name, earlier ?? path);
    if (!earlier) continue;
    const related = [{ ...source.place(earlier), message: 'first here' }];
    yield diagnose(source.file, source.place(path), 'bad-value', `\`${name}\` stands twice in \`signatures\``, {
      related,
    });
  }
}

/** No stage is declared that signatures imply. */
function* checkNames(source: Source): Generator<Diagnostic> {
  const declared = recordAt(source.value, 'stages');
  for (const { signature, path } of listedSignatures(source)) {
    for (const prefix of prefixesOf({ ...signature, seed: null })) {
      const name = printSignature(prefix);
      if (!Object.hasOwn(declared, name)) continue;
      const related = [{ ...source.place(path), message: 'this signature implies it' }];
      const message = `the stage \`${name}\` is implied by a signature, and declared here`;
      const hint = 'rename this stage, or remove it';
      yield diagnose(source.file, source.keyPlace(['stages', name]), 'bad-name', message, { hint, related });
    }
  }
}

/** Each kind of stage that signatures imply has data to learn from; what lacks it is told once for all of them. */
function* checkRecipes(source: Source): Generator<Diagnostic> {
  const lacking = new Set<SignatureKind>();
  for (const { signature } of listedSignatures(source)) {
    for (const kind of signatureKinds) {
      if (kind !== 'pretrain' && signature[kind] === null) continue;
      const { fields, paths } = recipeOf(source, signature.model, kind);
      if (fields.data === undefined && fields.mix === undefined) lacking.add(kind);
      const mix = paths.get('mix');
      if (fields.data === undefined || fields.mix === undefined || !mix) continue;
      yield diagnose(source.file, source.keyPlace(mix), 'one-of', 'a recipe has either `data` or `mix`');
    }
  }
  const recipes = own(recordAt(source.value), 'recipes');
  const isBroken = recipes === undefined ? isMisspelled('recipes', recordAt(source.value), []) : !isRecord(recipes);
  if (isBroken) return; // all of them lack what it should say
  const unsaid = [...lacking].filter((kind) => !(kind in recordAt(recipes)));
  for (const kind of lacking) {
    if (unsaid.includes(kind)) continue;
    const message = `\`recipes.${kind}\` lacks \`data\``;
    yield diagnose(source.file, source.place(['recipes', kind]), 'missing-key', message, { expected: dataOf(kind) });
  }
  const missing = unsaid.filter((kind) => !isMisspelled(kind, recordAt(recipes), signatureKinds));
  if (missing.length === 0) return;
  const message = `no recipe has data for ${listed(missing)}, which signatures imply`;
  const hint = `recipes: {${missing.map((kind) => `${kind}: {data: ...}`).join(', ')}}`;
  const expected = missing.includes('cpt') ? dataOf('cpt') : dataOf('pretrain');
  yield diagnose(source.file, source.keyPlace(['signatures']), 'missing-key', message, { expected, hint });
}

function dataOf(kind: SignatureKind): string {
  return kind === 'cpt' ? 'data: the domain, which each signature mixes with replay' : 'data: a data set';
}

/** Recipes are for signatures, and these are of models. */
function* checkUse(source: Source): Generator<Diagnostic> {
  const root = recordAt(source.value);
  if ('signatures' in root || isMisspelled('signatures', root, [])) return;
  const places: Path[] = [
    ...(isRecord(own(recordAt(source.value), 'recipes')) ? [['recipes']] : []),
    ...Object.entries(recordAt(source.value, 'models')).flatMap(([name, model]) =>
      isRecord(model) && 'recipes' in model ? [['models', name, 'recipes']] : [],
    ),
  ];
  for (const path of places) {
    const message = 'recipes are what signatures take, and this file has no `signatures`';
    yield diagnose(source.file, source.keyPlace(path), 'no-effect', message, {
      hint: 'list signatures, or write these options in the stages',
    });
  }
}
