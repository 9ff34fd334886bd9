import { existsSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';

/** Writes lines of JSON, whole or not at all; those of an earlier execution of the attempt are the same, and stay. */
export async function writeLines(path: string, lines: readonly object[]): Promise<void> {
  if (existsSync(path)) return;
  await writeFile(`${path}.tmp`, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  await rename(`${path}.tmp`, path);
}
