import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { adamw } from '../../trainer/adamw.ts';
import {
  restoreCheckpoint,
  restoreTrunk,
  type Trainables,
  writeCheckpoint,
  writeModel,
  writeTrunk,
} from '../../trainer/checkpoint.ts';
import { TrainerFailure } from '../../trainer/failure.ts';
import { initialise } from '../../trainer/init.ts';
import { loadModel, type Parameters } from '../../trainer/parameters.ts';
import { tf } from '../../trainer/tf.ts';
import { temporaryFolder, tiny, writeByteTokenizer } from './support.ts';

const options = { betas: [0.9, 0.95] as [number, number], weightDecay: 0.1, clip: 1 };
const key = 'b'.repeat(64);

/** A policy and a critic of another shape, some updates along. */
function trainables(seed: number, updates: number): Trainables {
  const model = adamw(initialise(tiny, seed), options);
  const critic = adamw(initialise({ ...tiny, layers: 1 }, seed), options);
  for (let i = 0; i < updates; i++) {
    for (const trainable of [model, critic]) {
      tf.tidy(() => {
        const gradients = Object.entries(trainable.parameters).map(([name, parameter]) => [
          name,
          tf.mul(parameter, 1 + i),
        ]);
        trainable.update(Object.fromEntries(gradients), 0.01);
      });
    }
  }
  return { model, critic };
}

const weights = (parameters: Parameters) =>
  Object.entries(parameters).map(([name, parameter]) => [name, parameter.dataSync()]);
const everything = (of: Trainables) =>
  Object.entries(of).map(([name, trainable]) => [name, weights(trainable.parameters), trainable.state()]);

