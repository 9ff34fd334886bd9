/** Fine-tuning against PyTorch (scripts/fixtures/sft.py), and as a whole, in real processes. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { NamedTensorMap } from '@tensorflow/tfjs-node';
import { graderVersion } from '../../schemas/catalogue.ts';
import type { MetricsEvent, TrainerEvent } from '../../schemas/types/event.ts';
import type { EvaluateJob, SftJob, SftRecipe } from '../../schemas/types/job.ts';
import { validateEvent } from '../../schemas/validate.ts';
import { valueAndGradients } from '../../trainer/adamw.ts';
import { type Batch, type BatchTensors, batchTensors, inParts } from '../../trainer/batch.ts';
import type { Example } from '../../trainer/example.ts';
import { capture } from '../../trainer/graph/capture.ts';
import { embeddingNoise } from '../../trainer/neftune.ts';
import { type LayoutOptions, padded } from '../../trainer/padded.ts';
import { loadModel, type Parameters } from '../../trainer/parameters.ts';
import { readSafetensors } from '../../trainer/safetensors.ts';
import { batchOf } from '../../trainer/stages/sft.ts';
import { supervisedLoss } from '../../trainer/supervised.ts';
import { tf } from '../../trainer/tf.ts';
import { bytesShape, checkpoint } from '../fixtures/checkpoint.ts';
import { close, modelDigest, runTrainer, sftJob, startTrainer } from './support.ts';

const reference = fileURLToPath(new URL('../../../test/trainer/reference/', import.meta.url));

describe('the loss of examples and its gradients are PyTorch’s', async () => {
  const expected = JSON.parse(readFileSync(join(reference, 'sft', 'expected.json'), 'utf8')) as {
    examples: Example[];
    losses: Record<'unpacked' | 'packed' | 'noisy', number>;
  };
  const { examples, losses } = expected;
  const { tensors } = await readSafetensors(join(reference, 'sft', 'expected.safetensors'));
  const { architecture, parameters } = await loadModel(join(reference, 'gqa'));
  const alone: LayoutOptions = { padding: 0, context: architecture.context };
  const together: LayoutOptions = { ...alone, context: 64, longest: 64, packing: true };

  /** Draws that make the noise of the fixture: where it is scaled as here, and alpha is the fixture's. */
  const noise = {
    alpha: 5,
    hidden: architecture.hidden,
    drawsOf: (index: number) => {
      const values = tensors[`noise.${index}`]?.values as Float32Array;
      const most = 5 / Math.sqrt(values.length);
      let at = 0;
      return { uniform: () => ((values[at++] as number) / most + 1) / 2 };
    },
  };

  for (const [what, batch, name] of [
    ['of unequal lengths, a row each', batchOf(examples, alone), 'unpacked'],
    ['packed into one row', batchOf(examples, together), 'packed'],
    ['with noise on the embeddings', batchOf(examples, alone, noise), 'noisy'],
    ['packed, with noise', batchOf(examples, together, noise), 'noisy'],
  ] as const) {
    it(`${what}, whole and in parts`, () => {
      if (name === 'packed') assert.equal(batch.sequences, 1);
      for (const parts of [[batch], inParts(batch, batch.time)]) {
        const found = lossAndGradients(parts, parameters);
        close(found.loss as Float32Array, [losses[name]], 1e-5, 'loss');
        for (const parameter of Object.keys(parameters)) {
          const wanted = tensors[`gradient.${name}.${parameter}`]?.values as Float32Array;
          close(found[parameter] as Float32Array, wanted, 1e-5, parameter);
        }
      }
    });
  }

  it('where noise is as large as NEFTune has it', () => {
    const rows = padded(examples, alone);
    const values = embeddingNoise(rows, examples, noise.hidden, noise.alpha, noise.drawsOf);
    for (const [index, first] of rows.firsts.entries()) {
      const wanted = tensors[`noise.${index}`]?.values as Float32Array;
      close(values.subarray(first * noise.hidden).subarray(0, wanted.length), wanted, 1e-6, `noise of ${index}`);
    }
  });

  /** Those of a batch that is in parts, added up. */
  function lossAndGradients(parts: readonly Batch[], parameters: Parameters): Record<string, Float32Array> {
    const differentiate = capture((tensors: BatchTensors): NamedTensorMap => {
      const lossOf = () => supervisedLoss(architecture, parameters, tensors);
      const { value, gradients } = valueAndGradients(lossOf, parameters);
      return { loss: value, ...gradients };
    });
    const sums: Record<string, Float32Array> = {};
    for (const part of parts) {
      tf.tidy(() => {
        for (const [name, tensor] of Object.entries(differentiate(batchTensors(part)))) {
          const before = sums[name];
          sums[name] = Float32Array.from(tensor.dataSync(), (value, i) => value + (before?.[i] ?? 0));
        }
      });
    }
    differentiate.dispose();
    return sums;
  }
});

