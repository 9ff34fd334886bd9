/** What the tests of the trainer share: small models, close numbers, jobs in temporary folders, real processes. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { graderVersion } from '../../schemas/catalogue.ts';
import type { TrainerEvent } from '../../schemas/types/event.ts';
import type {
  Architecture,
  BuildJob,
  CptJob,
  DpoJob,
  GeneratedSource,
  GenerateJob,
  Job,
  OverlapJob,
  PretrainJob,
  RewardJob,
  RlRecipe,
  SftJob,
} from '../../schemas/types/job.ts';
import { byteTokenizer } from '../../trainer/tokenizer/bytes.ts';

/** A model that is small in every direction, with grouped queries. */
export const tiny: Architecture = {
  layers: 2,
  hidden: 16,
  heads: 4,
  kvHeads: 2,
  ffn: 24,
  vocab: 257,
  context: 32,
  ropeTheta: 10_000,
  normEpsilon: 1e-5,
};

/** Options of RL that most tests leave as PPO has them. */
export const ppoUsually = {
  responses: 1,
  clipRatioHigh: 0.2,
  dualClip: 3,
  whiten: true,
  lossAggregation: 'token-mean',
  kl: 'reward',
  klEstimator: 'k1',
  overlongBuffer: 0,
  overlongPenalty: 1,
  stopOnCollapse: false,
} as const;

/** A recipe of RL by PPO. */
export type PpoRecipe = Extract<RlRecipe, { algorithm: 'ppo' }>;

/**
 * Asserts that no number is further from what is expected than a share of the largest that is expected, however small that
 * is. Sums of many terms have their rounding from the large ones; where zeros alone are expected, nothing else will do.
 */
export function close(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  share = 1e-5,
  what = 'the numbers',
): void {
  assert.equal(actual.length, expected.length, `${what}: how many`);
  const largest = Array.from(expected).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  for (let i = 0; i < expected.length; i++) {
    const [found, wanted] = [actual[i] as number, expected[i] as number];
    const apart = Math.abs(found - wanted);
    assert.ok(apart <= share * largest, `${what} at ${i}: ${found}, expected ${wanted}, ${apart / largest} apart`);
  }
}

