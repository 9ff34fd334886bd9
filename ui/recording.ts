import { join } from 'node:path';
import type { TrainerEvent } from '../schemas/types/event.ts';
import { attemptFolder, attemptNumbers } from '../store/home.ts';
import { type Tail, tailOf } from '../store/tail.ts';
import type { Points, Sample } from './protocol.ts';
import { sampleOf } from './sample.ts';
import { type Thinned, type Thinning, thinning } from './thinning.ts';

/** What the newest attempt at a node has said, read from its `events.jsonl` as far as that goes. */
export interface Recording {
  /** Reads on. Gives what has come since, thinned to so many points; at first, and of another attempt, all. */
  read(points: number): Promise<News>;
  /** All that was read, thinned to so many points. */
  all(points: number): Thinned;
  /** The metrics that there are. */
  metrics(): string[];
}

/** What has come, and the last few of its samples. */
export type News = Omit<Points, 'node'> & { samples: Sample[] };

/** Samples that are kept of what has come: a person reads no more at once, and a round of RL has hundreds. */
const mostSamples = 3;

/** Where an execution began that goes on from a step: what was said of later steps before it is void. */
interface Start {
  at: number;
  resumedFrom: number;
}

/** Records a node of a home. Calls of `read` must not overlap. */
export function openRecording(home: string, key: string): Recording {
  let attempt: number | undefined;
  let tail: Tail = tailOf('');
  let all: Thinning = thinning();

  /** Reads on; knowing where later executions begin, what is void by them is left out. */
  const readOn = async (path: string, known: readonly Start[]) => {
    const fresh = thinning();
    const starts: Start[] = [];
    let voidAfter: number | null = null;
    let exact = true;
    let samples: { step: number; sample: Sample }[] = [];
    for await (const { at, text } of tail.next()) {
      // Emptied, and written anew.
      if (at === 0 && all.names().length > 0) {
        all = thinning();
        voidAfter = -1;
      }
      const event = eventOf(text);
      if (event?.event === 'started') {
        const resumedFrom = event.resumedFrom ?? -1;
        if (at === 0) continue;
        starts.push({ at, resumedFrom });
        if (known.length === 0) {
          exact = all.cut(resumedFrom) && exact;
          fresh.cut(resumedFrom);
          samples = samples.filter(({ step }) => step <= resumedFrom);
          voidAfter = Math.min(voidAfter ?? resumedFrom, resumedFrom);
        }
      } else if (event?.event === 'metrics') {
        if (known.some((start) => start.at > at && start.resumedFrom < event.step)) continue;
        all.add(event.step, event.values);
        fresh.add(event.step, event.values);
      } else if (event?.event === 'sample') {
        samples.push({ step: event.step, sample: sampleOf(event, at) });
        if (samples.length > mostSamples) samples.shift();
      }
    }
    const newest = samples.map(({ sample }) => sample);
    if (exact) return { fresh, voidAfter, samples: newest };
    // A mean had later steps in it: read again, knowing what counts.
    all = thinning();
    tail = tailOf(path);
    await readOn(path, [...known, ...starts]);
    return { fresh: all, voidAfter: -1, samples: newest };
  };

  return {
    async read(points) {
      const newest = attemptNumbers(home, key)[0];
      if (newest === undefined) return { voidAfter: null, steps: [], values: {}, samples: [] };
      const path = join(attemptFolder(home, key, newest), 'events.jsonl');
      const another = newest !== attempt;
      const hadSteps = all.names().length > 0;
      if (another) {
        attempt = newest;
        tail = tailOf(path);
        all = thinning();
      }
      const { fresh, voidAfter, samples } = await readOn(path, []);
      return { voidAfter: another && hadSteps ? -1 : voidAfter, ...fresh.points(points), samples };
    },
    all: (points) => all.points(points),
    metrics: () => all.names(),
  };
}

/** The event of a line, where it is one that matters here; half a line is none. */
function eventOf(line: string): TrainerEvent | undefined {
  if (!/"(metrics|sample|started)"/.test(line)) return undefined;
  try {
    return JSON.parse(line) as TrainerEvent;
  } catch {
    return undefined;
  }
}
