// Generated from checkpoint.schema.json by `npm run generate`: change the schema, not this file.

/**
 * How far the training is that a checkpoint or a trunk goes on with, beside its weights as state.json.
 */
export interface CheckpointState {
  /**
   * Key of the node that wrote it, so that no checkpoint is taken for another's.
   */
  key: string;
  /**
   * Steps done.
   */
  step: number;
  /**
   * Tokens trained on.
   */
  tokens: number;
  /**
   * Optimizer updates done, by what is trained: `model`, `critic`.
   */
  updates: {
    [k: string]: number;
  };
  /**
   * Of RL, what a collapse is told by: a row for each round done.
   */
  rounds?: {
    /**
     * Mean reward of the round's responses.
     */
    reward: number;
    /**
     * Share of them that were cut.
     */
    truncationRate: number;
    /**
     * Share of groups whose rewards are all equal.
     */
    groupsWithoutSignal: number;
  }[];
}
