/** Tokens to read and tokens to predict, as plain arrays. */
export interface Batch {
  sequences: number;
  /** Length of each sequence, padded on the right where it is shorter. */
  time: number;
  /** sequences * time token ids, a sequence after the other. */
  tokens: Int32Array;
  /** Places (indices into `tokens`) after which a token is predicted; undefined for all of them. */
  places?: Int32Array;
  /** What is predicted at each place. */
  targets: Int32Array;
  /** Weight of each prediction in the loss: they add up to one, and padding has none. */
  weights: Float32Array;
}
