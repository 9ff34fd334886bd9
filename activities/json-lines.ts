import { createReadStream } from 'node:fs';
import { basename } from 'node:path';

/**
 * The first line of the files that is not JSON, as `qa.jsonl:2 is not JSON: <why>`; undefined where every line is.
 * Blank lines are fine. DuckDB names another line than the one that is wrong, which is why this looks itself.
 */
export async function findBrokenLine(files: readonly string[]): Promise<string | undefined> {
  for (const file of files) {
    let number = 0;
    for await (const line of linesOf(file)) {
      number += 1;
      const reason = line.trim() === '' ? undefined : whyNotJson(line);
      if (reason !== undefined) return `${basename(file)}:${number} is not JSON: ${reason}`;
    }
  }
  return undefined;
}

/** At line feeds only: node:readline also breaks at U+2028, which JSON allows inside a text. */
async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of createReadStream(path, 'utf8')) {
    const lines = `${rest}${chunk as string}`.split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  yield rest;
}

function whyNotJson(line: string): string | undefined {
  try {
    JSON.parse(line);
    return undefined;
  } catch (error) {
    // Some versions of Node add `(line 1 column 5)`, which would be taken for a place in the file.
    return (error as SyntaxError).message.replace(/ \(line \d+ column \d+\)$/, '');
  }
}
