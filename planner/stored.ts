import type { Architecture } from '../schemas/types/job.ts';
import type { Json, Key } from './plan.ts';

/** What a store has under a key. */
export type StoredArtifact = { key: Key } & (
  | {
      state: 'done';
      type: string;
      /** The address that it was made under. */
      address: string;
      preimage: { [name: string]: Json };
      /** Shape of the model that it is; null for whatever is none. */
      architecture: Architecture | null;
    }
  /** Nothing that could be used; why, as the end of a sentence that begins with `it`. */
  | { state: 'unusable'; why: string }
);

/** Finds what a store has under the keys that begin with these digits. */
export type FindStored = (prefix: string) => StoredArtifact[];
