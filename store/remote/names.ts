import type { Manifest } from '../../schemas/types/manifest.ts';

/*
 * What things are called in the bucket. Manifests lie apart from all else, so that one listing, a request for each
 * thousand, tells what there is. Files are named by their digest, under their attempt: hosts that upload the same attempt
 * at once write the same bytes under the same names, or names that nothing speaks of.
 */

/** What all manifests' names begin with; of one key where it is given. */
export function manifestsOf(key = ''): string {
  return key === '' ? 'manifests/' : `manifests/${key}/`;
}

/** The object that makes an attempt count. */
export function manifestName(key: string, attempt: number): string {
  return `${manifestsOf(key)}${attempt}.json`;
}

/** The key and the attempt that a manifest's name speaks of; undefined for any other name. */
export function parseManifestName(name: string): { key: string; attempt: number } | undefined {
  const [, key, attempt] = /^manifests\/([0-9a-f]{64})\/([1-9]\d{0,8})\.json$/.exec(name) ?? [];
  return key === undefined ? undefined : { key, attempt: Number(attempt) };
}

/** What the names of all files of an attempt begin with. */
export function filesOf({ key, attempt }: Pick<Manifest, 'key' | 'attempt'>): string {
  return `files/${key}/${attempt}/`;
}

/** The object with a file's bytes. */
export function fileName(manifest: Pick<Manifest, 'key' | 'attempt'>, { sha256 }: { sha256: string }): string {
  return `${filesOf(manifest)}${sha256}`;
}

/** The object of a frozen plan. */
export function planName(digest: string): string {
  return `plans/${digest}.json`;
}
