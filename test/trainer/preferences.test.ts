/**
 * DPO and reward models against PyTorch in float64, from scripts/fixtures/preferences.py: losses, figures and gradients of pairs,
 * and the scores of LlamaForSequenceClassification.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Tensor } from '@tensorflow/tfjs-node';
import { type AdamWOptions, adamw, type Gradients, type Trainable } from '../../trainer/adamw.ts';
import type { Pair } from '../../trainer/data/preferences.ts';
import { type DpoLoss, dpoSteps, judged, type MeasuredPair, pairMeasure } from '../../trainer/dpo.ts';
import { heldoutFacts } from '../../trainer/pairwise.ts';
import { disposeParameters, loadModel, loadRewardModel, type Parameters } from '../../trainer/parameters.ts';
import { rewardSteps, scorer } from '../../trainer/reward.ts';
import { readSafetensors } from '../../trainer/safetensors.ts';
import { tf } from '../../trainer/tf.ts';
import { close } from './support.ts';

const reference = fileURLToPath(new URL('../../../test/trainer/reference/', import.meta.url));

/** What expected.json says. */
interface Expected {
  pairs: { prompt: number[]; chosen: number[]; rejected: number[] }[];
  reference: { chosen: number; rejected: number }[];
  dpo: Case<DpoLoss>[];
  reward: Case<{ centerCoef: number }>[];
  texts: number[][];
  scores: number[];
}

interface Case<Options> {
  name: string;
  options: Options;
  figures: Record<string, number>;
}

/** Largest difference: of a figure, as a share of it or of 1, and of a gradient as a share of its largest number. */
const tolerance = 1e-5;
const gradientTolerance = 2e-5;

const expected: Expected = JSON.parse(readFileSync(join(reference, 'preferences', 'expected.json'), 'utf8'));
const pairs: Pair[] = expected.pairs.map(({ prompt, chosen, rejected }, i) => ({
  id: String(i),
  chosen: { prompt, response: chosen },
  rejected: { prompt, response: rejected },
}));
const { tensors: gradients } = await readSafetensors(join(reference, 'preferences', 'expected.safetensors'));

/** Pairs with what the reference model is to have said of them. */
function withReference(loss: DpoLoss['loss']): MeasuredPair[] {
  return pairs.map((pair, i) => {
    const { chosen, rejected } = expected.reference[i] as Expected['reference'][number];
    const lengths = loss === 'ipo' ? [pair.chosen.response.length, pair.rejected.response.length] : [1, 1];
    return {
      ...pair,
      reference: { chosen: chosen / (lengths[0] as number), rejected: rejected / (lengths[1] as number) },
    };
  });
}

/** A trainable that stays as it is and keeps the gradients of its latest update. */
function probe(parameters: Parameters): { model: Trainable; gradients(): Record<string, Float32Array> } {
  const kept = Object.fromEntries(
    Object.entries(parameters).map(([name, parameter]) => [name, tf.variable(tf.zerosLike(parameter as Tensor))]),
  );
  const apply = (given: Gradients) => {
    for (const [name, gradient] of Object.entries(given)) kept[name]?.assign(gradient);
    return tf.scalar(0);
  };
  return {
    model: { ...adamw(parameters, plain), parameters, apply },
    gradients: () =>
      Object.fromEntries(Object.entries(kept).map(([name, variable]) => [name, variable.dataSync() as Float32Array])),
  };
}

const plain: AdamWOptions = { betas: [0.9, 0.999], weightDecay: 0, clip: 0 };

/** Asserts figures and gradients of a case, of all pairs in one pass and of one or two in each. */
function assertCase<Options>(
  { name, figures }: Case<Options>,
  parameters: Parameters,
  stepOf: (model: Trainable, atOnce: number) => Record<string, number>,
): void {
  for (const atOnce of [16_384, 64]) {
    const { model, gradients: seen } = probe(parameters);
    const found = stepOf(model, atOnce);
    for (const [figure, wanted] of Object.entries(figures))
      assert.ok(
        Math.abs((found[figure] as number) - wanted) <= tolerance * Math.max(1, Math.abs(wanted)),
        `${name}, ${figure}: ${found[figure]}, expected ${wanted}`,
      );
    for (const [parameter, gradient] of Object.entries(seen())) {
      const wanted = gradients[`${name}.${parameter}`]?.values as Float32Array;
      close(gradient, wanted, gradientTolerance, `${name}, ${parameter}, ${atOnce} at once`);
    }
  }
}

describe('DPO and PyTorch', () => {
  for (const each of expected.dpo) {
    it(`agree on loss, rewards and every gradient: ${each.name}`, async () => {
      const { architecture, parameters } = await loadModel(join(reference, 'gqa'));
      const batch = withReference(each.options.loss);
      assertCase(each, parameters, (model, atOnce) =>
        dpoSteps(architecture, model, each.options, { atOnce })(batch, 1e-3),
      );
      disposeParameters(parameters);
    });
  }

  it('agree on what is measured and judged without gradients', async () => {
    const { architecture, parameters } = await loadModel(join(reference, 'gqa'));
    for (const { options, figures } of expected.dpo) {
      if (options.nllCoef > 0) continue;
      const measure = pairMeasure(architecture, parameters, options, { atOnce: 64 });
      const facts = heldoutFacts(judged(withReference(options.loss), [...measure(pairs)].flat(), options));
      close([facts.heldoutLoss as number], [figures.loss as number], tolerance);
      close([facts.heldoutMargin as number], [figures.margin as number], tolerance);
      assert.equal(facts.heldoutAccuracy, figures.accuracy);
    }
    disposeParameters(parameters);
  });
});

describe('reward models and PyTorch', () => {
  for (const each of expected.reward) {
    it(`agree on loss, scores and every gradient: ${each.name}`, async () => {
      const { architecture, parameters } = await loadRewardModel(join(reference, 'preferences'));
      assertCase(each, parameters, (model, atOnce) =>
        rewardSteps(architecture, model, each.options, { atOnce })(pairs, 1e-3),
      );
      disposeParameters(parameters);
    });
  }

  it('give texts the scores of LlamaForSequenceClassification, whatever stands beside them', async () => {
    const { architecture, parameters, padding } = await loadRewardModel(join(reference, 'preferences'));
    assert.equal(padding, 1);
    for (const atOnce of [8_192, 32])
      close(scorer(architecture, parameters, padding, atOnce)(expected.texts), expected.scores, tolerance);
    const backwards = scorer(architecture, parameters, padding)(expected.texts.toReversed());
    close(backwards.toReversed(), expected.scores, tolerance);
    disposeParameters(parameters);
  });
});
