import { readdirSync, readFileSync } from 'node:fs';

/** The SQL files of a folder of `results/`, by name, without their ending. */
export function sqlFiles(folder: string): { name: string; sql: string }[] {
  const url = new URL(`../../results/${folder}/`, import.meta.url);
  return readdirSync(url)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => ({ name: name.slice(0, -4), sql: readFileSync(new URL(name, url), 'utf8') }));
}