describe('checkpoints', () => {
  it('give back weights, moments and counts of every trainable, bit by bit', async (t) => {
    const output = temporaryFolder(t);
    const tokenizer = writeByteTokenizer(join(output, 'tokenizer'));
    const saved = trainables(1, 3);
    const path = await writeCheckpoint(
      output,
      key,
      { step: 120, tokens: 999 },
      { architecture: tiny, tokenizer },
      saved,
      () => {},
    );
    assert.equal(path, 'checkpoints/step-000120');
    const restored = trainables(2, 1);
    assert.deepEqual(await restoreCheckpoint(output, key, restored), { step: 120, tokens: 999, path });
    assert.deepEqual(everything(restored), everything(saved));
    assert.deepEqual(JSON.parse(readFileSync(join(output, path, 'state.json'), 'utf8')), {
      key,
      step: 120,
      tokens: 999,
      updates: { model: 3, critic: 3 },
    });
  });

  it('are models that open as they are', async (t) => {
    const output = temporaryFolder(t);
    const tokenizer = writeByteTokenizer(join(output, 'tokenizer'));
    const saved = trainables(1, 1);
    const path = await writeCheckpoint(
      output,
      key,
      { step: 1, tokens: 9 },
      { architecture: tiny, tokenizer },
      saved,
      () => {},
    );
    const names = [
      'config.json',
      'critic.safetensors',
      'generation_config.json',
      'model.safetensors',
      'optimizer.safetensors',
      'state.json',
      'tokenizer.json',
      'tokenizer_config.json',
    ];
    assert.deepEqual(readdirSync(join(output, path)).sort(), names);
    const { architecture, parameters } = await loadModel(join(output, path));
    assert.deepEqual(architecture, tiny);
    assert.deepEqual(weights(parameters), weights(saved.model.parameters));
    const generation = { bos_token_id: null, eos_token_id: 0, pad_token_id: 0, do_sample: false };
    assert.deepEqual(JSON.parse(readFileSync(join(output, path, 'generation_config.json'), 'utf8')), generation);
  });

  it('leave only the newest two', async (t) => {
    const output = temporaryFolder(t);
    const tokenizer = writeByteTokenizer(join(output, 'tokenizer'));
    const saved = trainables(1, 0);
    for (const step of [5, 10, 1_000_000, 20]) {
      await writeCheckpoint(output, key, { step, tokens: 0 }, { architecture: tiny, tokenizer }, saved, () => {});
    }
    assert.deepEqual(readdirSync(join(output, 'checkpoints')).sort(), ['step-000020', 'step-1000000']);
    assert.equal((await restoreCheckpoint(output, key, saved))?.step, 1_000_000);
  });

  const changeState = (folder: string, change: (state: Record<string, unknown>) => unknown) => {
    const path = join(folder, 'state.json');
    writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, 'utf8')))));
  };
  const damages: [string, (folder: string) => void][] = [
    ['is cut off', (folder) => truncateSync(join(folder, 'model.safetensors'), 500)],
    ['has a state that is no JSON', (folder) => writeFileSync(join(folder, 'state.json'), '{')],
    ['has a state that is null', (folder) => writeFileSync(join(folder, 'state.json'), 'null')],
    ['does not say its step', (folder) => changeState(folder, ({ step: _, ...others }) => others)],
    [
      'does not say how many updates there were',
      (folder) => changeState(folder, ({ updates: _, ...others }) => others),
    ],
    ['does not count the critic', (folder) => changeState(folder, (state) => ({ ...state, updates: { model: 2 } }))],
    [
      'is a file',
      (folder) => {
        rmSync(folder, { recursive: true });
        writeFileSync(folder, '');
      },
    ],
    ['lacks the critic', (folder) => truncateSync(join(folder, 'critic.safetensors'), 0)],
  ];
  for (const [what, damage] of damages) {
    it(`fall back on the one before when the newest ${what}`, async (t) => {
      const output = temporaryFolder(t);
      const tokenizer = writeByteTokenizer(join(output, 'tokenizer'));
      const earlier = trainables(1, 1);
      await writeCheckpoint(output, key, { step: 1, tokens: 10 }, { architecture: tiny, tokenizer }, earlier, () => {});
      await writeCheckpoint(
        output,
        key,
        { step: 2, tokens: 20 },
        { architecture: tiny, tokenizer },
        trainables(1, 2),
        () => {},
      );
      damage(join(output, 'checkpoints', 'step-000002'));
      const restored = trainables(3, 2);
      assert.equal((await restoreCheckpoint(output, key, restored))?.step, 1);
      assert.deepEqual(everything(restored), everything(earlier));
    });
  }

  it('of another node are refused', async (t) => {
    const output = temporaryFolder(t);
    const tokenizer = writeByteTokenizer(join(output, 'tokenizer'));
    const saved = trainables(1, 0);
    await writeCheckpoint(output, key, { step: 1, tokens: 0 }, { architecture: tiny, tokenizer }, saved, () => {});
    await assert.rejects(restoreCheckpoint(output, 'c'.repeat(64), saved), {
      kind: 'bad-job',
      message: /belongs to the node b{64}, not to c{64}/,
    });
  });

  it('of another node are refused by their state, before weights and moments are read', async (t) => {
    const output = temporaryFolder(t);
    const tokenizer = writeByteTokenizer(join(output, 'tokenizer'));
    const saved = trainables(1, 0);
    const progress = { step: 1, tokens: 0 };
    const path = await writeCheckpoint(output, key, progress, { architecture: tiny, tokenizer }, saved, () => {});
    truncateSync(join(output, path, 'optimizer.safetensors'), 500);
    await assert.rejects(restoreCheckpoint(output, 'c'.repeat(64), saved), { kind: 'bad-job' });
  });

  it('of another shape change nothing, and as trunks are bad data', async (t) => {
    const output = temporaryFolder(t);
    const tokenizer = writeByteTokenizer(join(output, 'tokenizer'));
    const progress = { step: 1, tokens: 0 };
    const path = await writeCheckpoint(
      output,
      key,
      progress,
      { architecture: tiny, tokenizer },
      trainables(1, 1),
      () => {},
    );
    // The model is as it was, and only the critic another.
    const others = { ...trainables(2, 1), critic: adamw(initialise({ ...tiny, layers: 1, ffn: 8 }, 2), options) };
    const before = everything(others);
    assert.equal(await restoreCheckpoint(output, key, others), undefined);
    await assert.rejects(restoreTrunk({ folder: join(output, path), steps: 1 }, 2, others), {
      kind: 'bad-data',
      message:
        /is no trunk that could be gone on from: .*critic\.safetensors: model\.layers\.0\.mlp\.gate_proj\.weight has the shape \[24,16\], and what is trained has \[8,16\]\.$/,
    });
    assert.deepEqual(everything(others), before);
  });

  it('are not there at the start', async (t) => {
    assert.equal(await restoreCheckpoint(temporaryFolder(t), key, trainables(1, 0)), undefined);
  });

  it('and models do not appear when the lease is lost in the meantime', async (t) => {
    const output = temporaryFolder(t);
    const tokenizer = writeByteTokenizer(join(output, 'tokenizer'));
    const saved = trainables(1, 0);
    const lost = () => {
      throw new Error('fenced');
    };
    await assert.rejects(
      writeCheckpoint(output, key, { step: 1, tokens: 0 }, { architecture: tiny, tokenizer }, saved, lost),
      /fenced/,
    );
    await assert.rejects(
      writeModel(output, { architecture: tiny, tokenizer, parameters: saved.model.parameters }, lost),
      /fenced/,
    );
    assert.deepEqual(readdirSync(join(output, 'checkpoints')), []);
    assert.ok(!existsSync(join(output, 'model')));
  });

  for (const odd of [Number.NaN, Number.NEGATIVE_INFINITY]) {
    it(`and models with a weight of ${odd} are not written`, async (t) => {
      const output = temporaryFolder(t);
      const tokenizer = writeByteTokenizer(join(output, 'tokenizer'));
      const saved = trainables(1, 0);
      const gain = saved.model.parameters['model.norm.weight'] as Parameters[string];
      gain.assign(tf.tensor1d([...new Array(gain.size - 1).fill(1), odd]));
      const diverged = { kind: 'diverged', message: `model.norm.weight has the value ${odd}: training diverged` };
      const model = { architecture: tiny, tokenizer };
      await assert.rejects(
        writeModel(output, { ...model, parameters: saved.model.parameters }, () => {}),
        diverged,
      );
      const progress = { step: 1, tokens: 0 };
      await assert.rejects(
        writeCheckpoint(output, key, progress, model, saved, () => {}),
        diverged,
      );
      await assert.rejects(
        writeTrunk(output, key, progress, model, saved, () => {}),
        diverged,
      );
      assert.deepEqual(readdirSync(output).sort(), ['checkpoints', 'tokenizer']);
    });
  }

  it('replace what an interrupted execution left', async (t) => {
    const output = temporaryFolder(t);
    const tokenizer = writeByteTokenizer(join(output, 'tokenizer'));
    const published = { architecture: tiny, tokenizer, parameters: trainables(1, 0).model.parameters };
    await writeModel(output, published, () => {});
    writeFileSync(join(output, 'model', 'left-over'), '');
    await writeModel(output, published, () => {});
    assert.ok(!existsSync(join(output, 'model', 'left-over')));
  });
});

