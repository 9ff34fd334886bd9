import { resolve } from 'node:path';
import type { LineageFile } from '../schemas/types/lineage.ts';
import { checkAccept } from './checks/accept.ts';
import { checkAxes } from './checks/axes.ts';
import { checkData } from './checks/data.ts';
import { checkFiles, type DataFiles } from './checks/files.ts';
import { checkMoved } from './checks/moved.ts';
import { checkNames } from './checks/names.ts';
import { checkShape } from './checks/shape.ts';
import { checkSignatures } from './checks/signatures.ts';
import { checkSpace } from './checks/space.ts';
import { checkSplits } from './checks/splits.ts';
import { checkStages } from './checks/stages.ts';
import { checkValues } from './checks/values.ts';
import { type Diagnostic, type Place, sortDiagnostics } from './diagnostic.ts';
import { withImpliedStages } from './implied.ts';
import { type Path, parseSource, type Source } from './syntax.ts';
import { readText } from './text.ts';

declare const valid: unique symbol;

/** A lineage file that was read and found free of errors. Only `loadLineage` makes one. */
export interface Lineage {
  readonly [valid]: true;
  /** Absolute path of the file. */
  readonly path: string;
  readonly file: LineageFile;
  /** Where each value stands, for diagnostics of the plan; the stages that signatures imply are among its stages. */
  readonly source: Source;
  /** The files of every data set that has some. */
  readonly files: ReadonlyMap<string, DataFiles>;
}

/** A lineage, or every diagnostic there is with the text that they speak of. */
export type Loaded = { ok: true; lineage: Lineage } | { ok: false; diagnostics: Diagnostic[]; text: string };

/**
 * A check looks at the whole file. A new one is a line in one of the lists below. Whether something was told of what stands
 * at a path by a check before it, it may ask: what only follows from that is not told.
 */
type Check = (source: Source, isTold: (path: Path) => boolean) => Iterable<Diagnostic>;

/** What is checked of the file as it is written. What an earlier check says of a place, a later one does not say again. */
const checksAsWritten: readonly Check[] = [checkShape, checkSignatures];

/** What is checked with the stages that signatures imply: axes and single values come before what names values of axes. */
const checks: readonly Check[] = [
  checkNames,
  checkData,
  checkSplits,
  checkAxes,
  checkValues,
  checkStages,
  checkSpace,
  checkMoved,
  checkAccept,
];

/**
 * Reads a lineage file and checks it: text, YAML, schema, and what refers to what. Expected failures come back as
 * diagnostics, all at once and by place; `path` is named in them as it is given here.
 */
export async function loadLineage(path: string): Promise<Loaded> {
  const read = await readText(path);
  if (!read.ok) return read;
  const { text } = read;
  const { source: written, diagnostics } = parseSource(path, text);
  if (!written) return { ok: false, diagnostics: sortDiagnostics(diagnostics), text };
  const told = [...diagnostics];
  for (const check of checksAsWritten) tellNew(told, check(written, isToldIn(written, told)));
  const source = withImpliedStages(written);
  for (const check of checks) tellNew(told, check(source, isToldIn(source, told)));
  const { files, diagnostics: ofFiles } = await checkFiles(source);
  tellNew(told, ofFiles);
  if (told.length > 0) return { ok: false, diagnostics: sortDiagnostics(told), text };
  return {
    ok: true,
    lineage: { path: resolve(path), file: source.value as LineageFile, source, files } as unknown as Lineage,
  };
}

function isToldIn(source: Source, told: readonly Diagnostic[]): (path: Path) => boolean {
  const places = new Set(told.map(spotOf));
  return (path) => places.has(spotOf(source.place(path)));
}

/** Adds what is said of places that nothing was said of before; one thing is said once of what several stages take from one place. */
function tellNew(told: Diagnostic[], found: Iterable<Diagnostic>): void {
  const places = new Set(told.map(spotOf));
  const said = new Set<string>();
  for (const diagnostic of found) {
    const same = `${spotOf(diagnostic)} ${diagnostic.code}`;
    if (!places.has(spotOf(diagnostic)) && !said.has(same)) told.push(diagnostic);
    said.add(same);
  }
}

/** Where a place begins. */
function spotOf({ line, column }: Place): string {
  return `${line}:${column}`;
}
