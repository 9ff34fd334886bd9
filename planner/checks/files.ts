import { dirname } from 'node:path';
import { type Diagnostic, diagnose, listed, shown } from '../diagnostic.ts';
import { findFiles, formatOf } from '../files.ts';
import type { DataRecipe } from '../plan.ts';
import type { Path, Source } from '../syntax.ts';
import { recordAt } from '../tree.ts';

/** The files of a data set: their format, and their names relative to the lineage file's folder, sorted. */
export interface DataFiles {
  format: DataRecipe['format'];
  names: string[];
}

/** Finds the files of every data set that has some; those without a diagnostic are in `files`. */
export async function checkFiles(
  source: Source,
): Promise<{ files: Map<string, DataFiles>; diagnostics: Diagnostic[] }> {
  const files = new Map<string, DataFiles>();
  const diagnostics: Diagnostic[] = [];
  for (const [name, declared] of Object.entries(recordAt(source.value, 'data'))) {
    const { files: patterns, format, hub } = recordAt(declared);
    if (hub !== undefined) continue; // they lie in the repository, and not here
    const path: Path = ['data', name, 'files'];
    const places = Array.isArray(patterns)
      ? patterns.map((pattern, index) => ({ pattern, path: [...path, index] }))
      : [{ pattern: patterns, path }];
    const names = new Set<string>();
    for (const { pattern, path: place } of places) {
      if (typeof pattern !== 'string' || pattern === '') continue;
      const found = await findFiles(dirname(source.file), pattern);
      if (found.ok) for (const file of found.names) names.add(file);
      else
        diagnostics.push(
          diagnose(source.file, source.place(place), 'bad-files', `${shown(pattern)} ${found.problem}`, {
            hint: found.hint,
          }),
        );
    }
    if (names.size === 0) continue;
    const sorted = [...names].sort();
    const formats = new Set(format === undefined ? sorted.map(formatOf) : [format]);
    const [only] = formats;
    if (formats.size === 1 && (only === 'text' || only === 'jsonl' || only === 'parquet')) {
      files.set(name, { format: only, names: sorted });
    } else if (format === undefined) {
      const unknown = sorted.filter((file) => formatOf(file) === undefined);
      const message =
        unknown.length > 0
          ? `what is in ${shown(unknown[0])} its ending does not say`
          : `these files are of several formats: ${listed([...formats].map(String))}`;
      const remarks = {
        expected: '.txt or .md for text, .jsonl or .ndjson, .parquet',
        hint: 'say `format: text`, `jsonl` or `parquet`, or make two data sets',
      };
      diagnostics.push(diagnose(source.file, source.place(path), 'bad-files', message, remarks));
    }
  }
  return { files, diagnostics };
}
