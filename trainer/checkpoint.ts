/**
 * Checkpoints and finished models on disk.
 *
 * Both are Hugging Face shaped folders. A checkpoint also holds what goes on training needs: the other trainables'
 * weights (`critic.safetensors`), all moments (`optimizer.safetensors`) and `state.json`, and so does a trunk, which is
 * published. There is no random state: every draw is named by what it is for. Of two executions of one attempt only the
 * holder of the lease may write.
 */
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { CheckpointState } from '../schemas/types/checkpoint.ts';
import type { TrunkInput } from '../schemas/types/job.ts';
import { ContractError, validateCheckpointState } from '../schemas/validate.ts';
import type { OptimizerState, Trainable } from './adamw.ts';
import type { RoundFigures } from './collapse.ts';
import { isFaultOfFile, TrainerFailure } from './failure.ts';
import { writeFolder, writeJson } from './folders.ts';
import { type Described, describeModel } from './model-folder.ts';
import { headOf, type Parameters } from './parameters.ts';
import { readSafetensors, type Tensors, writeSafetensors } from './safetensors.ts';

/** A model and the tokenizer it reads with. */
export type Publishable = Omit<Described, 'head'> & { parameters: Parameters };

/** How far a run is. */
export interface Progress {
  /** Steps done. */
  step: number;
  /** Tokens trained on. */
  tokens: number;
  /** Of RL, figures of the rounds done. */
  rounds?: RoundFigures[];
}

/** A checkpoint that was restored or written. */
export interface Checkpoint extends Progress {
  /** Its folder, relative to the attempt's. */
  path: string;
}

export type Trainables = { model: Trainable } & Record<string, Trainable>;

const checkpointsKept = 2;

/**
 * Writes the finished model to `output/model`; `checkLease` is asked at the last moment. Throws `diverged` where a weight is
 * not finite, as do the others that write.
 */
export async function writeModel(output: string, model: Publishable, checkLease: () => void): Promise<void> {
  await writeFolder(join(output, 'model'), (folder) => fillModel(folder, model), checkLease);
}

/** Writes a checkpoint to `output/checkpoints` and removes all but the newest two. Gives its path, relative to `output`. */
export async function writeCheckpoint(
  output: string,
  key: string,
  progress: Progress,
  model: Omit<Publishable, 'parameters'>,
  trainables: Trainables,
  checkLease: () => void,
): Promise<string> {
  const path = join('checkpoints', checkpointName(progress.step));
  await writeFolder(
    join(output, path),
    (folder) => fillCheckpoint(folder, key, progress, model, trainables),
    checkLease,
  );
  await removeOldCheckpoints(output);
  return path;
}

/** Leaves a trunk in `output/model`: a model that is a checkpoint too, for others to go on from. */
export async function writeTrunk(
  output: string,
  key: string,
  progress: Progress,
  model: Omit<Publishable, 'parameters'>,
  trainables: Trainables,
  checkLease: () => void,
): Promise<void> {
  await writeFolder(
    join(output, 'model'),
    (folder) => fillCheckpoint(folder, key, progress, model, trainables),
    checkLease,
  );
}

async function fillCheckpoint(
  folder: string,
  key: string,
  progress: Progress,
  model: Omit<Publishable, 'parameters'>,
  trainables: Trainables,
): Promise<void> {
  const states = Object.entries(trainables).map(([name, trainable]) => ({ name, trainable, state: trainable.state() }));
  await fillModel(folder, { ...model, parameters: trainables.model.parameters });
  for (const { name, trainable } of states) {
    if (name !== 'model') await writeSafetensors(join(folder, `${name}.safetensors`), tensorsOf(trainable.parameters));
  }
  const moments = Object.assign(
    {},
    ...states.map(({ name, trainable, state }) => momentTensors(name, trainable, state)),
  );
  await writeSafetensors(join(folder, 'optimizer.safetensors'), moments);
  const updates = Object.fromEntries(states.map(({ name, state }) => [name, state.updates]));
  await writeJson(join(folder, 'state.json'), { key, ...progress, updates } satisfies CheckpointState);
}

/**
 * Puts the newest whole checkpoint of `output` into the trainables; undefined where there is none. One that cannot be
 * read is passed over for the one before it. Throws `bad-job` when it belongs to another node.
 */
export async function restoreCheckpoint(
  output: string,
  key: string,
  trainables: Trainables,
): Promise<Checkpoint | undefined> {
  for (const step of await checkpointSteps(output)) {
    const path = join('checkpoints', checkpointName(step));
    const folder = join(output, path);
    try {
      const state = await readState(folder);
      if (state.key !== key) {
        throw new TrainerFailure(
          'bad-job',
          `${folder} belongs to the node ${state.key}, not to ${key}: each needs a folder of its own.`,
        );
      }
      const restore = await readTrainables(folder, state, trainables);
      restore();
      const { step, tokens, rounds } = state;
      return { step, tokens, ...(rounds && { rounds }), path };
    } catch (error) {
      if (!isBadData(error)) throw error;
    }
  }
  return undefined;
}

/**
 * Puts a trunk into the trainables: weights, moments and the count of updates, so that what comes after is as if it had
 * been one run. A trunk is a node of its own, so its key is another than the run's, and the job names it by its folder
 * alone. Throws `bad-data` when it cannot be read or has other shapes, `bad-job` when it is not as long as the job says, or
 * has more steps than what goes on from it (`steps`): with as many there is nothing to do.
 */
