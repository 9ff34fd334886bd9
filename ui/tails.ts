import type { Change } from './protocol.ts';
import { openRecording, type Recording } from './recording.ts';

/** Nodes whose events are followed at once. */
const mostFollowed = 50;

/** Points of a node's curves that are told of at one look. */
const mostPoints = 100;

/** Follows what trainers say. */
export interface Tails {
  /** What these nodes have said since the last call; at a node's first, its curves so far. */
  next(nodes: readonly { node: number; key: string }[]): AsyncGenerator<Change>;
}

/** Follows the events of a home's attempts. */
export function openTails(home: string): Tails {
  const recordings = new Map<string, Recording>();
  return {
    async *next(nodes) {
      const followed = nodes.slice(0, mostFollowed);
      const wanted = new Set(followed.map(({ key }) => key));
      for (const key of recordings.keys()) if (!wanted.has(key)) recordings.delete(key);
      for (const { node, key } of followed) {
        const recording = recordings.get(key) ?? openRecording(home, key);
        recordings.set(key, recording);
        const { voidAfter, steps, values, samples } = await recording.read(mostPoints);
        if (steps.length > 0 || voidAfter !== null) yield { kind: 'points', node, voidAfter, steps, values };
        for (const sample of samples) yield { kind: 'sample', node, sample };
      }
    },
  };
}
