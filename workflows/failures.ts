import { mostFailures, type NodeFailure } from './messages.ts';

/** Bytes of the failures that are kept whole; those that come when these are used up are kept briefly. */
const mostWhole = 24 * 1024;
/** Bytes of a brief message: fifty of them are 20 KB. */
const briefMessage = 300;

/**
 * Keeps why a node failed, by its place in the plan, for the status of its lineage and for its next history: no payload of
 * a history may be over 64 KB, and a plan of 10,000 nodes has 10 KB of letters beside these. All of each failure is in the
 * history of its node and in the attempt's folder.
 */
export function keepFailure(failures: Record<number, NodeFailure>, index: number, failure: NodeFailure): void {
  const kept = Object.keys(failures).length;
  if (kept >= mostFailures) return;
  const whole = bytesOf(failures) + bytesOf(failure) <= mostWhole;
  failures[index] = whole ? failure : briefly(failure);
}

/** A failure without its last lines, and only the beginning of its message. */
export function briefly({ kind, message }: NodeFailure): NodeFailure {
  // As JSON, which takes up to six bytes for what a trainer's output may be full of: quotes, control characters.
  let used = 0;
  const fits = (character: string): boolean => {
    used += bytesOf(character) - '""'.length;
    return used <= briefMessage;
  };
  const characters = [...message.slice(0, briefMessage)];
  const end = characters.findIndex((character) => !fits(character));
  return { kind, message: characters.slice(0, end < 0 ? undefined : end).join(''), lastLines: [] };
}

/** Of a value as JSON. */
function bytesOf(value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}
