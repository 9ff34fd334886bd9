import { closest, distance } from 'fastest-levenshtein';
import colours from 'picocolors';

/** Every code of a diagnostic, with what it says. Codes are stable: people search for them and scripts match them. */
export const diagnosticCodes = {
  'file-unreadable': 'The lineage file cannot be read.',
  'file-size': 'The lineage file is empty, or larger than 1 MiB.',
  'file-encoding': 'The lineage file is not UTF-8 text, or has control characters.',
  'yaml-syntax': 'The text is not YAML 1.2.',
  'yaml-tab': 'A tab is used as indentation.',
  'yaml-key': 'A key stands twice in one map, or is no plain text.',
  'yaml-alias': 'An alias names no anchor, holds itself, or aliases expand to too much.',
  'yaml-feature': 'A part of YAML that a lineage file does not use: merge keys, tags, directives, several documents.',
  'yaml-depth': 'Maps and lists are nested too deeply.',
  'text-form': 'Text that looks the same but is other bytes: not in Unicode form NFC, or with lone surrogates.',
  'unknown-key': 'A key that the map does not have.',
  'missing-key': 'A key that the map must have.',
  'one-of': 'Exactly one of several keys must be given.',
  'wrong-type': 'A value of another type than is asked for.',
  'bad-value': 'A value of the right type that is not allowed.',
  'bad-quantity': 'A quantity that cannot be read, or is out of range.',
  'bad-name': 'A name with characters that names do not have, or a reserved name.',
  'unknown-name': 'A stage, model, tokenizer, data set, generator, option, suite, axis or value that does not exist.',
  'wrong-part': 'A data set has no such part, or the stage learns from another part.',
  'bad-signature': 'A signature that cannot be read, or asks for what there is not.',
  cycle: 'Stages that start from each other, or renames that go round.',
  'bad-model': 'An architecture whose numbers do not fit together.',
  'bad-axis': 'An axis whose values cannot be used.',
  'unused-axis': 'An axis that nothing mentions.',
  'bad-zip': 'Axes that cannot vary together.',
  'no-effect':
    'An exclude that drops nothing, an include that adds nothing, a zip of axes that never meet, or recipes without signatures. As a warning: an option that changes nothing.',
  'bad-moved': 'A rename under `moved` of what is still there, or renames that follow one another.',
  'bad-accept':
    'An artifact that is accepted for a node and is not there, cannot stand for it, or was accepted for another declaration.',
  'bad-takeaway': 'A takeaway whose arms cannot be compared, or differ in more than it declares.',
  'marked-arm':
    'A warning: a takeaway compares a model that did not decay, or that was allowed to learn from problems not its own, or what comes of one.',
  'missing-variant':
    'A variant that a stage starts from is excluded, or was never there; or no variant of a stage is left.',
  'bad-mix': 'A mix whose shares do not add up, or a source that gets nothing.',
  'bad-files':
    'Files that do not exist, lie outside the folder, or are of no known format; what is adopted and is no Llama-shaped model, or cannot be asked for. Of `run`: data and tokenizers that are on the Hub.',
  'undecayed-parent': 'A stage starts from a parent whose learning rate did not decay.',
  'over-budget': 'The lineage costs more than its budget allows.',
  'over-memory': 'A node takes more memory than its device has.',
  'too-many-nodes': 'The axes multiply to more nodes than a plan may have.',
} as const;

export type DiagnosticCode = keyof typeof diagnosticCodes;

/** A place in the lineage file: line and column count from 1 (columns as editors count, in UTF-16 units); line 0 is the file as a whole. */
export interface Place {
  line: number;
  column: number;
  /** How much of the line it covers, at least 1. */
  length: number;
}

/** One finding: what is wrong, where, what was expected, what to do. */
export interface Diagnostic extends Place {
  /** A warning makes no file invalid. */
  severity: 'error' | 'warning';
  code: DiagnosticCode;
  message: string;
  /** The lineage file, as it was named. */
  file: string;
  expected?: string;
  hint?: string;
  /** Other places that belong to it, each with its own sentence. */
  related?: (Place & { message: string })[];
}

/** What may be said besides the message; what is undefined is left out. */
export interface Remarks {
  expected?: string | undefined;
  hint?: string | undefined;
  related?: (Place & { message: string })[] | undefined;
}

/** A diagnostic at a place. */
export function diagnose(
  file: string,
  place: Place,
  code: DiagnosticCode,
  message: string,
  remarks: Remarks = {},
): Diagnostic {
  const { expected, hint, related } = remarks;
  return {
    severity: 'error',
    code,
    message,
    file,
    line: place.line,
    column: place.column,
    length: place.length,
    ...(expected === undefined ? {} : { expected }),
    ...(hint === undefined ? {} : { hint }),
    ...(related === undefined || related.length === 0 ? {} : { related }),
  };
}

/** A diagnostic that a person should know of, and that stops nothing. */
export function warn(...of: Parameters<typeof diagnose>): Diagnostic {
  return { ...diagnose(...of), severity: 'warning' };
}

