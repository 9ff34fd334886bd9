/** Holds a lock file while `work` runs; `update` is told, while waiting, for whom. Throws where a living owner holds it for an hour. */
export function withLock<Result>(
  file: string,
  update: (text: string) => void,
  work: () => Promise<Result>,
): Promise<Result>;

/** Whether a process of this id exists on this machine. */
export function isAlive(pid: number): boolean;
