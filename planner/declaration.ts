import { generators } from '../schemas/catalogue.ts';
import { nameOfSelection } from '../schemas/certificate.ts';
import type { OverlapRecipe, Selection } from '../schemas/types/job.ts';
import type { LineageFile } from '../schemas/types/lineage.ts';
import { axisNamed } from './axes.ts';
import { setNameOf } from './data.ts';
import { defaults, derived } from './defaults.ts';
import type { Json, Plan, PlanNode } from './plan.ts';
import { declaredStages } from './stages.ts';
import { isRecord, own, recordAt } from './tree.ts';

/** A field of a declaration: a value, or a name together with what the name stands for. */
export type Declared = { kind: 'value'; value: Json } | { kind: 'reference'; name: string; stands: Declaration };

/** What a lineage file says of one node, by field: `lr`, `mix.replay`, `model`, `data.math.options.maximum`. */
export type Declaration = ReadonlyMap<string, Declared>;

/**
 * What the file says of a node, without what it starts from: the fields of its stage with axes fixed and defaults filled
 * in, and what it means by the models and data sets that it names.
 */
export function declarationOf({ declared: file }: Plan, node: PlanNode): Declaration {
  switch (node.type) {
    case 'data':
      return dataSet(file, nameIn(node.address));
    case 'tokenizer':
      return tokenizer(file, nameIn(node.address));
    case 'overlap':
      return overlap(file, node.recipe);
    case 'evaluate':
      return evaluation(file, node.recipe, node.seed);
    default:
      return stage(file, node);
  }
}

function stage(file: LineageFile, node: PlanNode): Declaration {
  const found = declaredStages(file).get(node.stage);
  if (!found?.kind) return new Map();
  const fixed = (written: unknown): unknown => own(node.axes, axisNamed(written) ?? '') ?? written;
  const fields = new Map<string, Declared>([...leaves(defaults[found.kind]), ['seed', leaf(node.seed)]]);
  for (const [name, written] of Object.entries(found.body)) {
    const value = fixed(written);
    if (name === 'from' || name === 'seed' || name === 'allowUndecayed' || name === 'allowOverlap') continue;
    if (name === 'model') fields.set(name, reference(String(value), model(file, String(value))));
    else if (name === 'data') fields.set(name, reference(String(value), dataSet(file, setNameOf(String(value)))));
    else if (name === 'mix') {
      for (const [entry, share] of Object.entries(recordAt(value))) {
        fields.set(`mix.${entry}`, leaf(fixed(share)));
        if (entry !== 'replay')
          fields.set(`data.${setNameOf(entry)}`, reference(entry, dataSet(file, setNameOf(entry))));
      }
    } else fields.set(name, leaf(value));
  }
  return fields;
}

function model(file: LineageFile, name: string): Declaration {
  const { tokenizer: _, ...shape } = own(file.models, name) ?? { heads: 0 };
  return named(`models.${name}`, { ...defaults.architecture, kvHeads: derived.kvHeads(shape.heads), ...shape });
}

function dataSet(file: LineageFile, name: string): Declaration {
  const set = own(file.data, name);
  if (set && 'generator' in set) {
    const known = Object.entries(own(generators, set.generator)?.options ?? {});
    const options = {
      ...Object.fromEntries(known.map(([option, { default: usual }]) => [option, usual])),
      ...set.options,
    };
    return named(`data.${name}`, { ...defaults.generated, ...set, options });
  }
  const columns = { ...defaults.files.columns, ...set?.columns };
  return named(`data.${name}`, { ...defaults.files, ...set, columns });
}

function tokenizer(file: LineageFile, name: string): Declaration {
  const declared = own(file.tokenizers ?? {}, name);
  if (declared && 'hub' in declared) return named(`tokenizers.${name}`, declared);
  const { data, ...bpe } = declared?.bpe ?? { data: [] };
  const fields = new Map(named(`tokenizers.${name}`, { ...defaults.tokenizer, ...bpe }));
  for (const entry of data)
    fields.set(`tokenizers.${name}.data.${entry}`, reference(entry, dataSet(file, setNameOf(entry))));
  return fields;
}

function evaluation(
  file: LineageFile,
  recipe: Extract<PlanNode, { type: 'evaluate' }>['recipe'],
  seed: number,
): Declaration {
  const { each: _, suites: __, heldoutTokens = defaults.evaluate.heldout.tokens, ...asked } = file.evaluate ?? {};
  const isText = recipe.kind === 'heldout';
  const said = isText ? { heldoutTokens } : { ...defaults.evaluate.problems, ...asked };
  const fields = new Map(named('evaluate', { ...said, seed }));
  for (const { name } of isText ? recipe.domains : recipe.tasks) {
    fields.set(`evaluate.${recipe.suite}.${name}`, reference(name, dataSet(file, name)));
  }
  return fields;
}

function overlap(file: LineageFile, { trained, against }: OverlapRecipe): Declaration {
  const fields = new Map<string, Declared>();
  const set = (field: string, selection: Selection) => {
    fields.set(field, reference(nameOfSelection(selection), dataSet(file, selection.name)));
    fields.set(`${field}.problems`, leaf(selection.problems));
  };
  set('trained', trained);
  for (const { selection } of against) set(`against.${nameOfSelection(selection)}`, selection);
  return fields;
}

function named(path: string, fields: object): Declaration {
  return new Map([...leaves(fields)].map(([name, field]) => [`${path}.${name}`, field]));
}

/** The scalars and lists in a map, by their path in it. */
function leaves(fields: object): Map<string, Declared> {
  return new Map(
    Object.entries(fields).flatMap(([name, value]): [string, Declared][] =>
      isRecord(value) ? [...leaves(value)].map(([inner, field]) => [`${name}.${inner}`, field]) : [[name, leaf(value)]],
    ),
  );
}

function leaf(value: unknown): Declared {
  return { kind: 'value', value: value as Json };
}

function reference(name: string, stands: Declaration): Declared {
  return { kind: 'reference', name, stands };
}

/** `words` of `tokenizer:words`. */
function nameIn(address: string): string {
  return address.slice(address.indexOf(':') + 1);
}
