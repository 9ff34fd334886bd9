import { existsSync, lstatSync } from 'node:fs';
import { verifyArtifact } from './artifact.ts';
import { isLink } from './garbage.ts';
import { attemptFolder, attemptNumbers } from './home.ts';
import { type Artifact, awayFiles, inspectAttempt } from './inspect.ts';

/** An attempt that was published, to be hashed; or what is wrong with it already. */
export type Published = { key: string; attempt: number } & (
  | { artifact: Artifact; bytes: number }
  | { artifact: null; reason: string }
);

/**
 * The published attempts of some keys, with the bytes that there are to hash of each. Notes of earlier checks do not count,
 * as this is for checking again. What is a link is not followed, and is a damage.
 */
export function publishedAttempts(home: string, keys: readonly string[]): Published[] {
  return keys.flatMap((key): Published[] =>
    attemptNumbers(home, key).flatMap((attempt): Published[] => {
      const folder = attemptFolder(home, key, attempt);
      if (isLink(home, key) || lstatSync(folder, { throwIfNoEntry: false })?.isSymbolicLink())
        return [{ key, attempt, artifact: null, reason: `attempt ${attempt}: ${folder} is reached by a link` }];
      const found = inspectAttempt(home, key, attempt, 'ignored');
      if (found.state === 'unfinished') return [];
      if (found.state === 'damaged') return [{ key, attempt, artifact: null, reason: found.reason }];
      const away = new Set(awayFiles(found.artifact));
      const here = found.artifact.files.filter((file) => !away.has(file));
      const bytes = here.reduce((sum, file) => sum + file.bytes, 0);
      return [{ key, attempt, artifact: found.artifact, bytes }];
    }),
  );
}

/** Why a published attempt is damaged, all of it hashed again; undefined where it is whole, or was removed meanwhile. */
export async function damageIn(published: Published, onBytes: (bytes: number) => void): Promise<string | undefined> {
  if (published.artifact === null) return published.reason;
  const verified = await verifyArtifact(published.artifact, onBytes);
  return verified.ok || !existsSync(published.artifact.folder)
    ? undefined
    : `attempt ${published.attempt}: ${verified.reason}`;
}
