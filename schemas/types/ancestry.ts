// Generated from ancestry.schema.json by `npm run generate`: change the schema, not this file.

/**
 * What a model descends from, beside its weights as ancestry.json: the nodes that led to it, the oldest first and its own last.
 */
export interface Ancestry {
  ancestry: 1;
  /**
   * The nodes, the oldest first.
   */
  nodes: Ancestor[];
}
export interface Ancestor {
  /**
   * Node type.
   */
  type: string;
  /**
   * The address it was made under; not identity.
   */
  address: string;
  /**
   * SHA-256 of a node's pre-image, in hex.
   */
  key: string;
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
   * Seed of everything random in it.
   */
  seed?: number;
  /**
   * The recipe in brief: of data sets the names.
   */
  recipe?: {
    [k: string]: number | string;
  };
  /**
   * Steps of the recipe that were done.
   */
  steps?: number;
  /**
   * Tokens that they trained on.
   */
  tokens?: number;
  /**
   * Of a model that was trained elsewhere: where it is from, or why it may stand for the node.
   */
  adopted?: string;
}
