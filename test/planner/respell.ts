import { isRecord } from '../../planner/tree.ts';

// Writes a lineage file another way, so that it means the same: another order, other styles and quotes, comments, other
// spellings of quantities, other names, another placement.

/** The next of a series of whole numbers: whoever asks gets to choose. */
export type Dice = () => number;

/** The values of a lineage as YAML that is written another way. */
export function respelled(root: unknown, dice: Dice): string {
  return `${comment(dice)}${blockMap(isRecord(root) ? root : {}, [], dice)}`;
}

/**
 * A lineage in which models, tokenizers, stages and axes are called something else, and nodes run elsewhere. Data sets keep
 * their names: those are in the keys of evaluations. So does an axis called `seed`: the name makes it one of seeds.
 */
export function renamed(root: unknown, suffix: string): unknown {
  const sections = ['models', 'tokenizers', 'stages', 'axes'] as const;
  const names = Object.fromEntries(
    sections.map((section) => [
      section,
      new Set(Object.keys(sectionOf(root, section)).filter((name) => section !== 'axes' || name !== 'seed')),
    ]),
  ) as Record<(typeof sections)[number], Set<string>>;
  const other = (section: (typeof sections)[number], name: string) =>
    names[section].has(name) ? `${name}${suffix}` : name;
  /** `mid@replay=5%,model=small`: a stage, axes, and values that may be models. */
  const reference = (text: string) => {
    const [stage = '', pins] = text.split('@');
    const pinned = pins?.split(',').map((pin) => {
      const [axis = '', value = ''] = pin.split('=');
      return `${other('axes', axis)}=${other('models', value)}`;
    });
    return other('stages', stage) + (pinned ? `@${pinned.join(',')}` : '');
  };
  const rename = (value: unknown, path: readonly (string | number)[]): unknown => {
    const [section, ...inner] = path;
    const field = path.at(-1);
    if (Array.isArray(value)) return value.map((item, index) => rename(item, [...path, index]));
    if (isRecord(value)) {
      const keysOf = sections.find((name) => path.length === 1 && name === section);
      const keys = keysOf ?? (section === 'placement' ? 'stages' : isOfAxes(section) ? 'axes' : undefined);
      return Object.fromEntries(
        Object.entries(value).map(([name, item]) => [keys ? other(keys, name) : name, rename(item, [...path, name])]),
      );
    }
    if (typeof value !== 'string') return value;
    const axis = /^\{(.*)\}$/.exec(value)?.[1];
    if (axis !== undefined) return `{${other('axes', axis)}}`;
    if (section === 'stages' && field === 'from') return reference(value);
    if (section === 'stages' && field === 'model') return other('models', value);
    if (section === 'models' && field === 'tokenizer') return other('tokenizers', value);
    if (section === 'evaluate' && inner[0] === 'each') return other('stages', value);
    if (section === 'axes') return other('models', value);
    return isOfAxes(section) ? other('axes', other('models', value)) : value;
  };
  const changed = rename(root, []) as Record<string, unknown>;
  return {
    ...changed,
    lineage: `other${suffix}`,
    title: 'Another question',
    placement: { default: { device: 'tpu' } },
  };
}

/** The sections that speak of axes besides `axes` itself. */
function isOfAxes(section: unknown): boolean {
  return section === 'zip' || section === 'include' || section === 'exclude';
}

function sectionOf(root: unknown, name: string): Record<string, unknown> {
  const section = isRecord(root) ? root[name] : undefined;
  return isRecord(section) ? section : {};
}

type Path = readonly (string | number)[];

function blockMap(map: Readonly<Record<string, unknown>>, path: Path, dice: Dice): string {
  const indent = '  '.repeat(path.length);
  return shuffled(Object.entries(map), dice)
    .map(([name, value]) => {
      const key = `${indent}${text(name, dice)}:`;
      const inner = [...path, name];
      return isRecord(value) && Object.keys(value).length > 0 && dice() % 2 === 0
        ? `${key}${comment(dice) || '\n'}${blockMap(value, inner, dice)}`
        : `${key} ${flow(value, inner, dice)}${comment(dice) || '\n'}`;
    })
    .join('');
}

