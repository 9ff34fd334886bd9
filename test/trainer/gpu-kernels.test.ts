// What a GPU would be asked for is there: needs the runtime for GPUs (npm run setup -- --device gpu), but no GPU.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import protobuf from 'protobufjs';
import type { LearnerRecipe } from '../../trainer/learner.ts';
import type { PpoOptions } from '../../trainer/ppo.ts';
import { tiny } from './support.ts';

/** An operator that was used, with the types that were asked of it, by attribute. */
interface Use {
  op: string;
  types: Record<string, number>;
}

/** Of tensorflow/core/framework/{kernel_def,function,node_def}.proto what is looked at here. */
const { root } = protobuf.parse(`
syntax = "proto3";
message AttrValue {
  message ListValue { repeated int32 type = 6; }
  oneof value { ListValue list = 1; int32 type = 6; }
}
message KernelDef {
  message AttrConstraint { string name = 1; AttrValue allowed_values = 2; }
  string device_type = 2;
  repeated AttrConstraint constraint = 3;
}
message KernelList { repeated KernelDef kernel = 1; }
message NodeDef { string op = 2; map<string, AttrValue> attr = 5; }
message FunctionDef { repeated NodeDef node_def = 3; }`);

interface Kernel {
  deviceType: string;
  constraint: { name: string; allowedValues: { list: { type: number[] } } }[];
}

const folder = dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-node-gpu/package.json'));
const isSetUp = existsSync(join(folder, 'lib', 'napi-v8', 'tfjs_binding.node'));

test('every operator of training, evaluating and generating has a kernel for GPUs, and XLA compiles every captured one but a few', {
  skip: isSetUp ? false : 'the runtime for GPUs is not set up',
}, async () => {
  // Read once, when TensorFlow is loaded.
  process.env.DESCENT_DEVICE = 'gpu';
  const { captured, eager } = await usesOfTrainer();
  await loadXlaKernels();

  // DEFAULT: on any device, with its values in the host's memory; shapes and indices are computed there.
  assert.deepEqual(await missing(['GPU', 'DEFAULT'], [...captured, ...eager]), []);
  const { uncompiled } = await import('../../trainer/graph/definition.ts');
  const compiled = captured.filter(({ op }) => !uncompiled.has(op));
  assert.deepEqual(await missing(['XLA_GPU_JIT'], compiled), []);
  assert.ok(captured.some(({ op, types }) => op === 'BatchMatMulV2' && types.T === bfloat16));
  // What such a table looks like where something is missing.
  const absent: Use[] = [
    { op: 'DecodeJpeg', types: {} },
    { op: 'Sigmoid', types: { T: int32 } },
  ];
  assert.deepEqual(await missing(['GPU', 'DEFAULT'], absent), ['DecodeJpeg {}', 'Sigmoid {"T":3}']);
});

const [int32, bfloat16] = [3, 14];

/** Updates in both precisions and in parts, rounds of PPO, held-out losses and generation, on a tiny model. */
async function usesOfTrainer(): Promise<{ captured: Use[]; eager: Use[] }> {
  const { initialise } = await import('../../trainer/init.ts');
  const { adamw } = await import('../../trainer/adamw.ts');
  const { supervisedSteps } = await import('../../trainer/supervised.ts');
  const { createLearner } = await import('../../trainer/learner.ts');
  const { ppo } = await import('../../trainer/ppo.ts');
  const { rowScorer } = await import('../../trainer/evaluate.ts');
  const { createGenerator, generate } = await import('../../trainer/generate.ts');

  const parameters = initialise(tiny, 1);
  const model = adamw(parameters, { betas: [0.9, 0.95], weightDecay: 0.1, clip: 1 });
  const [sequences, time] = [2, 8];
  const tokens = Int32Array.from({ length: sequences * time }, (_, i) => i);
  const weights = new Float32Array(tokens.length).fill(1 / tokens.length);
  const batch = { sequences, time, tokens, targets: tokens, weights };
  const places = { ...batch, places: Int32Array.from(tokens.keys()) };
  const noise = new Float32Array(tokens.length * tiny.hidden);
  const packed = { ...places, begins: Int32Array.from(tokens, (_, i) => (i % time < 3 ? 0 : 3)), noise };
  const episode = { prompt: [1, 2, 3], response: [4, 5], logProbs: [-1, -1], reward: 1 };

  return await whileRecording(async () => {
    for (const precision of ['float32', 'bfloat16'] as const) {
      const whole = supervisedSteps(tiny, model, { precision });
      whole(batch, 1e-3);
      whole(places, 1e-3);
      whole(packed, 1e-3);
      supervisedSteps(tiny, model, { precision, atOnce: time })(batch, 1e-3);
    }
    rowScorer(tiny, parameters)([tokens]);
    for (const changes of [{}, { innerEpochs: 1, miniBatch: 2 }, { precision: 'bfloat16' as const }]) {
      const learner = createLearner(tiny, parameters, ppo(recipe), { ...recipe, ...changes }, 4);
      learner.learn([episode, { ...episode, reward: 0 }], 1, ['round', 0]);
    }
    await generate(createGenerator(tiny, parameters, [0]), [[1, 2], [3]], {
      maxTokens: 3,
      temperature: 1,
      seed: 1,
      purpose: ['test'],
    });
  });
}

