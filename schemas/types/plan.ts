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
    /**
     * The lineage's name.
     */
    lineage: string;
    /**
     * The question that it asks; null where it asks none.
     */
    title: string | null;
    /**
     * Path of the lineage file, absolute.
     */
    file: string;
    /**
     * Axes by name, with their values, and whether they are seeds.
     */
    axes: {
      [k: string]: unknown;
    };
    /**
     * The lineage file's content.
     */
    declared: {
      [k: string]: unknown;
    };
    /**
     * The nodes, parents first.
     */
    nodes: Node[];
    [k: string]: unknown;
  };
}
/**
 * Versions by name.
 */
export interface Versions {
  [k: string]: number;
}
export interface Verdict {
  /**
   * Whether it is done (reuse), would go on from a checkpoint (resume), or would run.
   */
  verdict: 'reuse' | 'resume' | 'run';
  /**
   * Why, in parts.
   */
  reason: {
    /**
     * Which of the reasons it is.
     */
    kind: string;
    [k: string]: unknown;
  };
}
export interface Node {
  /**
   * Node type. Which there are, and in which version, is in schemas/catalogue.ts alone; `versions` says which this plan uses.
   */
  type: string;
  /**
   * What a trainer is told to make.
   */
  recipe: {
    [k: string]: unknown;
  };
  key: Digest;
  /**
   * Its name in this plan: `mid@replay=10%`.
   */
  address: string;
  /**
   * The declared stage; of an evaluation the one that is evaluated.
   */
  stage: string;
  /**
   * Its values of the axes, by name.
   */
  axes: {
    [k: string]: string | number;
  };
  /**
   * Seed of everything random in it.
   */
  seed: number;
  /**
   * Keys of what it is made from, by role.
   */
  parents: {
    [k: string]: Digest;
  };
  /**
   * Of a run that goes on from a trunk or a checkpoint: steps that are done before it.
   */
  startsAt?: number;
  /**
   * Of a node that runs again though it is done: the lowest attempt that will do.
   */
  attempt?: number;
  /**
   * Keys of what it waits for and is not made from, by role.
   */
  gates?: {
    [k: string]: Digest;
  };
  /**
   * What its key is the hash of.
   */
  preimage: {
    [k: string]: unknown;
  };
  /**
   * Of a node that stands on an artifact that the file accepts: `key` and `preimage` are the artifact's.
   */
  accepted?: {
    /**
     * Why it may, as the file says.
     */
    reason: string;
    /**
     * What the node would be without it.
     */
    instead: {
      key: Digest;
      /**
       * What that key is the hash of.
       */
      preimage: {
        [k: string]: unknown;
      };
    };
  };
  /**
   * Of a data set of files: their paths, absolute.
   */
  files: string[];
  /**
   * Where it runs; in no key.
   */
  placement: {
    /**
     * Device class.
     */
    device: string;
    /**
     * Steps between checkpoints; 0 says about every minute.
     */
    checkpointEvery: number;
    /**
     * Longest time for one attempt.
     */
    timeoutSeconds: number;
    /**
     * Whether the backward pass computes again what it needs of each block.
     */
    recomputeActivations?: boolean;
  };
  /**
   * Shape of its model; null where it has none.
   */
  architecture: {
    [k: string]: unknown;
  } | null;
  /**
   * Of an evaluation: the shape of the reward model that scores its responses.
   */
  judge?: {
    [k: string]: unknown;
  };
  /**
   * Its recipe as the file says it, with defaults, for people.
   */
  settings: {
    [k: string]: unknown;
  };
  [k: string]: unknown;
}
