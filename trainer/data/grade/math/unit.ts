/** Units of measure, as far as grading must know that `cm` and `centimeters` are the same and `cm` and `m` are not. */

const spellings: Readonly<Record<string, readonly string[]>> = {
  mm: ['millimeter', 'millimetre'],
  cm: ['centimeter', 'centimetre'],
  m: ['meter', 'metre'],
  km: ['kilometer', 'kilometre'],
  in: ['inch', 'inches'],
  ft: ['foot', 'feet'],
  yd: ['yard'],
  mi: ['mile'],
  mg: ['milligram'],
  g: ['gram', 'gm'],
  kg: ['kilogram'],
  lb: ['lbs', 'pound'],
  oz: ['ounce'],
  ml: ['mL', 'milliliter', 'millilitre'],
  l: ['L', 'liter', 'litre'],
  s: ['sec', 'second'],
  min: ['minute'],
  h: ['hr', 'hrs', 'hour'],
  day: [],
  week: [],
  month: [],
  year: ['yr', 'yrs'],
  mph: [],
  dollar: ['USD', 'usd', 'buck'],
  cent: [],
  euro: ['EUR', 'eur'],
  GBP: ['gbp'],
  degree: ['deg'],
  percent: ['pct'],
};

const names = new Map(
  Object.entries(spellings).flatMap(([name, others]) => [name, ...others].map((word) => [word, name] as const)),
);

/** Whether a run of letters is a unit's name, and no product of variables. */
export function isUnit(word: string): boolean {
  return names.has(word) || names.has(singular(word));
}

/**
 * One spelling for a unit, of words and powers in their order: `centimeters` and `cm` are `cm`, `square inches` and `in^2`
 * are `in^2`; a noun is a unit too, in the singular. Undefined for words that say nothing: `units`.
 */
export function canonicalUnit(words: readonly string[]): string | undefined {
  let power = '';
  const kept: string[] = [];
  const all = words.flatMap((each) => each.split(/\s+/));
  for (const [at, word] of all.entries()) {
    const next = all[at + 1];
    if (/^(square|sq|squared)$/.test(word)) power = '^2';
    else if (/^(cubic|cubed)$/.test(word)) power = '^3';
    else if (/^(units?|of|the|a|an)?$/.test(word) || (word === 'in' && next !== undefined && !next.startsWith('^')))
      continue;
    else kept.push(names.get(word) ?? names.get(singular(word)) ?? singular(word.toLowerCase()));
  }
  const unit = kept.join(' ').replace(/ (\^\d)/g, '$1');
  return unit === '' ? undefined : unit + power;
}

/**
 * Whether words beside a value can be its unit: of letters alone, with a power, and none that makes another value of it, as
 * `or`, `not`, `million` and a `squared` without a unit do.
 */
export function saysUnit(words: readonly string[]): boolean {
  const all = words.flatMap((each) => each.split(/\s+/)).filter((word) => word !== '');
  const alone = all.every((word) => /^(?:squared|cubed|\^\d)$/.test(word));
  const plain = all.every((word) => /^(?:\p{L}[\p{L}.'’/·-]*(?:\^?[23])?|\^\d)$/u.test(word));
  return all.length === 0 || (plain && !alone && !all.some((word) => others.has(word.toLowerCase())));
}

const others = new Set(
  `or and not nor no never is are isn't aren't than but except if plus minus times over by to mod modulo hundred thousand
  million billion trillion dozen`.split(/\s+/),
);

function singular(word: string): string {
  return /[^s]s$/.test(word) && word.length > 3 ? word.slice(0, -1) : word;
}
