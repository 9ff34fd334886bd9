/** The order in which a stage goes through what it learns from. */
import { random } from './random.ts';

/** The steps of all epochs, and what each learns from. */
export interface Epochs<Item> {
  steps: number;
  stepsPerEpoch: number;
  /** Of the step of that index, from 0. */
  batchAt(step: number): Item[];
}

/**
 * Every epoch goes through all items once, in an order that seed, stage and epoch draw; its last batch may be smaller. The
 * batch of a step follows from its index alone, whichever was asked for before.
 */
export function epochsOf<Item>(
  items: readonly Item[],
  { batch, epochs }: { batch: number; epochs: number },
  seed: number,
  stage: string,
): Epochs<Item> {
  const stepsPerEpoch = Math.ceil(items.length / batch);
  let latest: { epoch: number; order: Item[] } | undefined;
  return {
    steps: stepsPerEpoch * epochs,
    stepsPerEpoch,
    batchAt(step) {
      const epoch = Math.floor(step / stepsPerEpoch);
      if (latest?.epoch !== epoch) latest = { epoch, order: random(seed, stage, 'order', epoch).shuffle(items) };
      const start = (step % stepsPerEpoch) * batch;
      return latest.order.slice(start, start + batch);
    },
  };
}
