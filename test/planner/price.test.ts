import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parameterCount } from '../../planner/architecture.ts';
import { causalPairs, forwardFlops, trainingFlops, wholeSequences } from '../../planner/flops.ts';
import { nothing, type Price, type Priceable, partLeft, priceOf, sumOfPrices } from '../../planner/price.ts';
import { timeOn } from '../../planner/speed.ts';
import type { Architecture } from '../../schemas/types/job.ts';
import { fixture, lineage, nodeAt, planOf, planOfText } from './plans.ts';

const all = ({ flops }: Price) => flops.training + flops.inference;

/** Small enough to count by hand. */
const tiny: Architecture = {
  layers: 1,
  hidden: 4,
  heads: 2,
  kvHeads: 1,
  ffn: 8,
  vocab: 10,
  context: 3,
  ropeTheta: 10_000,
  normEpsilon: 1e-5,
};

test('a model small enough to count by hand', () => {
  // Query and output 4x4 each, key and value 4x2 each, three of 4x8: 144 weights. Output matrix 4x10.
  const pass = wholeSequences(10, 3);
  assert.deepEqual(pass, { read: 30, pairs: 90, predicted: 30 });
  const [layers, attention, output] = [2 * 144 * 30, 2 * 4 * 90 + 2 * 4 * 90, 2 * 40 * 30];
  assert.equal(forwardFlops(tiny, pass), layers + attention + output);
  assert.equal(trainingFlops(tiny, pass), 3 * (layers + attention + output));
  assert.equal(forwardFlops(tiny, pass, 1), layers + attention + 2 * 4 * 30, 'a critic');
  const cpt = { type: 'cpt', recipe: { steps: 5, batchSequences: 2 }, architecture: tiny } as unknown as Priceable;
  assert.deepEqual(priceOf(cpt), {
    steps: 5,
    updates: 5,
    tokens: { trained: 30, generated: 0, scored: 0 },
    flops: { training: 37_440, inference: 0 },
    // 144 weights, 12 gains, 40 in the embedding and 40 in the output matrix; three checkpoints of three numbers each.
    bytes: { published: 4 * 236, checkpoints: 3 * 3 * 4 * 236 },
    exact: true,
  });
});

test('attention multiplies whole what is short, and in blocks what is long', () => {
  assert.equal(causalPairs(0), 0);
  assert.equal(causalPairs(128), 128 ** 2);
  assert.equal(causalPairs(300), 128 * 128 + 128 * 256 + 44 * 300);
  assert.equal(causalPairs(2048), (36 / 64) * 2048 ** 2);
  assert.equal(
    causalPairs(2050),
    [257, 257, 257, 257, 257, 257, 257, 251].reduce(
      ({ end, pairs }, block) => ({ end: end + block, pairs: pairs + block * (end + block) }),
      { end: 0, pairs: 0 },
    ).pairs,
  );
});

describe('the models of EvoLM (arXiv 2506.16029), at full size', async () => {
  const plan = await planOfText(`lineage: evolm
models:
  m05: {layers: 20, hidden: 1536, heads: 32, kvHeads: 4, ffn: 3216, context: 2048}
  m1: {layers: 22, hidden: 2048, heads: 32, kvHeads: 4, ffn: 4896, context: 2048}
  m4: {layers: 28, hidden: 4096, heads: 32, kvHeads: 4, ffn: 7792, context: 2048}
tokenizers: {llama: {bpe: {vocab: 32000, data: [web]}}}
data: {web: {generator: stories}}
stages: {base: {pretrain: {model: "{size}", data: web, tokens: 20BT, batch: 1048576}}}
axes: {size: [m05, m1, m4]}
`);
  // Of the H100's data sheet: dense bfloat16.
  const h100 = { kind: 'stated', peak: 989e12, utilisation: 0.4 } as const;
  for (const { size, parameters, multiplied, share, hours } of [
    { size: 'm05', parameters: 500_921_856, multiplied: 451_706_880, share: 0.1567, hours: 44.06 },
    { size: 'm1', parameters: 1_000_564_736, multiplied: 934_936_576, share: 0.111, hours: 87.5 },
    { size: 'm4', parameters: 4_000_288_768, multiplied: 3_868_983_296, share: 0.0683, hours: 348.3 },
  ]) {
    test(`${size}: 6ND and attention`, () => {
      const node = nodeAt(plan, `base@size=${size}`);
      const price = priceOf(node);
      const shape = node.architecture as Architecture;
      const tokens = price.tokens.trained;
      assert.equal(parameterCount(shape), parameters);
      assert.equal(multiplied, parameters - 32_000 * shape.hidden - (2 * shape.layers + 1) * shape.hidden);
      assert.ok(Math.abs(tokens / 20e9 - 1) < 1e-4 && price.steps === tokens / 1_048_576);
      // Eight blocks of queries, each against the keys up to its end: 36 of 64.
      const attention = (36 / 64) * 12 * shape.layers * shape.hidden * shape.context * tokens;
      near(price.flops.training, 6 * multiplied * tokens + attention, 1e-12);
      near(attention / (6 * multiplied * tokens), share, 2e-3);
      near(timeOn(node, h100)?.seconds / 3600, hours, 1e-3);
      assert.equal(price.bytes.published, 4 * parameters);
    });
  }

  test('6ND with all parameters, as the paper counts, is less by the attention and more by the embeddings', () => {
    const price = priceOf(nodeAt(plan, 'base@size=m1'));
    near(price.flops.training / (6 * 1_000_564_736 * price.tokens.trained), 1.038, 1e-3);
  });
});

