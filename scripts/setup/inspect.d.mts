/** One thing that Descent needs. */
export interface Check {
  name: string;
  /** `warning`: Descent works without it, or still works. */
  status: 'ok' | 'warning' | 'missing';
  /** What is there, which version, where. */
  found: string;
  /** What to do about it, unless it is ok. */
  remedy?: string;
}

/** What is there of all that set-up provides and needs, without changing anything or using the network. */
export function inspectSetup(): Promise<Check[]>;
