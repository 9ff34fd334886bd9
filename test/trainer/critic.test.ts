import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Tensor2D } from '@tensorflow/tfjs-node';
import type { Architecture } from '../../schemas/types/job.ts';
import { createCritic, valuesOf } from '../../trainer/critic.ts';
import { initialise } from '../../trainer/init.ts';
import { hiddenStates } from '../../trainer/model.ts';
import { tf } from '../../trainer/tf.ts';

const architecture: Architecture = {
  layers: 1,
  hidden: 8,
  heads: 2,
  kvHeads: 1,
  ffn: 16,
  vocab: 11,
  context: 16,
  ropeTheta: 10_000,
  normEpsilon: 1e-5,
};

describe('a new critic', () => {
  it('has the body of its parent, a head of Hugging Face’s name and shape, and no output matrix', () => {
    const parent = initialise(architecture, 1);
    const critic = createCritic(architecture, parent);
    const body = Object.keys(parent).filter((name) => name !== 'lm_head.weight');
    assert.deepEqual(Object.keys(critic), [...body, 'score.weight', 'score.bias']);
    assert.deepEqual(critic['score.weight']?.shape, [1, architecture.hidden]);
    assert.deepEqual(critic['score.bias']?.shape, [1]);
    for (const name of body) assert.deepEqual(critic[name]?.dataSync(), parent[name]?.dataSync(), name);
  });

  it('values every state at 0', () => {
    const critic = createCritic(architecture, initialise(architecture, 1));
    const hidden = hiddenStates(architecture, critic, tf.tensor2d([[1, 2, 3]], [1, 3], 'int32'));
    const values = valuesOf(critic, hidden.reshape([3, 8]) as Tensor2D);
    assert.deepEqual([...values.dataSync()], [0, 0, 0]);
  });

  it('shares no weight with its parent: training one leaves the other as it was', () => {
    const parent = initialise(architecture, 1);
    const critic = createCritic(architecture, parent);
    const name = 'model.norm.weight';
    critic[name]?.assign(tf.fill([8], 3));
    assert.deepEqual([...(parent[name]?.dataSync() ?? [])], Array(8).fill(1));
    parent[name]?.assign(tf.fill([8], 5));
    assert.deepEqual([...(critic[name]?.dataSync() ?? [])], Array(8).fill(3));
  });

  it('gives each state the product with its head, and the bias', () => {
    const critic = createCritic(architecture, initialise(architecture, 1));
    critic['score.weight']?.assign(tf.tensor2d([[1, 0, -1, 0, 2, 0, 0, 0]]));
    critic['score.bias']?.assign(tf.tensor1d([0.5]));
    const states = tf.tensor2d([
      [1, 9, 1, 9, 1, 9, 9, 9],
      [0, 1, 2, 3, 4, 5, 6, 7],
    ]);
    assert.deepEqual([...valuesOf(critic, states).dataSync()], [2.5, 6.5]);
  });
});
