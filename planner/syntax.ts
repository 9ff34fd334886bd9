import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type Scalar,
  type YAMLError,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { type Diagnostic, type DiagnosticCode, diagnose, type Place, type Remarks } from './diagnostic.ts';

/** Where a value stands in the file: map keys and list indices from the root. */
export type Path = readonly (string | number)[];

/** A lineage file as YAML: its value, and where each part of it stands. Nothing is known of the value yet. */
export interface Source {
  /** The file, as it was named. */
  file: string;
  text: string;
  value: unknown;
  /** Where a value stands; for a map, a list or an empty value the key that names it. */
  place(path: Path): Place;
  /** Where the key stands that ends the path. */
  keyPlace(path: Path): Place;
  /** A scalar as the file spells it, without quotes: `1e-5`, `20%`. */
  written(path: Path): string;
}

/** A YAML document as a source, or every reason that it is none. Diagnostics may come with a source: those of keys that stand twice. */
export function parseSource(file: string, text: string): { source?: Source; diagnostics: Diagnostic[] } {
  // Filled here and not by the parser, which notes line starts out of order when it recovers from an error.
  const lines = new LineCounter();
  lines.addNewLine(0);
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', end + 1)) lines.addNewLine(end + 1);
  const document = parseDocument(text, {
    prettyErrors: false,
    stringKeys: true,
    resolveKnownTags: false,
    merge: false,
    uniqueKeys: false, // its check is quadratic; keys are checked below
    logLevel: 'error',
  });
  const placeAt = ([start, end]: Range): Place => {
    const { line, col } = lines.linePos(start);
    const lineEnd = text.indexOf('\n', start);
    return { line, column: col, length: Math.max(1, Math.min(end, lineEnd < 0 ? text.length : lineEnd) - start) };
  };
  const directive = /^%.*$/m.exec(text);
  if (document.errors.length > 0) return { diagnostics: syntaxErrors(file, document.errors, placeAt, text) };
  if (
    document.warnings.some((warning) => warning.code === 'BAD_DIRECTIVE') ||
    document.directives?.yaml.version !== '1.2'
  ) {
    const start = directive?.index ?? 0;
    const place = placeAt([start, start + (directive?.[0].length ?? 1)]);
    return {
      diagnostics: [
        diagnose(file, place, 'yaml-feature', 'a lineage file is YAML 1.2 without directives', {
          hint: 'remove this line',
        }),
      ],
    };
  }
  const reading = readNodes(
    document,
    (range, code, message, remarks) => diagnose(file, placeAt(range), code, message, remarks),
    placeAt,
  );
  if (!reading.root) return { diagnostics: reading.diagnostics };
  return { source: sourceOf(file, text, reading.root, placeAt), diagnostics: reading.diagnostics };
}

type Range = readonly [start: number, end: number];

/** A value with its place, its key's place and its children's. */
interface Spot {
  value: unknown;
  range: Range;
  key?: Range;
  /** A scalar's spelling. */
  written?: string;
  children?: Map<string | number, Spot>;
  /** Values in it, itself included, aliases expanded. */
  size: number;
}

const deepest = 32;
const largestExpansion = 10_000;

function sourceOf(file: string, text: string, root: Spot, placeAt: (range: Range) => Place): Source {
  const spotAt = (path: Path): Spot => {
    let spot = root;
    for (const step of path) {
      const child = spot.children?.get(step);
      if (!child) break; // the nearest thing that exists: a missing value is a matter of the map that lacks it
      spot = child;
    }
    return spot;
  };
  const firstOf = (spot: Spot): Range =>
    spot.children?.size ? (spot.children.values().next().value?.key ?? spot.range) : spot.range;
  return {
    file,
    text,
    value: root.value,
    place(path) {
      const spot = spotAt(path);
      return placeAt(spot.written !== undefined && spot.value !== null ? spot.range : (spot.key ?? firstOf(spot)));
    },
    keyPlace(path) {
      const spot = spotAt(path);
      return placeAt(spot.key ?? firstOf(spot));
    },
    written: (path) => spotAt(path).written ?? '',
  };
}

type Refuse = (range: Range, code: DiagnosticCode, message: string, remarks?: Remarks) => Diagnostic;