describe('what depends on texts that nobody has tokenized is an upper bound', async () => {
  const plan = await planOfText(
    lineage({
      tuned: '{from: mid, data: math/problems, examples: 100, epochs: 3, batch: 32}',
      rl: '{from: tuned, data: math/problems, examples: 100, epochs: 2, batch: 40, miniBatch: 16, innerEpochs: 3, maxResponse: 24}',
      evaluate: '{each: [rl], suites: [heldout, id], problems: 7, samples: 4, maxResponse: 16, heldoutTokens: 1000}',
    }),
  );
  const shape = nodeAt(plan, 'rl').architecture as Architecture;
  const bound = (count: number, predicted: number) => ({ ...wholeSequences(count, 63), predicted });

  test('of fine-tuning: examples as long as the context', () => {
    const { steps, updates, tokens, flops, exact } = priceOf(nodeAt(plan, 'tuned'));
    assert.deepEqual([steps, updates, tokens.trained, exact], [12, 12, 300 * 64, false]);
    assert.equal(flops.training, trainingFlops(shape, wholeSequences(300, 64)));
  });

  test('of reinforcement learning: prompts and responses that fill it together', () => {
    const { steps, updates, tokens, flops, exact } = priceOf(nodeAt(plan, 'rl'));
    // Two rounds of 40 an epoch, 20 problems left out; three passes of three mini-batches each.
    assert.deepEqual([steps, updates, exact], [4, 36, false]);
    assert.deepEqual(tokens, { trained: 3 * 160 * 24, generated: 160 * 24, scored: 0 });
    const pass = bound(160, 160 * 24);
    assert.equal(flops.training, 3 * (trainingFlops(shape, pass) + trainingFlops(shape, pass, 1)));
    assert.equal(flops.inference, 2 * forwardFlops(shape, pass) + forwardFlops(shape, pass, 1), 'klCoef is not 0');
  });

  test('of groups: so many responses to each prompt, without a critic', async () => {
    const grouped = '{from: tuned, data: math/problems, algorithm: rloo, examples: 100, batch: 40, maxResponse: 24';
    const [price, one] = await Promise.all(
      [`${grouped}, responses: 4}`, `${grouped}, responses: 2}`].map(async (rl) =>
        priceOf(nodeAt(await planOfText(lineage({ rl })), 'rl')),
      ),
    );
    const pass = bound(320, 320 * 24);
    assert.deepEqual([price?.steps, price?.updates, price?.tokens.generated], [2, 2, 320 * 24]);
    assert.deepEqual(price?.flops, { training: trainingFlops(shape, pass), inference: forwardFlops(shape, pass) });
    assert.equal(price?.flops.training, 2 * (one?.flops.training ?? 0));
    assert.equal(price?.bytes.checkpoints, 3 * 3 * (price?.bytes.published ?? 0), 'weights and moments, and no critic');
  });

  test('of answers; held-out text is cut into rows, and known', () => {
    const answers = priceOf(nodeAt(plan, 'rl/id'));
    assert.deepEqual([answers.tokens.generated, answers.exact], [7 * 5 * 16, false]);
    assert.deepEqual(answers.flops, { training: 0, inference: forwardFlops(shape, bound(35, 35 * 16)) });
    const { tokens, flops, exact, bytes } = priceOf(nodeAt(plan, 'rl/heldout'));
    assert.deepEqual([tokens.scored, exact, bytes], [2000, true, nothing.bytes]);
    const pairs = 2 * (15 * 64 ** 2 + 40 ** 2);
    assert.equal(flops.inference, forwardFlops(shape, { read: 2000, pairs, predicted: 2000 }));
  });

  test('more of anything costs more', () => {
    const { type, recipe } = nodeAt(plan, 'rl');
    assert.ok(type === 'rl');
    fc.assert(
      fc.property(
        fc.constantFrom('examples', 'epochs', 'innerEpochs', 'maxResponse', 'miniBatch'),
        fc.integer({ min: 1, max: 62 }),
        (field, value) => {
          const [less, more] = [value, value + 1].map((each) =>
            priceOf({ type, recipe: { ...recipe, [field]: each }, architecture: shape }),
          ) as [Price, Price];
          if (field === 'miniBatch') assert.ok(more.updates <= less.updates);
          else {
            assert.ok(all(more) >= all(less) && more.updates >= less.updates);
            assert.ok(more.tokens.generated >= less.tokens.generated && more.steps >= less.steps);
          }
        },
      ),
      { seed: 1 },
    );
  });
});

