import fc from 'fast-check';

// Changes of lineage files for property tests: of their text, of their bytes, of their values. Each takes whatever
// numbers it is given (positions are taken modulo what there is), so that fast-check can make it smaller.

/** What people and editors do to text. */
export type TextChange =
  | { kind: 'cut'; at: number; length: number }
  | { kind: 'insert'; at: number; text: string }
  | { kind: 'copy'; from: number; length: number; at: number }
  | { kind: 'indent'; line: number; by: number }
  | { kind: 'drop line' | 'repeat line'; line: number; at: number }
  | { kind: 'swap lines' | 'swap words'; one: number; other: number };

export const textChange: fc.Arbitrary<TextChange> = fc.oneof(
  fc.record({ kind: fc.constant('cut' as const), at: fc.nat(), length: fc.integer({ min: 1, max: 40 }) }),
  fc.record({
    kind: fc.constant('insert' as const),
    at: fc.nat(),
    text: fc.oneof(
      fc.constantFrom(...Array.from('{}[]:,#&*!|>%@`"\'\n\t- ?~0')),
      fc.constantFrom(
        'null',
        '.nan',
        '1e999',
        '-1',
        '{replay}',
        '*a',
        '&a ',
        '<<: ',
        '!!set ',
        '---\n',
        '\u0000',
        '\ufeff',
      ),
      fc.constantFrom(
        'é',
        '\r\n',
        '99999999999999999999',
        '__proto__: {}',
        '5% of pretrain',
        '20x',
        '@seed=1',
        '\u2028',
      ),
      fc.string({ maxLength: 6 }),
    ),
  }),
  fc.record({
    kind: fc.constant('copy' as const),
    from: fc.nat(),
    length: fc.integer({ min: 1, max: 60 }),
    at: fc.nat(),
  }),
  fc.record({ kind: fc.constant('indent' as const), line: fc.nat(), by: fc.integer({ min: -4, max: 4 }) }),
  fc.record({ kind: fc.constantFrom('drop line' as const, 'repeat line' as const), line: fc.nat(), at: fc.nat() }),
  fc.record({ kind: fc.constantFrom('swap lines' as const, 'swap words' as const), one: fc.nat(), other: fc.nat() }),
);

/** The text with a change; text that is empty then has one line feed. */
export function changeText(text: string, change: TextChange): string {
  const position = (number: number) => number % text.length;
  const lines = text.split('\n');
  switch (change.kind) {
    case 'cut':
      return text.slice(0, position(change.at)) + text.slice(position(change.at) + change.length) || '\n';
    case 'insert':
      return text.slice(0, position(change.at)) + change.text + text.slice(position(change.at));
    case 'copy': {
      const copied = text.slice(position(change.from), position(change.from) + change.length);
      return text.slice(0, position(change.at)) + copied + text.slice(position(change.at));
    }
    case 'indent': {
      const line = lines[change.line % lines.length] ?? '';
      const moved = change.by < 0 ? line.replace(new RegExp(`^ {0,${-change.by}}`), '') : ' '.repeat(change.by) + line;
      return lines.with(change.line % lines.length, moved).join('\n') || '\n';
    }
    case 'drop line':
      return lines.toSpliced(change.line % lines.length, 1).join('\n') || '\n';
    case 'repeat line':
      return lines.toSpliced(change.at % lines.length, 0, lines[change.line % lines.length] ?? '').join('\n');
    case 'swap lines':
      return swapped(lines, change.one, change.other).join('\n');
    case 'swap words':
      return swapped(text.split(/\b/), change.one, change.other).join('');
  }
}

/** What happens to bytes on the way. */
export interface ByteChange {
  at: number;
  removed: number;
  inserted: Uint8Array;
}

export const byteChange: fc.Arbitrary<ByteChange> = fc.record({
  at: fc.nat(),
  removed: fc.integer({ min: 0, max: 3 }),
  inserted: fc.uint8Array({ maxLength: 3 }),
});

/** The bytes with a change. */
export function changeBytes(bytes: Buffer, { at, removed, inserted }: ByteChange): Buffer {
  const start = at % (bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, start), inserted, bytes.subarray(start + removed)]);
}

/** What people get wrong in what a file says. Places are counted in the file's values as `placesOf` lists them. */
export type ValueChange =
  | { kind: 'delete'; at: number }
  | { kind: 'replace'; at: number; value: unknown }
  | { kind: 'add'; at: number; name: string; value: unknown }
  | { kind: 'swap' | 'copy' | 'rename' | 'name' | 'wrap'; at: number; other: number }
  | { kind: 'respell'; at: number; ending: string };