describe('a trunk', () => {
  it('is refused that is broken, of another length, or too long, and changes nothing then', async (t) => {
    const output = temporaryFolder(t);
    const tokenizer = writeByteTokenizer(join(output, 'tokenizer'));
    const progress = { step: 12, tokens: 999 };
    await writeTrunk(output, key, progress, { architecture: tiny, tokenizer }, trainables(1, 3), () => {});
    const folder = join(output, 'model');
    const own = trainables(2, 1);
    const before = everything(own);
    const refused = async (steps: number, goesOnAt = 12) => {
      const failure = await restoreTrunk({ folder, steps: goesOnAt }, steps, own).catch((error: unknown) => error);
      assert.ok(failure instanceof TrainerFailure);
      return `${failure.kind}: ${failure.message}`;
    };
    assert.match(await refused(11), /^bad-job: The trunk .* ends at step 12, and the run at step 11\.$/);
    assert.match(await refused(16, 7), /^bad-job: The trunk .* ends at step 12, and the run goes on from step 7\.$/);
    assert.deepEqual(everything(own), before);
    assert.deepEqual(await restoreTrunk({ folder, steps: 12 }, 16, own), progress);
    assert.notDeepEqual(everything(own), before);
    rmSync(join(folder, 'optimizer.safetensors'));
    assert.match(await refused(16), /^bad-data: .*model is no trunk that could be gone on from/);
  });
});
