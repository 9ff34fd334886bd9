import { generators } from '../schemas/catalogue.ts';
import { nameOfSelection } from '../schemas/certificate.ts';
import type { OverlapRecipe, Selection } from '../schemas/types/job.ts';
import type { FileData, GeneratedData, HubData, LineageFile } from '../schemas/types/lineage.ts';
import { usualRl } from './algorithms.ts';
import { axisNamed } from './axes.ts';
import { dataRole, setNameOf } from './data.ts';
import { defaults, derived } from './defaults.ts';
import { quantityFields } from './kinds.ts';
import type { Json, Key, Plan, PlanNode } from './plan.ts';
import { type QuantityKind, quantityKinds } from './quantities.ts';
import { declaredStages, isTraining, type StageKind } from './stages.ts';
import { isRecord, own, recordAt } from './tree.ts';

/**
 * A field of a declaration: a value, or a name together with what the name stands for. A value has the kind of quantity that
 * it is, and whether the file says it or a default does. Of files there is the key of what is prepared of them.
 */
export type Declared =
  | { kind: 'value'; value: Json; written: boolean; quantity?: QuantityKind | undefined }
  | { kind: 'reference'; name: string; stands: Declaration; prepared: Key | undefined };

/** What a lineage file says of one node, by field: `lr`, `mix.replay`, `model`, `data.math.options.maximum`. */
export type Declaration = ReadonlyMap<string, Declared>;

/**
 * What the file says of a node, without what it starts from: the fields of its stage with axes fixed and defaults filled
 * in, also those that follow from other fields, and what it means by the models and data sets that it names.
 */
export function declarationOf({ declared: file }: Plan, node: PlanNode): Declaration {
  switch (node.type) {
    case 'data':
      return dataSet(file, nameIn(node.address));
    case 'tokenizer':
      return tokenizer(file, node);
    case 'overlap':
      return overlap(file, node, node.recipe);
    case 'evaluate':
      return evaluation(file, node, node.recipe);
    default:
      return stage(file, node);
  }
}

/** The fields of the stage that a node is of as they are written, with its axes fixed. */
function bodyOf(file: LineageFile, node: PlanNode): Record<string, unknown> {
  const fixed = (written: unknown): unknown => own(node.axes, axisNamed(written) ?? '') ?? written;
  const body = declaredStages(file).get(node.stage)?.body ?? {};
  return Object.fromEntries(
    Object.entries(body).map(([name, written]) => [
      name,
      isRecord(written)
        ? Object.fromEntries(Object.entries(written).map(([entry, part]) => [entry, fixed(part)]))
        : fixed(written),
    ]),
  );
}

/** Fields of a stage that are in no recipe; what it starts from is compared for itself. */
const notLearned = new Set(['from', 'seed', 'allowUndecayed', 'allowOverlap']);

function stage(file: LineageFile, node: PlanNode): Declaration {
  const kind = declaredStages(file).get(node.stage)?.kind;
  if (!kind) return new Map();
  const body = bodyOf(file, node);
  if (kind === 'checkpoint')
    return new Map([...stage(file, runOf(file, node)), ['at', leaf(own(body, 'at'), quantityFields(kind).get('at'))]]);
  const quantities = quantityFields(kind);
  const usual = usualFields(kind, body, node.architecture?.context ?? 0);
  const fields = new Map<string, Declared>([...leaves(usual, false, quantities), ['seed', leaf(node.seed)]]);
  if (isTraining(kind)) fields.set('engine', leaf(defaults.engine));
  for (const [name, value] of Object.entries(body)) {
    if (notLearned.has(name)) continue;
    if (name === 'model') fields.set(name, reference(String(value), model(file, String(value))));
    else if (name === 'data') {
      for (const [place, written] of [value].flat().entries())
        fields.set(Array.isArray(value) ? `data.${place + 1}` : name, ofData(file, node, String(written)));
    } else if (name === 'decontaminate') {
      for (const written of [value].flat()) fields.set(`${name}.${written}`, ofData(file, node, String(written)));
    } else if (name === 'mix') {
      for (const [entry, share] of Object.entries(recordAt(value))) {
        fields.set(`mix.${entry}`, leaf(share, 'share'));
        if (entry !== 'replay') fields.set(`data.${setNameOf(entry)}`, ofData(file, node, entry));
      }
    } else fields.set(name, leaf(value, quantities.get(name)));
  }
  return fields;
}

/** A checkpoint as a node of the run that it is of: what is learned is the run's to say. */
function runOf(file: LineageFile, node: PlanNode): PlanNode {
  const { from } = declaredStages(file).get(node.stage) ?? {};
  if (!from) throw new Error(`${node.address} is of no run`);
  return { ...node, stage: from.stage, axes: { ...node.axes, ...Object.fromEntries(from.pins) } };
}

/** What a stage has where it says nothing, by field; `context` is its model's. */
function usualFields(kind: StageKind, body: Readonly<Record<string, unknown>>, context: number): object {
  if (kind === 'adopt' || kind === 'checkpoint') return {};
  if (kind === 'build') return own(body, 'split') === undefined ? {} : { order: defaults.build.order };
  if (kind === 'sft' || kind === 'dpo' || kind === 'reward' || kind === 'generate') return defaults[kind];
  if (kind === 'rl') return usualRl(readFields(kind, body));
  const { batchSequences, decay, ...usual } = defaults[kind];
  return {
    ...usual,
    batch: batchSequences * context,
    minLr: derived.minLr(readFields<{ lr: number }>(kind, body).lr ?? usual.lr),
    ...(own(body, 'schedule') === 'wsd' ? { warmup: '1x', decay } : {}),
  };
}

