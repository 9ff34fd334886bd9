import { type Artifact, awayFiles } from '../inspect.ts';
import type { Bucket } from './bucket.ts';
import { fileName, manifestName } from './names.ts';
import { forgetShared, sharedAt } from './note.ts';

/** What a bucket should have of an artifact, and has not. */
export interface Lacking {
  artifact: Artifact;
  /** `it has no model/model.safetensors`. */
  reason: string;
}

/**
 * Looks whether a bucket has all of the artifacts that are noted to be there, by the names and sizes that it lists; and takes
 * the note away where it lacks something that is whole here, so that the next run puts it there again.
 */
export async function lackingIn(bucket: Bucket, artifacts: readonly Artifact[]): Promise<Lacking[]> {
  const noted = artifacts.filter(({ folder }) => sharedAt(folder) === bucket.address);
  if (noted.length === 0) return [];
  const there = new Map<string, number>();
  for (const begin of ['manifests/', 'files/']) {
    for await (const { name, bytes } of bucket.list(begin)) there.set(name, bytes);
  }
  return noted.flatMap((artifact): Lacking[] => {
    const reason = lackOf(artifact, there);
    if (reason === undefined) return [];
    if (awayFiles(artifact).length === 0) forgetShared(artifact.folder);
    return [{ artifact, reason }];
  });
}

function lackOf(artifact: Artifact, there: ReadonlyMap<string, number>): string | undefined {
  if (!there.has(manifestName(artifact.key, artifact.attempt))) return 'it has no manifest of it';
  const file = artifact.files.find((one) => there.get(fileName(artifact, one)) !== one.bytes);
  if (file === undefined) return undefined;
  const found = there.get(fileName(artifact, file));
  return found === undefined ? `it has no ${file.path}` : `its ${file.path} has ${found} bytes, not ${file.bytes}`;
}
