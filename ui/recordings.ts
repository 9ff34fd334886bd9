import { openRecording, type Recording } from './recording.ts';
import type { Thinned } from './thinning.ts';

/** Recordings that are kept, so that a node that is looked at again is read on from where it was. */
const kept = 64;

/** What trainers have said, of the nodes that were asked for last. */
export interface Recordings {
  /** A node's curves until now, thinned to so many points. */
  points(key: string, most: number): Promise<Thinned>;
  /** The metrics that it has. */
  metrics(key: string): Promise<string[]>;
}

/** The recordings of a home. */
export function openRecordings(home: string): Recordings {
  const recordings = new Map<string, { recording: Recording; read: Promise<unknown> }>();
  const upToDate = async (key: string): Promise<Recording> => {
    const found = recordings.get(key) ?? { recording: openRecording(home, key), read: Promise.resolve() };
    // The newest last.
    recordings.delete(key);
    recordings.set(key, found);
    for (const oldest of [...recordings.keys()].slice(0, -kept)) recordings.delete(oldest);
    const read = found.read.catch(() => {}).then(() => found.recording.read(1));
    found.read = read;
    await read;
    return found.recording;
  };
  return {
    points: async (key, most) => (await upToDate(key)).all(most),
    metrics: async (key) => (await upToDate(key)).metrics(),
  };
}
