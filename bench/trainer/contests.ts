import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '#setup/places.mjs';
import type { Architecture, Precision } from '../../schemas/types/job.ts';
import { random } from '../../trainer/random.ts';
import type { Found, Peer } from '../peers/peer.ts';
import { type Program, startEngine } from './engine.ts';
import { type Entrant, type Raced, race } from './race.ts';
import type { Size } from './sizes.ts';
import type { Decoding, Product, Training } from './tasks.ts';

/** What a bench of the trainer is set to. */
export interface Setting {
  rounds: number;
  /** Undefined where PyTorch is not on this machine. */
  pytorch: Found<Peer> | undefined;
  /** For models, and for what the peers cache. */
  folder: string;
}

export const precisions: readonly Precision[] = ['float32', 'bfloat16'];

/** Sequences of a training step. */
export const sequences = 8;

/** Prompts that are continued side by side, the tokens of each, and those written to it. */
export const decoded = { sequences: 32, prompt: 32, length: 64 };

/** Rows and columns of the matrices that a processor's peak is measured with. */
const productSize = 2048;

/** A model on disk. */
export interface WrittenModel {
  folder: string;
  /** The token that would end a text. */
  eos: number;
}

/** Writes the weights that all engines begin with at a size. */
export async function writeModel({ folder: parent }: Setting, { name, architecture }: Size): Promise<WrittenModel> {
  const [folder, eos] = [join(parent, name), architecture.vocab - 1];
  const writer = startEngine(descent, { task: 'writing', model: folder, architecture, eos });
  try {
    await writer.turn(1);
  } finally {
    await writer.stop();
  }
  return { folder, eos };
}

/** The highest rate of matrix products that an engine reached. */
export interface Peak {
  name: string;
  /** Operations a second. */
  flops: number;
  /** As of a race: others' work makes a peak too low, and utilisation too high. */
  disturbed: boolean;
}

/** The highest rates of matrix products. */
export async function raceProducts(setting: Setting, precision: Precision): Promise<Peak[]> {
  const task: Product = { task: 'product', precision, size: productSize };
  const raced = await race(entrants(setting, task, 'PyTorch'), 1, setting.rounds);
  return raced.map(({ name, leastSeconds, disturbed }) => ({
    name,
    flops: (2 * productSize ** 3) / leastSeconds,
    disturbed,
  }));
}

/** Optimizer updates of Descent, captured, beside its own eager ones (in float32), PyTorch's, and torch.compile's. */
export async function raceTraining(
  setting: Setting,
  { architecture, updates }: Size,
  model: WrittenModel,
  precision: Precision,
): Promise<Raced[]> {
  const task = (mode: Training['mode']): Training => ({
    task: 'training',
    precision,
    mode,
    model: model.folder,
    tokens: drawTokens(architecture, 'tokens', sequences, architecture.context),
    targets: drawTokens(architecture, 'targets', sequences, architecture.context),
  });
  const own = { name: 'Descent, eager', program: descent, task: task('eager') };
  const raced = await race(
    [
      ...entrants(setting, task('compiled'), 'torch.compile'),
      ...entrants(setting, task('eager'), 'PyTorch').slice(1),
      ...(precision === 'float32' ? [own] : []),
    ],
    updates,
    setting.rounds,
  );
  for (const other of raced.slice(1)) expectSameLoss(raced[0] as Raced, other, precision);
  return raced;
}

/** Greedy decoding by Descent and by transformers' generate. */
export async function raceDecoding(setting: Setting, { architecture }: Size, model: WrittenModel): Promise<Raced[]> {
  const task: Decoding = {
    task: 'decoding',
    model: model.folder,
    prompts: drawTokens(architecture, 'prompts', decoded.sequences, decoded.prompt),
    length: decoded.length,
    eos: model.eos,
  };
  const raced = await race(entrants(setting, task, 'transformers'), 1, setting.rounds);
  for (const other of raced) expectSameTokens(raced[0] as Raced, other);
  return raced;
}

const descent: Program = { command: [process.execPath, fileURLToPath(new URL('./descent.js', import.meta.url))] };

/** Descent and, where it is there, PyTorch. */
function entrants({ pytorch, folder }: Setting, task: Entrant['task'], name: string): Entrant[] {
  const entrants: Entrant[] = [{ name: 'Descent', program: descent, task }];
  if (pytorch === undefined) return entrants;
  const command = [...pytorch.program, join(packageRoot, 'bench', 'trainer', 'pytorch.py')];
  // Compiled anew each time, so that the first step is what it is to whoever comes with a new model.
  const env = { TORCHINDUCTOR_CACHE_DIR: join(folder, 'inductor'), HF_HUB_OFFLINE: '1', PYTHONDONTWRITEBYTECODE: '1' };
  return [...entrants, { name, program: { command, env }, task }];
}

function drawTokens({ vocab }: Architecture, purpose: string, sequences: number, length: number): number[][] {
  const { integer } = random(1, 'bench', purpose);
  return Array.from({ length: sequences }, () => Array.from({ length }, () => integer(vocab - 1)));
}

/** From the same weights and batch, or the figures are of something else. */
function expectSameLoss(one: Raced, other: Raced, precision: Precision): void {
  const [expected, found] = [one, other].map(({ first }) => first.result[0] as number) as [number, number];
  const tolerance = precision === 'float32' ? 1e-4 : 1e-2;
  if (!(Math.abs(found - expected) <= tolerance * expected)) {
    throw new Error(`the first loss (${precision}) of ${one.name} is ${expected}, and of ${other.name} ${found}`);
  }
}

/** As many tokens, and all but a few the same: where two scores are as good as equal, rounding decides. */
function expectSameTokens(one: Raced, other: Raced): void {
  const [expected, found] = [one.first.result, other.first.result];
  const wanted = decoded.sequences * decoded.length;
  const same = found.filter((token, at) => token === expected[at]).length;
  if (found.length !== wanted || same < 0.9 * wanted) {
    throw new Error(`of ${wanted} tokens ${other.name} wrote ${found.length}, ${same} of them as ${one.name} did`);
  }
}