const strangeValue = fc.oneof(
  fc.constantFrom(null, true, false, 0, -1, 1, 1.5, 1e308, 5e-324, -0, 4294967296, 2 ** 53, '', ' ', [], {}),
  fc.constantFrom(
    '{replay}',
    '{seed}',
    '{nothing}',
    '{}',
    '5%',
    '101%',
    '5% of pretrain',
    '20x',
    '0x',
    '1_000',
    '0K',
    '8BT',
  ),
  fc.constantFrom(
    '1e999',
    '9'.repeat(399),
    `1${'0'.repeat(30)}T`,
    '0.0000001K',
    'a/b',
    'a/b/c',
    'mid@x=1',
    '@',
    'replay',
  ),
  fc.constantFrom('../x', '/etc/passwd', '**/**/**', 'corpus/*', 'toString', '__proto__', 'constructor', 'default'),
  fc.constantFrom(
    [[]],
    [null],
    [1, 1],
    [0.9, 1],
    ['a', 'a'],
    [{}],
    { replicate: [] },
    { replicate: [1, '1'] },
    { replicate: 3 },
  ),
  fc.constantFrom([['model', 'seed']], [['lr']], [{ seed: 1 }], [{ seed: 9, lr: 1 }], [{ nothing: 1 }]),
  fc.constantFrom({ from: 'base' }, { generator: 'stories' }, { files: '**' }, { pretrain: null }, { bytes: null }),
);

const strangeName = fc.constantFrom(
  'zip',
  'include',
  'exclude',
  'replay',
  'default',
  '__proto__',
  'hasOwnProperty',
  'seed',
  'a b',
  '',
  '0',
  '<<',
  'é',
  'x'.repeat(80),
);

export const valueChange: fc.Arbitrary<ValueChange> = fc.oneof(
  fc.record({ kind: fc.constant('delete' as const), at: fc.nat() }),
  fc.record({ kind: fc.constant('replace' as const), at: fc.nat(), value: strangeValue }),
  fc.record({ kind: fc.constant('add' as const), at: fc.nat(), name: strangeName, value: strangeValue }),
  fc.record({
    kind: fc.constantFrom('swap' as const, 'copy' as const, 'rename' as const, 'name' as const, 'wrap' as const),
    at: fc.nat(),
    other: fc.nat(),
  }),
  fc.record({
    kind: fc.constant('respell' as const),
    at: fc.nat(),
    ending: fc.constantFrom(
      'K',
      'M',
      'BT',
      'T',
      '%',
      'x',
      ' M',
      'k',
      '% of pretrain',
      '% of mix',
      'e400',
      '.',
      '0000000',
    ),
  }),
);

/** The values with some changes, as text. */
export function changeValues(root: unknown, changes: readonly ValueChange[]): string {
  let changed: unknown = structuredClone(root);
  for (const change of changes) changed = changeValue(changed, change);
  return JSON.stringify(changed, null, 1); // which is YAML, too
}

function changeValue(root: unknown, change: ValueChange): unknown {
  const places = [...placesOf(root)];
  const place = places[change.at % Math.max(1, places.length)];
  if (!place) return root;
  switch (change.kind) {
    case 'delete':
      if (Array.isArray(place.of)) place.of.splice(Number(place.name), 1);
      else delete place.of[place.name];
      break;
    case 'replace':
      put(place, change.value);
      break;
    case 'add':
      if (typeof place.value === 'object' && place.value !== null)
        put({ of: place.value as Record<string, unknown>, name: change.name }, change.value);
      break;
    case 'wrap':
      put(place, change.other % 2 === 0 ? [place.value] : { [String(place.name)]: place.value });
      break;
    case 'respell':
      put(place, `${String(place.value).replace(/[^0-9.]+$/, '')}${change.ending}`);
      break;
    case 'swap':
    case 'copy': {
      const other = places[change.other % places.length] ?? place;
      const { value } = other;
      if (change.kind === 'swap') put(other, place.value);
      put(place, value);
      break;
    }
    case 'rename': {
      if (Array.isArray(place.of)) break;
      const { of, name, value } = place;
      delete of[name];
      put({ of, name: namesIn(root, change.other) }, value);
      break;
    }
    case 'name': // any name of the file in place of a text: parents that do not exist, or come after, or are the stage itself
      if (typeof place.value === 'string') put(place, namesIn(root, change.other));
      break;
  }
  return root;
}

interface Place {
  of: Record<string | number, unknown>;
  name: string | number;
  value: unknown;
}

/** Every value in a value, with what holds it. */
function* placesOf(value: unknown): Generator<Place> {
  if (typeof value !== 'object' || value === null) return;
  const of = value as Record<string | number, unknown>;
  for (const [name, part] of Object.entries(value)) {
    yield { of, name, value: part };
    yield* placesOf(part);
  }
}

function namesIn(root: unknown, index: number): string {
  const names = [...placesOf(root)].map(({ name }) => String(name));
  return names[index % Math.max(1, names.length)] ?? '';
}

/** Puts a copy, which later changes may change; `__proto__` is a key like any other. */
function put({ of, name }: Pick<Place, 'of' | 'name'>, value: unknown): void {
  Object.defineProperty(of, name, {
    value: structuredClone(value),
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

function swapped(parts: readonly string[], one: number, other: number): string[] {
  const [a, b] = [one % parts.length, other % parts.length];
  return parts.with(a, parts[b] ?? '').with(b, parts[a] ?? '');
}
