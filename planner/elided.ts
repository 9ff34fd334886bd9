import { type Change, preimageDifferences } from './compare.ts';
import type { Json, PlanNode } from './plan.ts';
import { isRecord, own } from './tree.ts';
import { usualOptions, usualRecipe } from './usual.ts';

type Preimage = PlanNode['preimage'];
type JsonMap = { [name: string]: Json };

/**
 * Which fields of two pre-images of one type differ, as `recipe.lr`. Defaults are left out of pre-images: where only one of
 * the two says a field, the other has its default.
 */
export function preimageChanges(before: Preimage, after: Preimage): Omit<Change, 'address'>[] {
  return preimageDifferences(spelled(before, after), spelled(after, before)).map(({ field, ...values }) => ({
    field,
    before: shortened(values.before),
    after: shortened(values.after),
  }));
}

/** A pre-image with the defaults written out of what `beside` says and it does not. */
function spelled(preimage: Preimage, beside: Preimage): Json {
  const { type, recipe } = preimage;
  return filled(preimage, beside, { recipe: usualRecipe(type as PlanNode['type'], recipe as JsonMap) as JsonMap });
}

function filled(value: Json, beside: Json, usual: JsonMap = {}): Json {
  if (Array.isArray(value))
    return Array.isArray(beside) ? value.map((one, place) => filled(one, beside[place] ?? null)) : value;
  if (!isMap(value) || !isMap(beside)) return value;
  const generator = own(value, 'generator');
  const defaults = typeof generator === 'string' ? (usualOptions(generator) as JsonMap) : usual;
  const whole: JsonMap = { ...value };
  for (const [name, theirs] of Object.entries(beside)) {
    const [said, silent] = [own(value, name), own(defaults, name)];
    const inner = silent !== undefined && isMap(silent) ? silent : undefined;
    if (said !== undefined) whole[name] = filled(said, theirs, inner);
    else if (silent !== undefined) whole[name] = inner ? filled({}, theirs, inner) : silent;
  }
  return whole;
}

/** Keys by their first digits, which are what people know them by. */
function shortened(value: Json | undefined): Json | undefined {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value) ? value.slice(0, 12) : value;
}

function isMap(value: Json): value is JsonMap {
  return isRecord(value);
}
