import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { digestOf } from '../store/digest.ts';

/** The name of the memo in which a workflow says which code began it. */
export const codeMemo = 'code';

let known: string | undefined;

/**
 * Digest of the workflows' code. A workflow can only be gone on with by the code that began it; all that it had
 * achieved is in the store, so on a server of its own Descent ends it and begins anew.
 */
export function codeDigest(): string {
  known ??= digestOf(Buffer.concat(codeFiles().map((path) => readFileSync(path))));
  return known;
}

function codeFiles(): string[] {
  const folder = fileURLToPath(new URL('../workflows/', import.meta.url));
  const names = readdirSync(folder).filter((name) => name.endsWith('.js') && name !== 'bundle.js');
  return names.sort().map((name) => `${folder}${name}`);
}
