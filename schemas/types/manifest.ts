// Generated from manifest.schema.json by `npm run generate`: change the schema, not this file.

/**
 * What an attempt left. Written last, by rename: an attempt without one is unfinished, and its files are served to nobody.
 */
export interface Manifest {
  manifest: 1;
  /**
   * SHA-256 of a node's pre-image, in hex.
   */
  key: string;
  /**
   * Node type.
   */
  type: string;
  /**
   * Which attempt at the node this is, from 1.
   */
  attempt: number;
  /**
   * The address it was made under; not identity.
   */
  address: string;
  /**
   * The node's identity: canonical JSON of it hashes to `key`.
   */
  preimage: {};
  /**
   * Parents' keys by role.
   */
  parents: {
    /**
     * SHA-256 of a node's pre-image, in hex.
     */
    [k: string]: string;
  };
  /**
   * Folder of the finished model, relative to the attempt's.
   */
  model: string | null;
  /**
   * Every file that it left, its model among them.
   */
  files: {
    /**
     * Relative to the attempt's folder, with /.
     */
    path: string;
    /**
     * Its size.
     */
    bytes: number;
    /**
     * Its SHA-256, in hex.
     */
    sha256: string;
  }[];
  /**
   * What else is known of it: unigramEntropy, parameters, trainTokens, ...
   */
  facts: {
    [k: string]: number | string;
  };
  /**
   * Who made it, on what, and when.
   */
  provenance: {
    /**
     * Trainer and framework with versions.
     */
    engine: string;
    /**
     * What it ran on: cpu, gpu.
     */
    device: string;
    /**
     * Which device that was, with the versions of its driver and libraries.
     */
    hardware?: string;
    /**
     * ISO 8601, UTC.
     */
    startedAt: string;
    /**
     * ISO 8601, UTC.
     */
    finishedAt: string;
    /**
     * How many times a trainer process was started for this attempt.
     */
    executions: number;
    /**
     * Of a model that was not trained here but taken over.
     */
    adopted?: {
      /**
       * Where it lay: the absolute path of its folder, or of the Hugging Face Hub `hf:owner/name@commit`.
       */
      from: string;
      /**
       * Where it stands for a node that was to be trained: why it may.
       */
      reason?: string;
      /**
       * As its card names it.
       */
      licence?: string;
    };
  };
}
