/**
 * The keys and values of the tokens that were read, in memory that is written to in place.
 *
 * Each sequence has a slot with room for `capacity` tokens, so that a token more changes no shape. What a slot holds after
 * its last token is anything, and is not looked at.
 */
import type { Tensor } from '@tensorflow/tfjs-node';
import type { Architecture } from '../../schemas/types/job.ts';
import { gather } from '../kernels.ts';
import { tf } from '../tf.ts';
import { fill, room } from './device.ts';
import type { KeysAndValues } from './operators.ts';

export interface Cache {
  /** Tokens that a slot has room for. */
  readonly capacity: number;
  readonly layers: readonly KeysAndValues[];
  /** Makes room for so many tokens a slot. */
  grow(capacity: number): void;
  /** Puts what prompts gave into slots, from the first token on; the capacity must do for them. */
  write(slots: readonly number[], layers: readonly KeysAndValues[]): void;
  /** Keeps some slots alone, in this order. */
  keep(slots: readonly number[]): void;
  dispose(): void;
}

/** A cache whose slots are empty. */
export function createCache(architecture: Architecture, slots: number, capacity: number): Cache {
  const { layers: count, hidden, heads, kvHeads } = architecture;
  const roomy = (slots: number, capacity: number) => room([kvHeads, slots, capacity, hidden / heads]);
  const empty = () => tf.keep(tf.tidy(() => roomy(slots, capacity)));
  let layers: KeysAndValues[] = Array.from({ length: count }, () => ({ keys: empty(), values: empty() }));
  const shape = () => layers[0]?.keys.shape as [number, number, number, number];
  const replace = (make: (before: Tensor) => Tensor) => {
    const replaced = (before: Tensor) => {
      const made = tf.keep(tf.tidy(() => make(before)));
      before.dispose();
      return made;
    };
    layers = layers.map(({ keys, values }) => ({ keys: replaced(keys), values: replaced(values) }));
  };
  return {
    get capacity() {
      return shape()[2];
    },
    get layers() {
      return layers;
    },
    grow(wanted) {
      const [, slots, capacity] = shape();
      if (wanted <= capacity) return;
      replace((before) => {
        const larger = roomy(slots, wanted);
        fill(larger, tf.range(0, slots, 1, 'int32'), before);
        return larger;
      });
    },
    write(slots, given) {
      tf.tidy(() => {
        const indices = tf.tensor1d([...slots], 'int32');
        for (const [index, { keys, values }] of layers.entries()) {
          const latest = given[index] as KeysAndValues;
          fill(keys, indices, latest.keys);
          fill(values, indices, latest.values);
        }
      });
    },
    keep(slots) {
      replace((before) => gather(before, tf.tensor1d([...slots], 'int32'), 1));
    },
    dispose() {
      for (const { keys, values } of layers) tf.dispose([keys, values]);
    },
  };
}

/**
 * The next of 1, 2, 3, 4, 6, 8, 12, ..., and never less than `least`: counts are rounded up so that few shapes occur, each of
 * which has a graph.
 */
export function roundedUp(count: number, least = 1): number {
  if (count <= least) return least;
  const power = 2 ** Math.ceil(Math.log2(count));
  return power > 2 && count <= (power * 3) / 4 ? (power * 3) / 4 : power;
}
