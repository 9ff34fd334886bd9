import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Passes } from '../../trainer/decode/passes.ts';
import { createGenerator, type Generated, type GenerateOptions, generate } from '../../trainer/generate.ts';
import { initialise } from '../../trainer/init.ts';
import { hiddenStates, logits } from '../../trainer/model.ts';
import { random } from '../../trainer/random.ts';
import { tf } from '../../trainer/tf.ts';
import { close, tiny } from './support.ts';

const architecture = { ...tiny, vocab: 23 };
const eos = 0;
const parameters = initialise(architecture, 1);
// Sharper than at the start, and the end token likely enough to come now and then.
tf.tidy(() => {
  for (const name of ['model.embed_tokens.weight', 'lm_head.weight'])
    parameters[name]?.assign(tf.mul(parameters[name], 4));
});
const model = createGenerator(architecture, parameters, [eos]);
const { integer } = random(1, 'prompts');
const prompts = Array.from({ length: 9 }, (_, i) => Array.from({ length: 1 + ((i * 5) % 11) }, () => 1 + integer(22)));
const greedy: GenerateOptions = { maxTokens: 12, temperature: 0, seed: 1, purpose: ['test'] };
const sampled = { ...greedy, temperature: 1.3 };

/** Scores after each token of a sequence, [length][vocab], by one whole forward pass without cache or padding. */
function scoresOf(tokens: number[]): number[][] {
  return tf.tidy(
    () =>
      (
        logits(
          parameters,
          hiddenStates(architecture, parameters, tf.tensor2d([tokens], undefined, 'int32')),
        ).arraySync() as number[][][]
      )[0],
  ) as number[][];
}

function softmaxLog(scores: number[], temperature: number): number[] {
  const scaled = scores.map((score) => score / temperature);
  const highest = Math.max(...scaled);
  const total = scaled.reduce((sum, score) => sum + Math.exp(score - highest), 0);
  return scaled.map((score) => score - highest - Math.log(total));
}

/** Checks a response against whole forward passes: each token is what `choose` takes of the scores. */
function verify(
  prompt: number[],
  response: Generated,
  temperature: number,
  choose: (logProbs: number[]) => number,
): void {
  const scores = scoresOf([...prompt, ...response.tokens]);
  const expected = response.tokens.map((token, index) => {
    const logProbs = softmaxLog(scores[prompt.length + index - 1] as number[], temperature);
    assert.equal(token, choose(logProbs));
    return logProbs[token] as number;
  });
  close(response.logProbs, expected, 1e-4, 'log-probabilities');
}