/** The quantities that a stage says, read. */
function readFields<Recipe>(kind: StageKind, body: Readonly<Record<string, unknown>>): Partial<Recipe> {
  const read = [...quantityFields(kind)].flatMap(([name, quantity]) => {
    const parsed = quantityKinds[quantity].parse(own(body, name));
    return parsed.ok ? [[name, parsed.value]] : [];
  });
  return Object.fromEntries(read);
}

function model(file: LineageFile, name: string): Declaration {
  const { tokenizer: _, recipes: __, ...shape } = own(file.models ?? {}, name) ?? { heads: 0 };
  return named(`models.${name}`, shape, { ...defaults.architecture, kvHeads: derived.kvHeads(shape.heads) });
}

function dataSet(file: LineageFile, name: string): Declaration {
  // Which suite asks a set changes nothing of it.
  const { suite: _, ...set }: Partial<GeneratedData & FileData & HubData> = own(file.data, name) ?? {};
  if (set.generator !== undefined) {
    const known = own(generators, set.generator)?.options ?? {};
    const options = Object.fromEntries(Object.entries(known).map(([option, { default: usual }]) => [option, usual]));
    return named(`data.${name}`, set, { ...defaults.generated, options });
  }
  const usual = set.benchmark !== undefined ? defaults.benchmark : defaults.files;
  return named(`data.${name}`, set, usual, quantityFields('fileData'));
}

/** A data set that a node reads, and what it is called there. Files are a node of their own: of those it is the key that counts. */
function ofData(file: LineageFile, node: PlanNode, written: string, called = written): Declared {
  const name = setNameOf(written);
  const set = own(file.data, name);
  if (set === undefined) return leaf(called); // a stage makes it, which is compared for itself
  const isFiles = !('generator' in set);
  return reference(called, dataSet(file, name), isFiles ? own(node.parents, dataRole(name)) : undefined);
}

function tokenizer(file: LineageFile, node: PlanNode): Declaration {
  const name = nameIn(node.address);
  const declared = own(file.tokenizers ?? {}, name);
  if (declared && 'hub' in declared) return named(`tokenizers.${name}`, declared, {});
  const { data, ...bpe } = declared?.bpe ?? { data: [] };
  const quantities = quantityFields('ownTokenizer', 'bpe');
  const fields = new Map(named(`tokenizers.${name}`, bpe, defaults.tokenizer, quantities));
  for (const entry of data) fields.set(`tokenizers.${name}.data.${entry}`, ofData(file, node, entry));
  return fields;
}

function evaluation(
  file: LineageFile,
  node: PlanNode,
  recipe: Extract<PlanNode, { type: 'evaluate' }>['recipe'],
): Declaration {
  const {
    each: _,
    suites: __,
    seed,
    heldoutTokens,
    ...asked
  }: Partial<NonNullable<LineageFile['evaluate']>> = file.evaluate ?? {};
  const { heldout, cloze, problems } = defaults.evaluate;
  const { said, usual } = {
    heldout: { said: { heldoutTokens }, usual: { heldoutTokens: heldout.tokens } },
    cloze: { said: { problems: asked.problems, engine: asked.engine }, usual: { ...cloze, engine: defaults.engine } },
    problems: { said: asked, usual: { ...problems, engine: defaults.engine } },
  }[recipe.kind];
  const fields = new Map(
    named('evaluate', { ...said, seed }, { ...usual, seed: defaults.evaluate.seed }, quantityFields('evaluate')),
  );
  for (const { name } of recipe.kind === 'heldout' ? recipe.domains : recipe.tasks) {
    fields.set(`evaluate.${recipe.suite}.${name}`, ofData(file, node, name));
  }
  return fields;
}

function overlap(file: LineageFile, node: PlanNode, { trained, against }: OverlapRecipe): Declaration {
  const fields = new Map<string, Declared>();
  const set = (field: string, selection: Selection) => {
    fields.set(field, ofData(file, node, selection.name, nameOfSelection(selection)));
    fields.set(`${field}.problems`, leaf(selection.problems));
  };
  set('trained', trained);
  for (const { selection } of against) set(`against.${nameOfSelection(selection)}`, selection);
  return fields;
}

type Quantities = ReadonlyMap<string, QuantityKind>;

/** What the file says of a name, and the defaults where it says nothing. */
function named(path: string, said: object, usual: object, quantities?: Quantities): Declaration {
  const fields = new Map([...leaves(usual, false, quantities), ...leaves(said, true, quantities)]);
  return new Map([...fields].map(([name, field]) => [`${path}.${name}`, field]));
}

/** The scalars and lists in a map, by their path in it. */
function leaves(fields: object, written: boolean, quantities?: Quantities): Map<string, Declared> {
  return new Map(
    Object.entries(fields).flatMap(([name, value]): [string, Declared][] => {
      if (value === undefined) return [];
      if (!isRecord(value)) return [[name, { ...leaf(value, quantities?.get(name)), written }]];
      return [...leaves(value, written)].map(([inner, field]) => [`${name}.${inner}`, field]);
    }),
  );
}

function leaf(value: unknown, quantity?: QuantityKind): Extract<Declared, { kind: 'value' }> {
  return { kind: 'value', value: value as Json, written: true, quantity };
}

function reference(name: string, stands: Declaration, prepared?: Key): Declared {
  return { kind: 'reference', name, stands, prepared };
}

/** `words` of `tokenizer:words`. */
function nameIn(address: string): string {
  return address.slice(address.indexOf(':') + 1);
}
