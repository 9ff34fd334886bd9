/** Training with products in bfloat16: real trainers, killed and resumed, and gradients beside those of float32. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Tensor } from '@tensorflow/tfjs-node';
import type { Architecture, PretrainJob, SftJob } from '../../schemas/types/job.ts';
import { adamw, valueAndGradients } from '../../trainer/adamw.ts';
import { type Batch, batchTensors } from '../../trainer/batch.ts';
import { capture } from '../../trainer/graph/capture.ts';
import { initialise } from '../../trainer/init.ts';
import { random } from '../../trainer/random.ts';
import { supervisedLoss, supervisedSteps } from '../../trainer/supervised.ts';
import {
  close,
  type Ended,
  killAfter,
  modelDigest,
  pretrainJob,
  runTrainer,
  sftJob,
  tiny,
  writeByteTokenizer,
} from './support.ts';

const lossesOf = ({ events }: Ended) =>
  events.flatMap((event) => (event.event === 'metrics' ? [event.values.loss as number] : []));

describe('a training in bfloat16', () => {
  let root: string;
  let tokenizer: string;
  let straight: Ended;
  const model = (name: string) => join(root, name, 'model');

  const pretraining = (name: string): PretrainJob => {
    const job = pretrainJob(root, name, tokenizer, 20);
    return { ...job, recipe: { ...job.recipe, precision: 'bfloat16' } };
  };
  const fineTuning = (name: string): SftJob => {
    const job = sftJob(root, name, model('straight'), 80);
    return { ...job, recipe: { ...job.recipe, precision: 'bfloat16' } };
  };

  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'descent-precision-'));
    tokenizer = writeByteTokenizer(join(root, 'tokenizer'));
    straight = await runTrainer(pretraining('straight'));
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  /** Kills a job with SIGKILL after step 13 of 20, whose checkpoints are seven steps apart, and lets it go on. */
  async function killedAndResumed(job: PretrainJob | SftJob): Promise<Ended> {
    await killAfter(job, 13, 7);
    const resumed = await runTrainer(job);
    const [started] = resumed.events;
    assert.ok(started?.event === 'started' && (started.resumedFrom ?? 0) >= 7, 'it went on from a checkpoint');
    return resumed;
  }

  it('ends in the same bytes after kill -9 as without: pretraining', async () => {
    const resumed = await killedAndResumed(pretraining('killed'));
    assert.equal(modelDigest(join(root, 'killed')), modelDigest(join(root, 'straight')));
    assert.deepEqual(resumed.events.at(-1), straight.events.at(-1));
  });

  it('ends in the same bytes after kill -9 as without: fine-tuning', async () => {
    const tuned = await runTrainer(fineTuning('tuned'));
    const resumed = await killedAndResumed(fineTuning('tuned-killed'));
    assert.equal(modelDigest(join(root, 'tuned-killed')), modelDigest(join(root, 'tuned')));
    assert.deepEqual(resumed.events.at(-1), tuned.events.at(-1));
  });

  it('ends in other bytes than in float32, near it', async () => {
    const job = pretrainJob(root, 'exact', tokenizer, 20);
    const exact = await runTrainer({ ...job, recipe: { ...job.recipe, precision: 'float32' } });
    assert.notEqual(modelDigest(join(root, 'straight')), modelDigest(join(root, 'exact')));
    const unsaid = await runTrainer(pretrainJob(root, 'unsaid', tokenizer, 20));
    assert.equal(modelDigest(join(root, 'unsaid')), modelDigest(join(root, 'exact')));
    assert.deepEqual(lossesOf(unsaid), lossesOf(exact));
  });

  it('leaves weights of float32, and says so', () => {
    const config = JSON.parse(readFileSync(join(model('straight'), 'config.json'), 'utf8'));
    assert.equal(config.torch_dtype, 'float32');
    const bytes = readFileSync(join(model('straight'), 'model.safetensors'));
    const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))).toString());
    const dtypes = Object.entries<{ dtype?: string }>(header).flatMap(([name, { dtype }]) =>
      name === '__metadata__' ? [] : [dtype],
    );
    assert.deepEqual([...new Set(dtypes)], ['F32']);
  });
});

/** Two layers with grouped queries, wide enough that products round as they do in models that are used. */
const small: Architecture = { ...tiny, hidden: 64, ffn: 172, context: 64 };
const optimizer = { betas: [0.9, 0.95] as [number, number], weightDecay: 0, clip: 0 };

function batchOf(step: number): Batch {
  const [sequences, time] = [4, 48];
  const { integer } = random(1, 'precision', step);
  const drawn = () => Int32Array.from({ length: sequences * time }, () => integer(small.vocab));
  const weights = new Float32Array(sequences * time).fill(1 / (sequences * time));
  return { sequences, time, tokens: drawn(), targets: drawn(), weights };
}

describe('products in bfloat16', () => {
  const bfloat16 = { precision: 'bfloat16' } as const;

  /** After some steps in float32, so that no gradient is as small as those of fresh weights. */
  const trained = (steps: number) => {
    const model = adamw(initialise(small, 1), optimizer);
    const update = supervisedSteps(small, model);
    for (let step = 0; step < steps; step++) update(batchOf(step), 3e-3);
    return model;
  };

  it('give the loss to a thousandth, and each gradient to a fiftieth of its length', () => {
    const { parameters } = trained(10);
    const body = (batch: ReturnType<typeof batchTensors>) => {
      const { value, gradients } = valueAndGradients(() => supervisedLoss(small, parameters, batch), parameters);
      return { loss: value, ...gradients } as Record<string, Tensor>;
    };
    const batch = batchTensors(batchOf(99));
    const valuesOf = (tensors: Record<string, Tensor>, name: string) => tensors[name]?.dataSync() as Float32Array;
    const [exact, rounded] = [capture(body)(batch), capture(body, bfloat16)(batch)];
    const [[loss], [wantedLoss]] = [valuesOf(rounded, 'loss'), valuesOf(exact, 'loss')];
    close([loss as number], [wantedLoss as number], 1e-3, 'loss');
    for (const name of Object.keys(parameters)) {
      const [found, wanted] = [valuesOf(rounded, name), valuesOf(exact, name)];
      const apart = Math.hypot(...found.map((value, i) => value - (wanted[i] as number))) / Math.hypot(...wanted);
      assert.ok(apart < 0.02, `${name} is ${apart} of its length away`);
      assert.ok(apart > 1e-4, `${name} is ${apart} of its length away: were its products rounded?`);
    }
  });

  it('leave weights and moments in float32: they take a step that is far below what bfloat16 can tell apart', () => {
    const model = trained(10);
    const valuesNow = () => Object.values(model.parameters).map((parameter) => parameter.dataSync().slice());
    const before = valuesNow();
    supervisedSteps(small, model, bfloat16)(batchOf(99), 1e-6);
    const moved = valuesNow().flatMap((values, i) => [...values].map((value, j) => value !== before[i]?.[j]));
    assert.ok(moved.filter(Boolean).length > 0.9 * moved.length);
    const moments = Object.values(model.state().first).flatMap((values) => [...values]);
    const halved = moments.filter((value) => (new Uint32Array(Float32Array.of(value).buffer)[0] as number) << 16 === 0);
    assert.ok(halved.length < 0.01 * moments.length, `${halved.length} of ${moments.length} moments fit bfloat16`);
  });
});