describe('fine-tuning', () => {
  let root: string;
  let parent: string;
  let data: string;
  const chat =
    '{{ bos_token }}{% for m in messages %}<{{ m.role }}>{{ m.content }}{{ eos_token }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}';

  before(() => {
    root = mkdtempSync(join(tmpdir(), 'descent-sft-'));
    parent = join(root, 'parent');
    mkdirSync(parent);
    for (const [name, content] of Object.entries(checkpoint(bytesShape))) writeFileSync(join(parent, name), content);
    writeFileSync(join(parent, 'chat_template.jinja'), chat);
    data = join(root, 'data');
    mkdirSync(data);
    for (const split of ['sft', 'test']) {
      const problems = Array.from({ length: 48 }, (_, i) => {
        const prompt = `${split} ${'word '.repeat(i % 7)}${i}`;
        return JSON.stringify({ id: `${i}`, prompt, solution: `${'so '.repeat((i * i) % 13)}${i}`, answer: `${i}` });
      });
      writeFileSync(join(data, `problems-${split}.jsonl`), problems.join('\n'));
    }
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  const job = (name: string, changes: Partial<SftRecipe> = {}, from = parent): SftJob => {
    const made = sftJob(root, name, from, 48);
    const words = { name: 'words', part: 'problems', source: { prepared: 'data:words' } } as const;
    const inputs = { parent: from, data: { 'data:words': data } };
    return { ...made, recipe: { ...made.recipe, data: words, ...changes }, inputs };
  };
  const metricsOf = (events: readonly TrainerEvent[]) =>
    events.filter((event): event is MetricsEvent => event.event === 'metrics');
  const factsOf = (events: readonly TrainerEvent[]) => {
    const done = events.at(-1);
    assert.ok(done?.event === 'done');
    return done.facts as Record<string, number>;
  };
  const values = (events: readonly TrainerEvent[], name: string) =>
    metricsOf(events).map(({ values }) => values[name] as number);

  it('packed has the same steps, rates and losses, in fewer rows', async () => {
    const [apart, packed] = await Promise.all([runTrainer(job('apart')), runTrainer(job('packed', { packing: true }))]);
    assert.deepEqual(values(packed.events, 'lr'), values(apart.events, 'lr'));
    close(values(packed.events, 'loss'), values(apart.events, 'loss'), 1e-3);
    assert.deepEqual(
      metricsOf(packed.events).map(({ tokens, data }) => ({ tokens, data })),
      metricsOf(apart.events).map(({ tokens, data }) => ({ tokens, data })),
    );
    const [one, other] = [factsOf(packed.events), factsOf(apart.events)];
    assert.ok((one.rows as number) < 48 && (one.padding as number) < (one.paddingUnpacked as number));
    assert.equal(one.paddingUnpacked, other.padding);
    assert.deepEqual([one.responseTokens, one.examples], [other.responseTokens, 48]);
    assert.equal(one.responseTokensPerStep, (one.responseTokens as number) / 6);
    const rows = values(packed.events, 'rows');
    assert.ok(Math.min(...rows) < 8 && Math.max(...rows) <= 8, String(rows));
  });

  it('with all of it ends in the same bytes when it was interrupted, and asks as it was taught from then on', async () => {
    const all: Partial<SftRecipe> = { packing: true, neftune: 5, template: 'tokenizer', epochs: 4 };
    const whole = await runTrainer(job('whole', all));
    for (const event of whole.events) validateEvent(event);
    const interrupted = job('interrupted', all);
    let asked = false;
    const stopped = await startTrainer(interrupted, (event, child) => {
      if (asked || event.event !== 'metrics' || event.step < 2) return;
      asked = true;
      child.kill('SIGTERM');
    }).ended;
    assert.equal(stopped.code, 75);
    const ended = await runTrainer(interrupted);
    assert.equal(modelDigest(interrupted.output), modelDigest(join(root, 'whole')));
    assert.deepEqual(ended.events.at(-1), whole.events.at(-1));

    assert.equal(templateOf('whole'), chat);

    const { recipe, inputs } = job('');
    const evaluation: EvaluateJob = {
      ...job('asked'),
      type: 'evaluate',
      recipe: {
        ...{ suite: 'id', kind: 'problems', tasks: [recipe.data], problems: 2, samples: 0 },
        ...{ temperature: 1, maxResponse: 4, grader: graderVersion, template: 'tokenizer' },
      },
      inputs: { ...inputs, parent: join(root, 'whole', 'model') },
    };
    // Fine-tuned as in the paper, it is asked as in the paper.
    const again = job('again', {}, join(root, 'whole', 'model'));
    const [{ events }] = await Promise.all([runTrainer(evaluation), runTrainer(again)]);
    const prompts = events.flatMap((event) => (event.event === 'sample' ? [event.prompt] : []));
    assert.match(prompts[0] ?? '', /^<s><user>[^<]+<\|endoftext\|><assistant>$/);
    assert.match(templateOf('again'), /^\{\{ "<s>" \}\}.*Assistant:/s);
  });

  function templateOf(name: string): string {
    const path = join(root, name, 'model', 'tokenizer_config.json');
    return (JSON.parse(readFileSync(path, 'utf8')) as { chat_template: string }).chat_template;
  }
});
