import type { NodeFailure } from './messages.ts';

/** Characters of a message that go on: three bytes each at most, so fifty of them are 45 KB. */
const longestMessage = 300;

/**
 * What of a lineage's failures goes into its next history: kinds, and how their messages begin. No payload of a history
 * may be over 64 KB, and a plan of 10,000 nodes has 10 KB of letters beside them. All of a failure is in the history of
 * its node and in the attempt's folder.
 */
export function carriedFailures(failures: Readonly<Record<number, NodeFailure>>): Record<number, NodeFailure> {
  const brief = Object.entries(failures).map(([index, { kind, message }]) => [
    index,
    { kind, message: message.slice(0, longestMessage), lastLines: [] },
  ]);
  return Object.fromEntries(brief) as Record<number, NodeFailure>;
}