/** A folder that is gone after the test. */
export function temporaryFolder(t: { after(remove: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'descent-trainer-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A folder with the tokenizer of bytes. */
export function writeByteTokenizer(folder: string): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(byteTokenizer()));
  writeFileSync(join(folder, 'tokenizer_config.json'), '{"tokenizer_class":"PreTrainedTokenizerFast"}');
  return folder;
}

export function generated(generator: string): GeneratedSource {
  return { generator, version: 1, seed: 7, options: {} };
}

const optimizer = {
  lr: 3e-3,
  minLr: 3e-4,
  warmup: 0.1,
  schedule: 'cosine',
  weightDecay: 0.1,
  betas: [0.9, 0.95] as [number, number],
  clip: 1,
} as const;

/** What every job has, with an output folder of its own in `root` and a lease that it holds. */
function frame(root: string, name: string) {
  const output = join(root, name);
  mkdirSync(output, { recursive: true });
  const lease = { path: join(output, 'lease.json'), token: 'mine' };
  writeFileSync(lease.path, JSON.stringify({ token: lease.token }));
  const placement = { device: 'cpu', threads: 1, checkpointEvery: 0 };
  return { contract: 1 as const, key: 'a'.repeat(64), address: name, attempt: 1, seed: 1, output, placement, lease };
}

/** A pretraining of a few tiny steps. */
export function pretrainJob(root: string, name: string, tokenizer: string, steps: number): PretrainJob {
  return {
    ...frame(root, name),
    type: 'pretrain',
    recipe: {
      architecture: tiny,
      mix: [{ name: 'web', source: generated('stories'), sequences: 4 * steps }],
      steps,
      batchSequences: 4,
      ...optimizer,
    },
    inputs: { tokenizer, data: {} },
  };
}

export function cptJob(root: string, name: string, parent: string, steps: number): CptJob {
  return {
    ...frame(root, name),
    type: 'cpt',
    recipe: {
      mix: [
        { name: 'web', source: generated('stories'), sequences: steps },
        { name: 'math', source: generated('arithmetic'), sequences: 3 * steps },
      ],
      steps,
      batchSequences: 4,
      ...optimizer,
    },
    inputs: { parent, data: {} },
  };
}

export function sftJob(root: string, name: string, parent: string, examples: number): SftJob {
  return {
    ...frame(root, name),
    type: 'sft',
    recipe: {
      data: { name: 'math', part: 'problems', source: generated('arithmetic') },
      examples,
      epochs: 2,
      batch: 8,
      ...optimizer,
    },
    inputs: { parent, data: {} },
  };
}

const pairwise = {
  data: { name: 'liked', part: 'preferences', source: { prepared: 'data:liked' } },
  examples: 48,
  epochs: 3,
  batch: 16,
  minLr: 1e-3,
  warmup: 0,
  schedule: 'constant',
  weightDecay: 0,
  clip: 1,
} as const;

/** Direct preference optimisation on the pairs in a folder (`writePreferences`). */
export function dpoJob(
  root: string,
  name: string,
  inputs: { parent: string; liked: string },
  recipe: Partial<DpoJob['recipe']> = {},
): DpoJob {
  return {
    ...frame(root, name),
    type: 'dpo',
    recipe: {
      ...pairwise,
      lr: 1e-3,
      betas: [0.9, 0.99],
      loss: 'sigmoid',
      beta: 0.1,
      labelSmoothing: 0,
      nllCoef: 0,
      ...recipe,
    },
    inputs: { parent: inputs.parent, data: { 'data:liked': inputs.liked } },
  };
}

/** A reward model from the same. */
export function rewardJob(
  root: string,
  name: string,
  inputs: { parent: string; liked: string },
  recipe: Partial<RewardJob['recipe']> = {},
): RewardJob {
  return {
    ...frame(root, name),
    type: 'reward',
    recipe: { ...pairwise, lr: 3e-3, betas: [0.9, 0.99], centerCoef: 0.01, ...recipe },
    inputs: { parent: inputs.parent, data: { 'data:liked': inputs.liked } },
  };
}

/** A folder of 48 pairs to learn from and 20 that are held out: of every toss, yes is better than no. */
export function writePreferences(folder: string): string {
  mkdirSync(folder);
  for (const [split, first, count] of [
    ['train', 100, 48],
    ['heldout', 200, 20],
  ] as const) {
    const lines = Array.from({ length: count }, (_, i) =>
      JSON.stringify({
        id: `${split}${i}`,
        prompt: `toss ${first + i}`,
        chosen: 'answer is yes',
        rejected: 'answer is no',
      }),
    );
    writeFileSync(join(folder, `preferences-${split}.jsonl`), lines.join('\n'));
  }
  return folder;
}

/** The tosses of a coin, to learn from and to be tested by, 64 each. */
export const coin = { name: 'coin', part: 'problems', source: { prepared: 'data:coin' } } as const;

/** Writes the tosses into a folder, by turns yes and no. */
export function writeCoin(folder: string): string {
  mkdirSync(folder);
  for (const split of ['sft', 'rl', 'test']) {
    const lines = Array.from({ length: 64 }, (_, i) => {
      const answer = ['yes', 'no'][i % 2];
      return JSON.stringify({
        id: `${split}${i}`,
        prompt: `${split} toss ${i}`,
        solution: `answer is ${answer}`,
        answer,
      });
    });
    writeFileSync(join(folder, `problems-${split}.jsonl`), lines.join('\n'));
  }
  return folder;
}

/** SFT on the tosses, until a tiny model answers as one does who has seen them. */
export function coinJob(root: string, name: string, parent: string, folder: string): SftJob {
  const sft = sftJob(root, name, parent, 64);
  return {
    ...sft,
    recipe: { ...sft.recipe, data: coin, epochs: 20, lr: 1e-2 },
    inputs: { ...sft.inputs, data: { 'data:coin': folder } },
  };
}

export function overlapJob(
  root: string,
  name: string,
  recipe: OverlapJob['recipe'],
  data: Record<string, string> = {},
): OverlapJob {
  return { ...frame(root, name), type: 'overlap', recipe, inputs: { data } };
}

export function buildJob(
  root: string,
  name: string,
  recipe: BuildJob['recipe'],
  data: Record<string, string> = {},
): BuildJob {
  return { ...frame(root, name), type: 'build', recipe, inputs: { data } };
}

/** Responses to problems of `arithmetic`, by the parent or, without one, by an endpoint. */
export function generateJob(
  root: string,
  name: string,
  recipe: Partial<GenerateJob['recipe']>,
  parent?: string,
): GenerateJob {
  return {
    ...frame(root, name),
    type: 'generate',
    recipe: {
      data: { name: 'math', part: 'problems', source: generated('arithmetic') },
      split: 'sft',
      problems: 6,
      samples: 2,
      temperature: 1,
      topP: 1,
      maxResponse: 8,
      grader: graderVersion,
      ...recipe,
    },
    inputs: { ...(parent !== undefined && { parent }), data: {} },
  };
}

/** The built-in trainer, compiled. */
export const trainerProgram = fileURLToPath(new URL('../../trainer/main.js', import.meta.url));

/** How a trainer process ended, with all it said. */
export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  events: TrainerEvent[];
  stderr: string;
}

