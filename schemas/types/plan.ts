// Generated from plan.schema.json by `npm run generate`: change the schema, not this file.

/**
 * A SHA-256 in hex.
 */
export type Digest = string;

/**
 * A plan as `descent plan -o` writes it and `descent run --plan` runs it: what would run, what was known of it then, and digests that show whether it still holds.
 */
export interface PlanFile {
  /**
   * The version of this format.
   */
  format: 1;
  /**
   * SHA-256 of the canonical JSON of everything else.
   */
  digest: string;
  /**
   * Versions of what the plan uses: of node types and of generators. Another version computes something else.
   */
  versions: {
    types: Versions;
    generators: Versions;
  };
  /**
   * The lineage file that was planned, as it was. The plan runs without it.
   */
  lineageFile: {
    /**
     * Absolute.
     */
    path: string;
    /**
     * Of its text, without a byte order mark.
     */
    sha256: string;
  };
  /**
   * The selectors that chose a part of the file; null where all of it was planned.
   */
  select: string[] | null;
  /**
   * What would have happened to each node when the plan was written, by key.
   */
  verdicts: {
    [k: string]: Verdict;
  };
  /**
   * The plan, as it is frozen for a run.
   */
  plan: {
    plan: 1;
    lineage: string;
    title: string | null;
    file: string;
    axes: {
      [k: string]: unknown;
    };
    declared: {
      [k: string]: unknown;
    };
    nodes: Node[];
    [k: string]: unknown;
  };
}
export interface Versions {
  [k: string]: number;
}
export interface Verdict {
  verdict: 'reuse' | 'resume' | 'run';
  reason: {
    kind: string;
    [k: string]: unknown;
  };
}
export interface Node {
  /**
   * Node type. Which there are, and in which version, is in schemas/catalogue.ts alone; `versions` says which this plan uses.
   */
  type: string;
  recipe: {
    [k: string]: unknown;
  };
  key: Digest;
  address: string;
  stage: string;
  axes: {
    [k: string]: string | number;
  };
  seed: number;
  parents: {
    [k: string]: Digest;
  };
  startsAt?: number;
  /**
   * Of a node that runs again though it is done: the lowest attempt that will do.
   */
  attempt?: number;
  gates?: {
    [k: string]: Digest;
  };
  preimage: {
    [k: string]: unknown;
  };
  /**
   * Of a node that stands on an artifact that the file accepts: `key` and `preimage` are the artifact's.
   */
  accepted?: {
    reason: string;
    /**
     * What the node would be without it.
     */
    instead: {
      key: Digest;
      preimage: {
        [k: string]: unknown;
      };
    };
  };
  files: string[];
  placement: {
    device: string;
    checkpointEvery: number;
    timeoutSeconds: number;
    recomputeActivations?: boolean;
  };
  architecture: {
    [k: string]: unknown;
  } | null;
  /**
   * Of an evaluation: the shape of the reward model that scores its responses.
   */
  judge?: {
    [k: string]: unknown;
  };
  settings: {
    [k: string]: unknown;
  };
  [k: string]: unknown;
}
