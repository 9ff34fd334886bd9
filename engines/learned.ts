/** What each step of an engine's run learns from, as lines of a file: written before it begins, and told as steps are done. */
import { open } from 'node:fs/promises';
import type { TrainedOn } from '../schemas/types/event.ts';

/** One step. */
export interface Learned {
  /** Tokens that were learned from when it is done, in all. */
  tokens: number;
  data: TrainedOn;
}

/** A line of the file. */
export function lineOf(step: Learned): string {
  return `${JSON.stringify(step)}\n`;
}

/** The steps of a file, from the one after `step` on, each with the tokens that it adds. */
export async function* learnedFrom(path: string, step: number): AsyncGenerator<Learned & { added: number }, void> {
  const file = await open(path);
  try {
    let [number, before] = [0, 0];
    for await (const line of file.readLines({ autoClose: false })) {
      const learned = JSON.parse(line) as Learned;
      if (number >= step) yield { ...learned, added: learned.tokens - before };
      number += 1;
      before = learned.tokens;
    }
  } finally {
    await file.close();
  }
}