describe('generation', () => {
  it('is greedy at temperature 0: each token is the likeliest of a whole forward pass', async () => {
    const responses = await generate(model, prompts, greedy);
    for (const [i, response] of responses.entries()) {
      verify(prompts[i] as number[], response, 1, (logProbs) => logProbs.indexOf(Math.max(...logProbs)));
    }
  });

  it('draws from the nucleus: the fewest likeliest tokens that have the probability together', async () => {
    for (const topP of [0.05, 0.6, 0.95]) {
      const responses = await generate(model, prompts, { ...sampled, topP });
      for (const [i, response] of responses.entries()) {
        const { uniform } = random(1, 'test', i);
        verify(prompts[i] as number[], response, 1.3, (logProbs) => {
          const ranked = logProbs.map((logProb, token) => ({ token, share: Math.exp(logProb) }));
          ranked.sort((a, b) => b.share - a.share);
          let [mass, size] = [0, 0];
          while (mass < topP) mass += (ranked[size++] as { share: number }).share;
          const draw = uniform() * mass;
          let sum = 0;
          const found = ranked.slice(0, size).find(({ share }) => {
            sum += share;
            return sum > draw;
          });
          return found?.token ?? -1;
        });
      }
    }
  });

  it('draws by inverse CDF with one draw a token, named by the prompt', async () => {
    const responses = await generate(model, prompts, sampled);
    for (const [i, response] of responses.entries()) {
      const { uniform } = random(1, 'test', i);
      verify(prompts[i] as number[], response, 1.3, (logProbs) => {
        const draw = uniform();
        let sum = 0;
        return logProbs.findIndex((logProb) => {
          sum += Math.exp(logProb);
          return sum > draw;
        });
      });
    }
  });

  it('ends with the end token or at the longest length', async () => {
    const responses = await generate(model, prompts, sampled);
    for (const { tokens, ended } of responses) {
      assert.equal(ended, tokens.at(-1) === eos);
      assert.equal(tokens.indexOf(eos), ended ? tokens.length - 1 : -1);
      assert.ok(ended || tokens.length === 12);
    }
    assert.ok(
      responses.some(({ ended }) => ended) && responses.some(({ ended }) => !ended),
      'both kinds are needed to see it',
    );
  });

  it('does not depend on what else is in the batch, how large it is, or in which order', async () => {
    const together = await generate(model, prompts, sampled);
    const inTwos = await generate(model, prompts, { ...sampled, batch: 2 });
    const names = prompts.map((_, i) => i).reverse();
    const backwards = (await generate(model, [...prompts].reverse(), { ...sampled, draws: names })).reverse();
    for (const other of [inTwos, backwards]) {
      assert.deepEqual(
        other.map(({ tokens }) => tokens),
        together.map(({ tokens }) => tokens),
      );
      for (const [i, { logProbs }] of other.entries()) close(logProbs, together[i]?.logProbs ?? [], 1e-4);
    }
  });

  it('is the same to the last bit when it is done again', async () => {
    const again = () => generate(model, prompts, { ...sampled, batch: 4 });
    assert.deepEqual(await again(), await again());
  });

  it('gives the slots of sequences that have ended to the next prompts', async () => {
    const passes = model.passes();
    let steps = 0;
    const counted: Passes = {
      ...passes,
      step(...inputs) {
        steps++;
        return passes.step(...inputs);
      },
    };
    const many = [...prompts, ...prompts, ...prompts];
    const options = { ...sampled, maxTokens: 20, batch: 4 };
    const responses = await generate({ ...model, passes: () => counted }, many, options);
    const inOrder = responses
      .map(({ tokens }, i) => ({ prompt: many[i] as number[], written: tokens.length }))
      .sort((a, b) => a.prompt.length - b.prompt.length);
    let groupByGroup = 0;
    for (let start = 0; start < inOrder.length; start += 4) {
      groupByGroup += Math.max(...inOrder.slice(start, start + 4).map(({ written }) => written)) - 1;
    }
    assert.ok(steps < 0.9 * groupByGroup, `${steps} steps, ${groupByGroup} if each four waited for their longest`);
  });

  it('follows parameters that were trained since', async () => {
    const weights = initialise(architecture, 1);
    const generator = createGenerator(architecture, weights, [eos]);
    await generate(generator, prompts, sampled);
    tf.tidy(() => {
      for (const parameter of Object.values(weights)) parameter.assign(tf.mul(parameter, 1.5));
    });
    const fresh = createGenerator(architecture, weights, [eos]);
    assert.deepEqual(await generate(generator, prompts, sampled), await generate(fresh, prompts, sampled));
  });

  it('draws anew for another seed, purpose or name', async () => {
    const tokens = async (options: Partial<GenerateOptions>) =>
      JSON.stringify((await generate(model, prompts, { ...sampled, ...options })).map((r) => r.tokens));
    const variants = [{}, { seed: 2 }, { purpose: ['other'] }, { draws: prompts.map((_, i) => i + 100) }];
    const all = await Promise.all(variants.map(tokens));
    assert.equal(new Set(all).size, variants.length);
    assert.equal(await tokens({}), all[0]);
  });

  it('keeps prompt and response inside the context', async () => {
    const long = [29, 31, 32, 40].map((length) => Array.from({ length }, () => 1 + integer(22)));
    const responses = await generate(model, long, { ...sampled, maxTokens: 12 });
    assert.ok((responses[0]?.tokens.length as number) <= 3 && (responses[0]?.tokens.length as number) > 0);
    assert.equal(responses[1]?.tokens.length, 1);
    assert.deepEqual(responses.slice(2), [
      { tokens: [], logProbs: [], ended: false },
      { tokens: [], logProbs: [], ended: false },
    ]);
    assert.deepEqual(await generate(model, [], sampled), []);
  });

  it('leaves no tensors behind', async () => {
    // The first time, some shapes are kept as constants.
    await generate(model, prompts, { ...sampled, batch: 4 });
    const before = tf.memory().numTensors;
    await generate(model, prompts, { ...sampled, batch: 4 });
    assert.equal(tf.memory().numTensors, before);
  });

  it('keeps nothing of a generator that is done with', async () => {
    const before = tf.memory().numTensors;
    const generator = createGenerator(architecture, parameters, [eos]);
    await generate(generator, prompts, sampled);
    generator.dispose();
    assert.equal(tf.memory().numTensors, before);
  });
});

describe('a model that has diverged', () => {
  it('gives no text', async () => {
    const weights = initialise(architecture, 1);
    tf.tidy(() => weights['model.norm.weight']?.assign(tf.fill([architecture.hidden], Number.NaN)));
    for (const options of [greedy, sampled]) {
      await assert.rejects(generate(createGenerator(architecture, weights, [eos]), prompts, options), {
        kind: 'diverged',
      });
    }
  });
});