/** Diagnostics by place, each once. */
export function sortDiagnostics(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const seen = new Set<string>();
  return diagnostics
    .filter((diagnostic) => {
      const same = `${diagnostic.line}:${diagnostic.column} ${diagnostic.code} ${diagnostic.message}`;
      return !seen.has(same) && seen.add(same);
    })
    .sort((a, b) => a.line - b.line || a.column - b.column);
}

/**
 * Diagnostics as text, an empty line between two:
 * ```
 * lineage.yaml:9:21: error[unknown-name]: there is no stage `bse`
 *   9 |   mid: {cpt: {from: bse, tokens: 1M}}
 *     |                     ^^^
 *   expected: base, mid
 *   hint: did you mean `base`?
 * ```
 * `text` is the file's text; control characters of it are never printed.
 */
export function formatDiagnostics(
  diagnostics: readonly Diagnostic[],
  text: string,
  { colour }: { colour: boolean },
): string {
  const lines = text.split('\n');
  return diagnostics.map((diagnostic) => `${formatOne(diagnostic, lines, colour)}\n`).join('\n');
}

/** The nearest of the candidates, as `did you mean ...?`; undefined when none is near. */
export function didYouMean(name: string, candidates: readonly string[]): string | undefined {
  if (candidates.length === 0 || name.length > 100) return undefined;
  const nearest =
    candidates.find((candidate) => candidate.toLowerCase() === name.toLowerCase()) ?? closest(name, candidates);
  const near =
    distance(name.toLowerCase(), nearest.toLowerCase()) <=
    (name.length < 4 ? 1 : Math.max(2, Math.floor(name.length / 3)));
  return near ? `did you mean \`${nearest}\`?` : undefined;
}

/** Whether one of the keys of a map, which is none that is known, stands for `name` by a slip. */
export function isMisspelled(name: string, map: object, known: readonly string[]): boolean {
  return Object.keys(map).some((key) => !known.includes(key) && didYouMean(key, [name]) !== undefined);
}

/** Names in a sentence, in their order, at most twenty. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, 20).join(', ');
  return names.length > 20 ? `${shown} and ${names.length - 20} more` : shown;
}

/** A value as a sentence names it: `text`, 12, a map, a list, nothing. */
export function shown(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  const text = String(value);
  return `\`${text.length > 60 ? `${text.slice(0, 57)}...` : text}\``;
}

function formatOne(diagnostic: Diagnostic, lines: readonly string[], colour: boolean): string {
  const { bold, cyan, dim, red, yellow } = colours.createColors(colour);
  const { severity } = diagnostic;
  const striking = severity === 'error' ? red : yellow;
  const place = diagnostic.line > 0 ? `:${diagnostic.line}:${diagnostic.column}` : '';
  const width = String(Math.max(diagnostic.line, ...(diagnostic.related ?? []).map((other) => other.line))).length;
  const frame = (at: Place, paint: (text: string) => string, note = ''): string[] => {
    const line = lines[at.line - 1]?.replace(/\r$/, '');
    if (line === undefined || at.line === 0) return note ? [`  ${note}`] : [];
    const { shownLine, caret } = underline(line, at);
    return [
      `  ${dim(`${String(at.line).padStart(width)} |`)} ${shownLine}`,
      `  ${dim(`${' '.repeat(width)} |`)} ${paint(caret)}${note ? ` ${note}` : ''}`,
    ];
  };
  return [
    `${bold(`${printable(diagnostic.file)}${place}`)}: ${striking(`${severity}[${diagnostic.code}]`)}: ${bold(printable(diagnostic.message))}`,
    ...frame(diagnostic, striking),
    ...(diagnostic.related ?? []).flatMap((other) => frame(other, cyan, printable(other.message))),
    ...(diagnostic.expected === undefined ? [] : [`  ${dim('expected:')} ${printable(diagnostic.expected)}`]),
    ...(diagnostic.hint === undefined ? [] : [`  ${dim('hint:')} ${printable(diagnostic.hint)}`]),
  ].join('\n');
}

/** The line and the carets under the place; of a long line only the neighbourhood. */
function underline(line: string, place: Place): { shownLine: string; caret: string } {
  const start = Math.min(place.column - 1, line.length);
  const from = line.length <= 120 ? 0 : Math.max(0, start - 60);
  const to = line.length <= 120 ? line.length : Math.min(line.length, start + 60);
  const before = `${from > 0 ? '...' : ''}${line.slice(from, start)}`;
  const marked = line.slice(start, Math.min(to, start + place.length));
  const after = `${line.slice(start + marked.length, to)}${to < line.length ? '...' : ''}`;
  return {
    shownLine: printable(`${before}${marked}${after}`),
    caret: `${' '.repeat([...before].length)}${'^'.repeat(Math.max(1, [...marked].length))}`,
  };
}

/** Text that cannot move the cursor, colour the terminal or reverse what is read; a tab is as wide as a space. */
function printable(text: string): string {
  return text
    .replaceAll('\t', ' ')
    .replace(/[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu, '\ufffd');
}
