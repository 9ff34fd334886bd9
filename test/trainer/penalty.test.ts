/** The repetition penalty against transformers' own, and in whole responses; stop strings. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { penalised, penaltyOf } from '../../trainer/decode/penalty.ts';
import { createGenerator, type GenerateOptions, generate } from '../../trainer/generate.ts';
import { initialise } from '../../trainer/init.ts';
import { hiddenStates, logits } from '../../trainer/model.ts';
import { random } from '../../trainer/random.ts';
import { beforeStop, stopper } from '../../trainer/stops.ts';
import { tf } from '../../trainer/tf.ts';
import { loadTokenizer } from '../../trainer/tokenizer/load.ts';
import { close, temporaryFolder, tiny, writeByteTokenizer } from './support.ts';

interface Case {
  penalty: number;
  ids: number[][];
  scores: number[][];
  penalised: number[][];
}

describe('the repetition penalty', () => {
  it('is what transformers makes of the same scores', () => {
    const path = new URL('../../../test/trainer/reference/penalty.json', import.meta.url);
    const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: Case[] };
    assert.equal(cases.length, 3);
    for (const { penalty, ids, scores, penalised: expected } of cases) {
      // Prompts are the first two ids, and the third was written.
      const sequences = ids.map((all) => ({ prompt: all.slice(0, 2), tokens: all.slice(2) }));
      const found = tf.tidy(() => {
        const columns = tf.transpose(tf.tensor2d(scores));
        return tf
          .transpose(penalised(columns, penaltyOf(sequences, columns.shape[0] as number, penalty)))
          .arraySync() as number[][];
      });
      for (const [i, row] of found.entries()) close(row, expected[i] as number[], 1e-6, `penalty ${penalty}`);
    }
  });

  const architecture = { ...tiny, vocab: 23 };
  const parameters = initialise(architecture, 1);
  tf.tidy(() => {
    for (const name of ['model.embed_tokens.weight', 'lm_head.weight'])
      parameters[name]?.assign(tf.mul(parameters[name], 4));
  });
  const model = createGenerator(architecture, parameters, [0]);
  const { integer } = random(1, 'prompts');
  const prompts = Array.from({ length: 7 }, (_, i) =>
    Array.from({ length: 1 + ((i * 5) % 11) }, () => 1 + integer(22)),
  );
  const greedy: GenerateOptions = { maxTokens: 12, temperature: 0, seed: 1, purpose: ['test'] };

  /** ln p of the token after a sequence, by a whole forward pass, with the penalty of all that is in it. */
  function logProbsAfter(tokens: number[], penalty: number, temperature: number): number[] {
    const scores = tf
      .tidy(
        () =>
          (
            logits(
              parameters,
              hiddenStates(architecture, parameters, tf.tensor2d([tokens], undefined, 'int32')),
            ).arraySync() as number[][][]
          )[0]?.at(-1) as number[],
      )
      .map((score, token) => {
        const given = tokens.includes(token) ? (score > 0 ? score / penalty : score * penalty) : score;
        return given / temperature;
      });
    const highest = Math.max(...scores);
    const total = scores.reduce((sum, score) => sum + Math.exp(score - highest), 0);
    return scores.map((score) => score - highest - Math.log(total));
  }

  for (const [repetitionPenalty, temperature] of [
    [1.1, 0],
    [1.8, 0],
    [1.3, 1.3],
  ] as const) {
    it(`of ${repetitionPenalty} is of prompt and response, before the temperature of ${temperature}`, async () => {
      const responses = await generate(model, prompts, { ...greedy, temperature, repetitionPenalty, batch: 3 });
      for (const [i, { tokens, logProbs }] of responses.entries()) {
        const { uniform } = random(1, 'test', i);
        const expected = tokens.map((token, at) => {
          const before = [...(prompts[i] as number[]), ...tokens.slice(0, at)];
          const all = logProbsAfter(before, repetitionPenalty, temperature || 1);
          let [sum, drawn] = [0, temperature === 0 ? all.indexOf(Math.max(...all)) : -1];
          const draw = temperature === 0 ? 0 : uniform();
          for (const [candidate, logProb] of all.entries()) {
            sum += Math.exp(logProb);
            if (drawn < 0 && draw < sum) drawn = candidate;
          }
          assert.equal(token, drawn);
          return all[token] as number;
        });
        close(logProbs, expected, 1e-4, 'log-probabilities');
      }
    });
  }

  it('of 1 is none: the same to the last bit', async () => {
    const plain = await generate(model, prompts, greedy);
    assert.deepEqual(await generate(model, prompts, { ...greedy, repetitionPenalty: 1 }), plain);
    assert.notDeepEqual(await generate(model, prompts, { ...greedy, repetitionPenalty: 1.8 }), plain);
  });
});

describe('stop strings', () => {
  it('end a response at the token that completes the first of them, and are no part of its text', async (t) => {
    const tokenizer = await loadTokenizer(writeByteTokenizer(temporaryFolder(t)));
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 30 }),
        fc.uniqueArray(fc.constantFrom('Human', 'Assistant:', 'äß', '\n\n', 'x'), { minLength: 1, maxLength: 3 }),
        fc.nat(),
        (text, stops, at) => {
          const place = at % (text.length + 1);
          const whole = Buffer.from(`${text.slice(0, place)}${stops[0]}${text.slice(place)}`).toString();
          const tokens = tokenizer.encode(whole);
          const stopsNow = stopper(tokenizer, stops);
          const end = tokens.findIndex((_, index) => stopsNow(tokens.slice(0, index + 1)));
          assert.ok(end >= 0);
          const written = tokenizer.decode(tokens.slice(0, end + 1));
          assert.ok(stops.some((stop) => written.endsWith(stop)));
          const left = beforeStop(written, stops);
          assert.equal(left, beforeStop(whole, stops));
          assert.ok(stops.every((stop) => !left.includes(stop)));
        },
      ),
      { seed: 41, numRuns: 200 },
    );
  });
});