/** Walks the document once: values, places, and everything that YAML allows and a lineage file does not. */
function readNodes(
  document: Document,
  refuse: Refuse,
  placeAt: (range: Range) => Place,
): { root?: Spot; diagnostics: Diagnostic[] } {
  const diagnostics: Diagnostic[] = [];
  let fatal = false;
  const reject = (...reason: Parameters<Refuse>) => {
    fatal ||= reason[1] !== 'yaml-key';
    diagnostics.push(refuse(...reason));
  };
  const anchors = new Map<string, Spot | 'open'>();
  let expanded = 0;

  const read = (node: Node | null, depth: number): Spot => {
    if (node === null) return { value: null, range: [0, 0], size: 1, written: '' };
    const range: Range = node.range ? [node.range[0], node.range[1]] : [0, 0];
    if (isAlias(node)) return readAlias(node.source, range);
    if (node.tag && !coreTags.has(node.tag)) {
      reject(range, 'yaml-feature', `the tag \`${node.tag.replace('tag:yaml.org,2002:', '!!')}\` means nothing here`, {
        hint: 'a lineage file has no tags: remove it',
      });
    }
    if (depth > deepest) {
      reject(range, 'yaml-depth', `maps and lists are nested deeper than ${deepest}`);
      return { value: null, range, size: 1, written: '' };
    }
    const anchor = isScalar(node) || isMap(node) || isSeq(node) ? node.anchor : undefined;
    if (anchor) anchors.set(anchor, 'open');
    const spot = isMap(node)
      ? readMap(node, range, depth)
      : isSeq(node)
        ? readList(node, range, depth)
        : readScalar(node as Scalar, range);
    if (anchor) anchors.set(anchor, spot);
    return spot;
  };

  const readAlias = (name: string, range: Range): Spot => {
    const target = anchors.get(name);
    if (target === undefined || target === 'open') {
      const message = target
        ? `the alias \`*${name}\` stands inside of what it stands for`
        : `no anchor \`&${name}\` comes before this alias`;
      reject(range, 'yaml-alias', message);
      return { value: null, range, size: 1, written: '' };
    }
    if (expanded <= largestExpansion) {
      expanded += target.size;
      if (expanded > largestExpansion) {
        const message = `the aliases expand to more than ${largestExpansion.toLocaleString('en')} values`;
        reject(range, 'yaml-alias', message, { hint: 'write out what is meant, or use an axis' });
      }
    }
    const { key: _, ...shared } = target;
    return shared;
  };

  const readMap = (node: YAMLMap, range: Range, depth: number): Spot => {
    const value: Record<string, unknown> = {};
    const children = new Map<string | number, Spot>();
    for (const pair of node.items as Pair<Node, Node | null>[]) {
      const keyRange: Range = pair.key.range ? [pair.key.range[0], pair.key.range[1]] : range;
      if (!isScalar(pair.key)) {
        reject(keyRange, 'yaml-key', 'a key must be plain text');
        continue;
      }
      const name = String(pair.key.value ?? '');
      if (name === '<<') {
        const hint = 'write the keys out, or give the whole map an anchor and use it as it is';
        reject(keyRange, 'yaml-feature', 'a lineage file has no merge keys', { hint });
        continue;
      }
      checkForm(name, keyRange);
      const first = children.get(name);
      if (first?.key) {
        const related = [{ ...placeAt(first.key), message: 'first here' }];
        reject(keyRange, 'yaml-key', `\`${name}\` stands twice in this map`, {
          related,
          hint: 'remove one, or rename it',
        });
        continue;
      }
      const child = read(pair.value, depth + 1);
      const spotRange = pair.value === null ? keyRange : child.range;
      children.set(name, { ...child, range: spotRange, key: keyRange });
      Object.defineProperty(value, name, { value: child.value, enumerable: true, configurable: true, writable: true });
    }
    return { value, range, children, size: sizeOf(children) };
  };

  const readList = (node: YAMLSeq, range: Range, depth: number): Spot => {
    const children = new Map<string | number, Spot>();
    for (const [index, item] of (node.items as (Node | null)[]).entries()) children.set(index, read(item, depth + 1));
    return { value: [...children.values()].map((child) => child.value), range, children, size: sizeOf(children) };
  };

  const readScalar = (node: Scalar, range: Range): Spot => {
    const written = typeof node.value === 'string' ? node.value : (node.source ?? '');
    if (typeof node.value === 'string') checkForm(node.value, range);
    return { value: node.value, range, written, size: 1 };
  };

  const checkForm = (text: string, range: Range) => {
    if (/\p{Cs}/u.test(text)) {
      reject(range, 'text-form', 'this text holds half of a surrogate pair', { hint: 'write the character itself' });
    } else if (text !== text.normalize('NFC')) {
      const hint = 'the same letters can be other bytes: save it in Unicode normal form C (NFC)';
      reject(range, 'text-form', 'this text is written with combining characters', { hint });
    }
  };

  const root = read(document.contents as Node | null, 0);
  return fatal ? { diagnostics } : { root, diagnostics };
}

/** Tags that only say what a value already is. */
const coreTags = new Set(
  ['str', 'int', 'float', 'bool', 'null', 'map', 'seq'].map((name) => `tag:yaml.org,2002:${name}`),
);