describe('every node of a plan', async () => {
  const plans = await Promise.all(
    ['minimal.yaml', 'replay.yaml', 'everything.yaml'].map((name) => planOf(fixture(name))),
  );
  const nodes = plans.flatMap((plan) => plan.nodes);
  const finite = (price: Price) =>
    [
      price.steps,
      price.updates,
      ...Object.values(price.tokens),
      ...Object.values(price.flops),
      ...Object.values(price.bytes),
    ].every((figure) => figure >= 0 && Number.isFinite(figure));

  test('has a price: whoever trains or is evaluated pays, and only models are published', () => {
    for (const node of nodes) {
      const price = priceOf(node);
      const free = ['data', 'tokenizer', 'overlap'].includes(node.type);
      assert.ok(finite(price), node.address);
      assert.equal(all(price) === 0, free, node.address);
      assert.equal(price.bytes.published > 0, !free && node.type !== 'evaluate', node.address);
      if (node.type !== 'pretrain' && node.type !== 'cpt') continue;
      assert.deepEqual([price.tokens.trained, price.steps], [node.settings.tokens, node.settings.steps]);
      assert.ok(price.exact);
    }
  });

  test('adds up: the price of two lists is that of the one list', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(nodes), fc.nat(), (some, cut) => {
        const at = cut % (some.length + 1);
        const [left, right] = [some.slice(0, at), some.slice(at)].map((part) => sumOfPrices(part.map(priceOf)));
        const whole = sumOfPrices(some.map(priceOf));
        const sum = sumOfPrices([left as Price, right as Price]);
        near(sum.flops.training, whole.flops.training, 1e-12);
        near(sum.flops.inference, whole.flops.inference, 1e-12);
        assert.deepEqual({ ...sum, flops: nothing.flops }, { ...whole, flops: nothing.flops });
        assert.equal(
          whole.exact,
          some.every((node) => priceOf(node).exact),
        );
      }),
      { seed: 2, numRuns: 100 },
    );
    assert.deepEqual(sumOfPrices([]), nothing);
  });

  test('pays for the steps that are left', () => {
    for (const node of nodes) {
      const { steps } = priceOf(node);
      assert.equal(partLeft(node, 0), 1);
      if (steps === 0) assert.equal(partLeft(node, 3), 1, 'an evaluation begins anew');
      else {
        assert.equal(partLeft(node, steps), 0);
        assert.equal(partLeft(node, steps + 1), 0);
        near(partLeft(node, steps / 4), 0.75, 1e-12);
      }
    }
  });
});

function near(actual: number, expected: number, relative: number): void {
  assert.ok(Math.abs(actual - expected) <= relative * Math.abs(expected), `${actual} is not ${expected}`);
}
