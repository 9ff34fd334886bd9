import { readFileSync } from 'node:fs';

/*
 * A process that the kernel kills for want of memory, of the machine or of its container, has no last words: it has ended by
 * SIGKILL, which anybody may send. That the kernel killed meanwhile tells one from the other, as far as can be told.
 */

/** How many processes the kernel has killed since the boot for want of memory; 0 on systems that do not tell. */
export function outOfMemoryKills(): number {
  if (process.platform !== 'linux') return 0;
  return Number(/^oom_kill (\d+)$/m.exec(readFileSync('/proc/vmstat', 'utf8'))?.[1] ?? 0);
}