function flow(value: unknown, path: Path, dice: Dice): string {
  const space = dice() % 2 === 0 ? ' ' : '';
  if (Array.isArray(value)) {
    const items = isSet(path) ? shuffled(value, dice) : value;
    return `[${space}${items.map((item) => flow(item, path, dice)).join(', ')}${space}]`;
  }
  if (isRecord(value)) {
    const entries = shuffled(Object.entries(value), dice);
    return `{${space}${entries.map(([name, item]) => `${text(name, dice)}: ${flow(item, [...path, name], dice)}`).join(', ')}${space}}`;
  }
  if (typeof value === 'number') return number(value, path, dice);
  return typeof value === 'string' ? quantity(value, path, dice) : String(value);
}

/** Lists whose order says nothing. */
function isSet(path: Path): boolean {
  const name = path.at(-1);
  return name === 'each' || name === 'suites' || (path[0] === 'tokenizers' && name === 'data');
}

const counts = new Set(
  'vocab characters tokens examples epochs batch responses miniBatch innerEpochs maxResponse maxSamplings overlongBuffer problems samples heldoutTokens'.split(
    ' ',
  ),
);
const fractions = new Set('warmup gamma lambda heldout'.split(' '));

/** In an axis a quantity keeps its unit: without one it would be a weight where a share is wanted. */
function isCount(path: Path): boolean {
  return path[0] !== 'axes' && !isOfAxes(path[0]) && counts.has(String(path.at(-1)));
}

function number(value: number, path: Path, dice: Dice): string {
  const field = String(path.at(-1));
  const [digits = '', exponent = ''] = value.toExponential().split('e');
  const spellings = [
    String(value),
    `${digits}e${Number(exponent)}`,
    `${digits.includes('.') ? digits : `${digits}.0`}E${exponent}`,
    `+${shifted(value, 0)}`,
    `${shifted(value, 0)}${Number.isInteger(value) ? '.' : ''}00`,
    ...(Number.isInteger(value) ? [`0x${value.toString(16)}`, `0o${value.toString(8)}`] : []),
    ...(isCount(path) ? [`${shifted(value, -3)}K`, `"${shifted(value, -6)}M"`] : []),
    ...(fractions.has(field) ? [`${shifted(value, 2)}%`] : []),
  ];
  return chosen(spellings, dice);
}

function quantity(value: string, path: Path, dice: Dice): string {
  const field = String(path.at(-1));
  const [, digits, unit = '', rest = ''] = /^([0-9.]+)(%|[KMBT]T?)( of .*)?$/.exec(value) ?? [];
  if (digits === undefined) return text(value, dice);
  const amount = Number(digits);
  const power = { K: 3, M: 6, B: 9, T: 12 }[unit.charAt(0)] ?? 0;
  const padded = `${digits}${digits.includes('.') ? '' : '.'}0`;
  const spellings =
    unit === '%'
      ? [value, `${padded}%${rest}`, ...(fractions.has(field) ? [shifted(amount, -2)] : [])]
      : [
          `${padded}${unit}`,
          `${shifted(amount, power - 3)}K`,
          `${shifted(amount, power - 9)}B`,
          `${shifted(amount, power - 6)}MT`,
        ];
  if (isCount(path)) spellings.push(shifted(amount, power));
  const fitting = isCount(path) && field !== 'tokens' ? spellings.filter((each) => !each.endsWith('MT')) : spellings;
  return text(chosen(fitting, dice), dice);
}

/** A number times a power of ten, in digits alone. */
function shifted(value: number, power: number): string {
  const [digits = '', exponent = '0'] = value.toExponential().split('e');
  const [whole = '', part = ''] = digits.split('.');
  const point = 1 + Number(exponent) + power;
  const all = `${'0'.repeat(Math.max(0, 1 - point))}${whole}${part}`.padEnd(point, '0');
  const at = Math.max(1, point);
  return all.length > at ? `${all.slice(0, at)}.${all.slice(at)}` : all;
}

function text(value: string, dice: Dice): string {
  const plain = /^([a-zA-Z][a-zA-Z0-9_/-]*|[0-9.]+(%( of [a-z]+)?|[KMBTx]T?)?)$/.test(value) ? [value] : [];
  const quoted = /^[0-9.]+$/.test(value) ? [] : [JSON.stringify(value), `'${value.replaceAll("'", "''")}'`];
  return chosen([...plain, ...quoted], dice);
}

function comment(dice: Dice): string {
  return chosen(['', '', '', ' # a comment: {with: [braces, "and quotes]\n', '\n# another\n\n'], dice);
}

function chosen<T>(items: readonly [T, ...T[]] | readonly T[], dice: Dice): T {
  return items[dice() % items.length] as T;
}

function shuffled<T>(items: readonly T[], dice: Dice): T[] {
  return items
    .map((item) => ({ item, order: dice() }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item);
}