/** A trainer as its parent sees it. */
export interface Running {
  child: ChildProcess;
  ended: Promise<Ended>;
}

/** Which program a trainer is, and how long it may take. */
export interface Program {
  path: string;
  seconds: number;
}

/** The built-in one. */
const builtIn: Program = { path: trainerProgram, seconds: 60 };

/** Starts a real trainer on a job; `onEvent` sees each event as it comes. What has not ended in its time is killed. */
export function startTrainer(
  job: Job,
  onEvent: (event: TrainerEvent, child: ChildProcess) => void = () => {},
  env: Record<string, string> = {},
  program: Program = builtIn,
): Running {
  const path = join(job.output, 'job.json');
  writeFileSync(path, JSON.stringify(job));
  return startTrainerAt(path, onEvent, env, program);
}

export function startTrainerAt(
  path: string,
  onEvent: (event: TrainerEvent, child: ChildProcess) => void = () => {},
  env: Record<string, string> = {},
  program: Program = builtIn,
): Running {
  const child = spawn(process.execPath, [program.path, path], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const events: TrainerEvent[] = [];
  let stderr = '';
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => {
    const event = JSON.parse(line) as TrainerEvent;
    events.push(event);
    onEvent(event, child);
  });
  const deadline = setTimeout(() => child.kill('SIGKILL'), program.seconds * 1000);
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(deadline);
      resolve({ code, signal, events, stderr });
    });
  });
  return { child, ended };
}

/** Runs a job to its end, which must be a good one. */
export async function runTrainer(job: Job): Promise<Ended> {
  const ended = await startTrainer(job).ended;
  assert.equal(ended.code, 0, `${JSON.stringify(ended.events.at(-1))} ${ended.stderr}`);
  return ended;
}

/** Kills a job with SIGKILL once it has told of a step; its checkpoints are so many steps apart. Running it again goes on. */
export async function killAfter(job: Job, step: number, checkpointEvery: number): Promise<Ended> {
  job.placement.checkpointEvery = checkpointEvery;
  const killed = await startTrainer(job, (event, child) => {
    if (event.event === 'metrics' && event.step === step) child.kill('SIGKILL');
  }).ended;
  assert.equal(killed.signal, 'SIGKILL');
  return killed;
}

export function modelDigest(output: string): string {
  return createHash('sha256')
    .update(readFileSync(join(output, 'model', 'model.safetensors')))
    .digest('hex');
}
