import { lately } from '../lately.ts';
import { type Bucket, type BucketSettings, openBucket } from './bucket.ts';
import { listShared, type SharedIndex } from './index.ts';
import { sharedAt } from './note.ts';

/** The object storage behind a home: the truth of what is done for all hosts that have it. */
export interface Storage {
  bucket: Bucket;
  /** Bytes that larger files may take in the home of what the bucket has; undefined for any number. */
  cache: number | undefined;
  /** What the bucket has, as it was listed some seconds ago at most. What came since is not in it, and asked for by its key. */
  lately(): Promise<SharedIndex>;
}

/** How old a listing may be, in milliseconds. */
const latelyMs = 15_000;

/** Opens the object storage of `storage` in temporal.config. */
export async function openStorage({ cache, ...settings }: BucketSettings & { cache?: number }): Promise<Storage> {
  const bucket = await openBucket(settings);
  return { bucket, cache, lately: lately(latelyMs, () => listShared(bucket)) };
}

/** Whether an attempt of this home is noted to be in the storage. */
export function isShared(storage: Storage, folder: string): boolean {
  return sharedAt(folder) === storage.bucket.address;
}
