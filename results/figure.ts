/** One figure of an evaluation, as the results have it. */
export interface FigureRow {
  suite: string;
  /** The task or domain; `all` for the suite's mean. */
  task: string;
  metric: string;
  value: number;
  /** Items it is over, and its 95 % interval; null where they are not known, of a published figure. */
  n: number | null;
  low: number | null;
  high: number | null;
}
