import { cutToBytes } from './details.ts';
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
  // JSON takes six bytes for a control character, of which a trainer's output may be full.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const readable = message.replace(/[\u0000-\u001f\u007f]/g, ' ');
  return { kind, message: cutToBytes(readable, briefMessage), lastLines: [] };
}

function bytesOf(value: object): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}