const recipe: LearnerRecipe & PpoOptions = {
  miniBatch: 1,
  innerEpochs: 2,
  temperature: 1,
  lr: 1e-3,
  criticLr: 1e-3,
  warmup: 0,
  gamma: 1,
  lambda: 0.95,
  clipRatio: 0.2,
  valueClip: 0.5,
  klCoef: 0.1,
  entropyCoef: 0.01,
  weightDecay: 0.1,
  betas: [0.9, 0.999],
  clip: 1,
};

/** The operators of the functions that are captured while `run` runs, and those that are called by themselves. */
async function whileRecording(run: () => Promise<void>): Promise<{ captured: Use[]; eager: Use[] }> {
  const { backend } = await import('../../trainer/native.ts');
  const { binding, executeSingleOutput, executeMultipleOutputs } = backend;
  const captured: Use[] = [];
  const eager: Use[] = [];
  const note = (op: string, attributes: Parameters<typeof executeSingleOutput>[1]) => {
    if (op.startsWith('captured_')) return;
    const types = attributes.filter(({ type }) => type === binding.TF_ATTR_TYPE);
    eager.push({ op, types: Object.fromEntries(types.map(({ name, value }) => [name, value as number])) });
  };
  const addFunction = (definition: Uint8Array) => {
    const { nodeDef } = root.lookupType('FunctionDef').decode(definition) as unknown as {
      nodeDef: { op: string; attr: Record<string, { type?: number; value?: string }> }[];
    };
    for (const { op, attr } of nodeDef) {
      const types = Object.entries(attr).filter(([, { value }]) => value === 'type');
      captured.push({ op, types: Object.fromEntries(types.map(([name, { type }]) => [name, type as number])) });
    }
    binding.addFunction(definition);
  };
  Object.assign(backend, {
    binding: Object.create(binding, { addFunction: { value: addFunction } }),
    executeSingleOutput: (...call: Parameters<typeof executeSingleOutput>) => {
      note(call[0], call[1]);
      return executeSingleOutput.apply(backend, call);
    },
    executeMultipleOutputs: (...call: Parameters<typeof executeMultipleOutputs>) => {
      note(call[0], call[1]);
      return executeMultipleOutputs.apply(backend, call);
    },
  });
  try {
    await run();
  } finally {
    Object.assign(backend, { binding, executeSingleOutput, executeMultipleOutputs });
  }
  return { captured: distinct(captured), eager: distinct(eager) };
}

function distinct(uses: Use[]): Use[] {
  return [...new Map(uses.map((use) => [JSON.stringify(use), use])).values()];
}

/** XLA registers its kernels, those for GPUs too, when it first compiles something. */
async function loadXlaKernels(): Promise<void> {
  const { backend } = await import('../../trainer/native.ts');
  const { encodeFunction } = await import('../../trainer/graph/protobuf.ts');
  const { tf } = await import('../../trainer/tf.ts');
  const { TF_FLOAT: type } = backend.binding;
  backend.binding.addFunction(
    encodeFunction({
      signature: { name: 'negate', inputArg: [{ name: 'x', type }], outputArg: [{ name: 'y', type }] },
      nodeDef: [{ name: 'minus', op: 'Neg', input: ['x'], attr: { T: { type } } }],
      ret: { y: 'minus:y:0' },
      attr: { _XlaMustCompile: { b: true } },
      argAttr: {},
    }),
  );
  assert.deepEqual([...backend.executeSingleOutput('negate', [], [tf.tensor1d([1])]).dataSync()], [-1]);
}

/** What of these has no kernel for any of some types of devices. */
async function missing(devices: string[], uses: readonly Use[]): Promise<string[]> {
  const { backend } = await import('../../trainer/native.ts');
  const isThere = ({ op, types }: Use) => {
    const list = root.lookupType('KernelList').decode(backend.binding.registeredKernels(op));
    return (list as unknown as { kernel: Kernel[] }).kernel.some(
      ({ deviceType, constraint }) =>
        devices.includes(deviceType) &&
        constraint.every(({ name, allowedValues }) => {
          const type = types[name];
          return type === undefined || allowedValues.list.type.includes(type);
        }),
    );
  };
  return uses.filter((use) => !isThere(use)).map(({ op, types }) => `${op} ${JSON.stringify(types)}`);
}