export async function restoreTrunk(trunk: TrunkInput, steps: number, trainables: Trainables): Promise<Progress> {
  const { folder } = trunk;
  try {
    const state = await readState(folder);
    const { step, tokens } = state;
    if (step !== trunk.steps) {
      throw new TrainerFailure(
        'bad-job',
        `The trunk ${folder} ends at step ${step}, and the run goes on from step ${trunk.steps}.`,
      );
    }
    if (step > steps) {
      throw new TrainerFailure('bad-job', `The trunk ${folder} ends at step ${step}, and the run at step ${steps}.`);
    }
    const restore = await readTrainables(folder, state, trainables);
    restore();
    return { step, tokens };
  } catch (error) {
    if (!isBadData(error)) throw error;
    throw new TrainerFailure('bad-data', `${folder} is no trunk that could be gone on from: ${error.message}`, {
      cause: error,
    });
  }
}

/** How far a checkpoint is. Throws `bad-data` where its state.json is missing or broken. */
async function readState(folder: string): Promise<CheckpointState> {
  const path = join(folder, 'state.json');
  try {
    return validateCheckpointState(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    if (!(error instanceof ContractError || isFaultOfFile(error))) throw error;
    throw new TrainerFailure('bad-data', `${path}: ${error.message}.`, { cause: error });
  }
}

/**
 * What puts a checkpoint's weights, moments and counts into the trainables. All is read and compared before anything is
 * changed: throws `bad-data` where a part is missing, broken, or of another shape.
 */
async function readTrainables(
  folder: string,
  { updates }: CheckpointState,
  trainables: Trainables,
): Promise<() => void> {
  const path = join(folder, 'optimizer.safetensors');
  const { tensors: moments } = await readSafetensors(path);
  const restores: (() => void)[] = [];
  for (const [name, { parameters, restore }] of Object.entries(trainables)) {
    const done = updates[name];
    if (done === undefined) throw new TrainerFailure('bad-data', `${folder} has no count of updates of ${name}.`);
    const own = join(folder, `${name}.safetensors`);
    const weights = pick(own, (await readSafetensors(own)).tensors, '', parameters);
    const optimizer: OptimizerState = {
      updates: done,
      first: pick(path, moments, `${name}.first.`, parameters),
      second: pick(path, moments, `${name}.second.`, parameters),
    };
    restores.push(() => restore(weights, optimizer));
  }
  return () => {
    for (const restore of restores) restore();
  };
}

/** Values for each parameter, of the tensors whose names begin with `prefix`. Throws `bad-data` where shapes differ. */
function pick(path: string, tensors: Tensors, prefix: string, parameters: Parameters): Record<string, Float32Array> {
  const picked: Record<string, Float32Array> = {};
  for (const [name, { shape }] of Object.entries(parameters)) {
    const tensor = tensors[prefix + name];
    if (tensor === undefined) throw new TrainerFailure('bad-data', `${path} has no ${prefix}${name}.`);
    if (tensor.shape.join() !== shape.join()) {
      const what = `${prefix}${name} has the shape [${tensor.shape}], and what is trained has [${shape}]`;
      throw new TrainerFailure('bad-data', `${path}: ${what}.`);
    }
    picked[name] = tensor.values;
  }
  return picked;
}

function isBadData(error: unknown): error is TrainerFailure {
  return error instanceof TrainerFailure && error.kind === 'bad-data';
}

/** Steps of the checkpoints that are there, the newest first. */
async function checkpointSteps(output: string): Promise<number[]> {
  const names = await readdir(join(output, 'checkpoints')).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names
    .flatMap((name) => /^step-(\d{6,})$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => b - a);
}

async function removeOldCheckpoints(output: string): Promise<void> {
  const old = (await checkpointSteps(output)).slice(checkpointsKept).map(checkpointName);
  for (const name of old) await rm(join(output, 'checkpoints', name), { recursive: true, force: true });
}

function checkpointName(step: number): string {
  return `step-${String(step).padStart(6, '0')}`;
}

async function fillModel(folder: string, { parameters, ...described }: Publishable): Promise<void> {
  await describeModel(folder, { ...described, head: headOf(parameters) });
  await writeSafetensors(join(folder, 'model.safetensors'), tensorsOf(parameters));
}

/**
 * Throws `diverged` where a weight is not finite: each step's loss is from before its update, so what the last one spoiled
 * no metric has seen.
 */
function tensorsOf(parameters: Parameters): Tensors {
  const tensors: Tensors = {};
  for (const [name, parameter] of Object.entries(parameters)) {
    const values = parameter.dataSync() as Float32Array;
    const odd = values.find((value) => !Number.isFinite(value));
    if (odd !== undefined) throw new TrainerFailure('diverged', `${name} has the value ${odd}: training diverged`);
    tensors[name] = { shape: parameter.shape, values };
  }
  return tensors;
}

function momentTensors(set: string, { parameters }: Trainable, { first, second }: OptimizerState): Tensors {
  const tensors: Tensors = {};
  for (const [name, { shape }] of Object.entries(parameters)) {
    tensors[`${set}.first.${name}`] = { shape, values: first[name] as Float32Array };
    tensors[`${set}.second.${name}`] = { shape, values: second[name] as Float32Array };
  }
  return tensors;
}
