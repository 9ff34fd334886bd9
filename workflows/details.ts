import type { LineageCounts, NodeFailure } from './messages.ts';

/** Temporal allows 200 and 20,000 bytes of UTF-8 (a summary, details); some are left for the encoding. */
export const widest = { summary: 190, details: 19_000 };

/** How many running nodes and failures the details name. */
export const mostNamed = 20;

/** The beginning of a text, of at most `bytes` bytes of UTF-8; no character is cut in two. */
export function cutToBytes(text: string, bytes: number): string {
  let used = 0;
  let kept = '';
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    used += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (used > bytes) break;
    kept += character;
  }
  return kept;
}

/**
 * What the Temporal UI shows of a running lineage: Markdown, of at most `widest.details` bytes. `running` are addresses of
 * the first `mostNamed` running nodes.
 */
export function lineageDetails(
  counts: LineageCounts,
  running: readonly string[],
  failures: readonly NodeFailure[],
  paused: boolean,
): string {
  const states = Object.entries(counts).filter(([, count]) => count > 0);
  const lines = [
    ...(paused ? ['**paused**: `descent unpause` goes on', ''] : []),
    `| ${states.map(([state]) => state).join(' | ')} |`,
    `|${states.map(() => '---').join('|')}|`,
    `| ${states.map(([, count]) => count).join(' | ')} |`,
    '',
    ...running.map((address) => `- running \`${cutToBytes(address, widest.summary)}\``),
    ...failures.slice(0, mostNamed).map(({ kind, message }) => `- **${kind}** ${cutToBytes(message, 400)}`),
  ];
  return cutToBytes(lines.join('\n'), widest.details);
}
