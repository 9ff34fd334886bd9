/**
 * Checkpoints and finished models on disk.
 *
 * Both are Hugging Face shaped folders. A checkpoint also holds what goes on training needs: the other trainables'
 * weights (`critic.safetensors`), all moments (`optimizer.safetensors`) and `state.json`, and so does a trunk, which is
 * published. There is no random state: every draw is named by what it is for. Of two executions of one attempt only the holder of the lease may write.
 */
import { copyFile, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Ancestry } from '../schemas/types/ancestry.ts';
import type { Architecture, TrunkInput } from '../schemas/types/job.ts';
import type { OptimizerState, Trainable } from './adamw.ts';
import { ancestryFile } from './ancestry.ts';
import { modelCard } from './card.ts';
import { readTokenizerConfig, toConfig, toGenerationConfig } from './config.ts';
import { TrainerFailure } from './failure.ts';
import { writeFolder, writeJson } from './folders.ts';
import type { Parameters } from './model.ts';
import { readSafetensors, type Tensors, writeSafetensors } from './safetensors.ts';
import { loadTokenizer } from './tokenizer/load.ts';

/** A model and the tokenizer it reads with. */
export interface Publishable {
  architecture: Architecture;
  parameters: Parameters;
  /** Folder with tokenizer.json and tokenizer_config.json. */
  tokenizer: string;
  /** What it descends from, for its card; without it no card is written. */
  ancestry?: Ancestry;
}

/** How far a run is. */
export interface Progress {
  /** Steps done. */
  step: number;
  /** Tokens trained on. */
  tokens: number;
}

/** The content of state.json. */
interface State extends Progress {
  /** Key of the node, so that no checkpoint is taken for another's. */
  key: string;
  /** Optimizer updates done, by trainable. */
  updates: Record<string, number>;
}

/** A checkpoint that was restored or written. */
export interface Checkpoint extends Progress {
  /** Its folder, relative to the attempt's. */
  path: string;
}

export type Trainables = { model: Trainable } & Record<string, Trainable>;

const checkpointsKept = 2;

/** Writes the finished model to `output/model`; `checkLease` is asked at the last moment. */
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
  await writeJson(join(folder, 'state.json'), { key, ...progress, updates } satisfies State);
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
    const contents = await readCheckpoint(join(output, path), trainables);
    if (contents === undefined) continue;
    const { state, restore } = contents;
    if (state.key !== key) {
      throw new TrainerFailure(
        'bad-job',
        `${join(output, path)} belongs to the node ${state.key}, not to ${key}: each needs a folder of its own.`,
      );
    }
    restore();
    return { step: state.step, tokens: state.tokens, path };
  }
  return undefined;
}

/**
 * Puts a trunk into the trainables: weights, moments and the count of updates, so that what comes after is as if it had
 * been one run. Throws `bad-data` when it cannot be read, `bad-job` when it is not as long as the job says, or has as many
 * steps as the run (`steps`), or more.
 */
export async function restoreTrunk(trunk: TrunkInput, steps: number, trainables: Trainables): Promise<Progress> {
  const { folder } = trunk;
  const contents = await readCheckpoint(folder, trainables);
  if (contents === undefined) {
    throw new TrainerFailure(
      'bad-data',
      `${folder} is no trunk that could be gone on from: a part is missing or broken.`,
    );
  }
  const { step, tokens } = contents.state;
  if (step !== trunk.steps) {
    throw new TrainerFailure(
      'bad-job',
      `The trunk ${folder} ends at step ${step}, and the run goes on from step ${trunk.steps}.`,
    );
  }
  if (step >= steps) {
    throw new TrainerFailure('bad-job', `The trunk ${folder} ends at step ${step}, and the run at step ${steps}.`);
  }
  contents.restore();
  return { step, tokens };
}

/** Everything of a checkpoint, read before anything is changed; undefined where a part is missing or broken. */
async function readCheckpoint(
  folder: string,
  trainables: Trainables,
): Promise<{ state: State; restore: () => void } | undefined> {
  try {
    const state = JSON.parse(await readFile(join(folder, 'state.json'), 'utf8')) as State;
    const { tensors: moments } = await readSafetensors(join(folder, 'optimizer.safetensors'));
    const restores: (() => void)[] = [];
    for (const [name, trainable] of Object.entries(trainables)) {
      const { tensors } = await readSafetensors(join(folder, `${name}.safetensors`));
      const names = Object.keys(trainable.parameters);
      const pick = (from: Tensors, prefix: string) =>
        Object.fromEntries(names.map((parameter) => [parameter, values(from, prefix + parameter)]));
      const optimizer: OptimizerState = {
        updates: state.updates[name] as number,
        first: pick(moments, `${name}.first.`),
        second: pick(moments, `${name}.second.`),
      };
      const weights = pick(tensors, '');
      restores.push(() => trainable.restore(weights, optimizer));
    }
    const restore = () => {
      for (const each of restores) each();
    };
    return { state, restore };
  } catch (error) {
    const broken = error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (broken || (error instanceof TrainerFailure && error.kind === 'bad-data')) return undefined;
    throw error;
  }
}

function values(tensors: Tensors, name: string): Float32Array {
  const tensor = tensors[name];
  if (tensor === undefined) throw new TrainerFailure('bad-data', `A checkpoint has no ${name}.`);
  return tensor.values;
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

async function fillModel(folder: string, model: Publishable): Promise<void> {
  const { architecture, parameters, tokenizer, ancestry } = model;
  const { eos } = await loadTokenizer(tokenizer);
  await writeJson(join(folder, 'config.json'), toConfig(architecture, eos));
  await writeJson(join(folder, 'generation_config.json'), toGenerationConfig(eos));
  await copyFile(join(tokenizer, 'tokenizer.json'), join(folder, 'tokenizer.json'));
  await writeJson(join(folder, 'tokenizer_config.json'), await readTokenizerConfig(tokenizer, architecture));
  if (ancestry !== undefined) {
    await writeJson(join(folder, ancestryFile), ancestry);
    await writeFile(join(folder, 'README.md'), modelCard(ancestry, architecture));
  }
  await writeSafetensors(join(folder, 'model.safetensors'), tensorsOf(parameters));
}

function tensorsOf(parameters: Parameters): Tensors {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, parameter]) => [
      name,
      { shape: parameter.shape, values: parameter.dataSync() as Float32Array },
    ]),
  );
}

function momentTensors(set: string, { parameters }: Trainable, { first, second }: OptimizerState): Tensors {
  const tensors: Tensors = {};
  for (const [name, { shape }] of Object.entries(parameters)) {
    tensors[`${set}.first.${name}`] = { shape, values: first[name] as Float32Array };
    tensors[`${set}.second.${name}`] = { shape, values: second[name] as Float32Array };
  }
  return tensors;
}
