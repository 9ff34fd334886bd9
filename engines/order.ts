import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { epochsOf } from '../trainer/epochs.ts';
import { writeLines, writeWhole } from '../trainer/folders.ts';
import { type Learned, lineOf } from './learned.ts';

/** What is learned from, in a file, and the order in which that is done. */
export interface Ordered {
  /** A line of JSON each. */
  path: string;
  /** The file that says of each step what it learns from (`learned.ts`). */
  learned: string;
  /** Of each epoch the places in the file. */
  orders: number[][];
  steps: number;
  stepsPerEpoch: number;
}

/** How items are gone through, and written down. */
export interface Order<Item> {
  recipe: { batch: number; epochs: number };
  seed: number;
  /** The type of the stage, which draws its own order. */
  stage: string;
  /** What the file says of an item. */
  line(item: Item): object;
  /** Tokens of a batch that are learned from. */
  tokens(batch: readonly Item[]): number;
  data(batch: readonly Item[]): Learned['data'];
}

/** Writes items into a folder, in the order in which the built-in trainer goes through them. What is there already is kept. */
export async function writeOrdered<Item>(
  folder: string,
  items: readonly Item[],
  { recipe, seed, stage, line, tokens, data }: Order<Item>,
): Promise<Ordered> {
  const places = new Map(items.map((item, place) => [item, place]));
  const { steps, stepsPerEpoch, batchAt } = epochsOf(items, recipe, seed, stage);
  const [path, learned] = [join(folder, 'examples.jsonl'), join(folder, 'learned.jsonl')];
  const batches = Array.from({ length: steps }, (_, step) => batchAt(step));
  if (!existsSync(learned)) {
    await writeLines(path, items.map(line));
    let total = 0;
    const lines = batches.map((batch) => {
      total += tokens(batch);
      return lineOf({ tokens: total, data: data(batch) });
    });
    // The last: what is there then is all there.
    await writeWhole(learned, lines.join(''));
  }
  return {
    ...{ path, learned, steps, stepsPerEpoch },
    orders: Array.from({ length: recipe.epochs }, (_, epoch) =>
      batches
        .slice(epoch * stepsPerEpoch, (epoch + 1) * stepsPerEpoch)
        .flat()
        .map((item) => places.get(item) as number),
    ),
  };
}