function sizeOf(children: ReadonlyMap<string | number, Spot>): number {
  let size = 1;
  for (const child of children.values()) size += child.size;
  return size;
}

/** The parser's own errors in plainer words, one a line, without those that only follow from an error before. */
function syntaxErrors(
  file: string,
  errors: readonly YAMLError[],
  placeAt: (range: Range) => Place,
  text: string,
): Diagnostic[] {
  const lines = new Set<number>();
  const diagnostics: Diagnostic[] = [];
  for (const error of [...errors].sort((a, b) => a.pos[0] - b.pos[0])) {
    const place = placeAt(error.pos);
    const consequence = error.code === 'UNEXPECTED_TOKEN' && diagnostics.length > 0;
    if (consequence || lines.has(place.line) || diagnostics.length >= 10) continue;
    lines.add(place.line);
    const { code, message, hint } = inPlainWords(error, text);
    diagnostics.push(diagnose(file, place, code, message, { hint }));
  }
  return diagnostics;
}

function inPlainWords(error: YAMLError, text: string): { code: DiagnosticCode; message: string; hint?: string } {
  const quoted = `\`${text.charAt(error.pos[0])}\``;
  switch (error.code) {
    case 'TAB_AS_INDENT':
      return { code: 'yaml-tab', message: 'a tab is used as indentation', hint: 'indent with spaces' };
    case 'MULTIPLE_DOCS':
      return {
        code: 'yaml-feature',
        message: 'a second document begins here',
        hint: 'one file holds one lineage: remove the `---`',
      };
    case 'BAD_SCALAR_START':
      return {
        code: 'yaml-syntax',
        message: `a plain value cannot begin with ${quoted}`,
        hint: 'put the value in quotes',
      };
    case 'BLOCK_AS_IMPLICIT_KEY':
      return {
        code: 'yaml-syntax',
        message: 'a second `:` belongs to this value',
        hint: 'put a value that holds a colon in quotes; mind that a line which is indented further belongs to the value above it',
      };
    case 'NON_STRING_KEY':
      return { code: 'yaml-key', message: 'a key must be plain text' };
    case 'RESOURCE_EXHAUSTION':
      return { code: 'yaml-depth', message: `maps and lists are nested deeper than ${deepest}` };
    case 'MULTIPLE_ANCHORS':
    case 'BAD_ALIAS':
    case 'ALIAS_PROPS':
      return { code: 'yaml-alias', message: 'an anchor or alias that YAML does not allow here' };
    case 'BAD_DIRECTIVE':
      return {
        code: 'yaml-feature',
        message: 'a lineage file is YAML 1.2 without directives',
        hint: 'remove this line',
      };
    case 'TAG_RESOLVE_FAILED':
    case 'MULTIPLE_TAGS':
    case 'BAD_COLLECTION_TYPE':
      return {
        code: 'yaml-feature',
        message: 'this tag means nothing here',
        hint: 'a lineage file has no tags: remove it',
      };
    case 'BAD_INDENT':
    case 'MISSING_CHAR':
      return { code: 'yaml-syntax', ...missingOrMisplaced(error.message) };
    case 'MULTILINE_IMPLICIT_KEY':
    case 'KEY_OVER_1024_CHARS':
      return { code: 'yaml-syntax', message: 'a key must stand on one line, with `:` after it' };
    case 'BAD_DQ_ESCAPE':
      return {
        code: 'yaml-syntax',
        message: 'this escape does not exist',
        hint: 'single quotes keep a backslash as it is',
      };
    case 'BLOCK_IN_FLOW':
    case 'BAD_PROP_ORDER':
    case 'DUPLICATE_KEY':
    case 'IMPOSSIBLE':
    case 'UNEXPECTED_TOKEN':
      return { code: 'yaml-syntax', message: `the text cannot be read as YAML from here on (${quoted} is unexpected)` };
  }
}

/** The parser gives these two codes to many mistakes; its message tells them apart. */
function missingOrMisplaced(message: string): { message: string; hint?: string } {
  if (/end with a [}\]]/.test(message))
    return { message: `a \`${message.includes('}') ? '{' : '['}\` before this is not closed` };
  if (/quote/.test(message)) return { message: 'a quoted text is not closed' };
  if (/map keys/.test(message))
    return { message: 'there is no `:` after this', hint: 'a map has one `key: value` a line' };
  if (/space|separated/.test(message)) return { message: 'a space is missing here' };
  if (/Missing ,/.test(message)) return { message: 'a comma is missing before this' };
  return {
    message: 'this is not indented as what it belongs to',
    hint: 'keys of one map begin in one column, what is in them further right',
  };
}
