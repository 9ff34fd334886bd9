/** The one training loop: resume, steps, metrics, checkpoints, stopping. Every stage that trains runs in it. */
import { setImmediate as yieldToEvents } from 'node:timers/promises';
import type { StartedEvent, TrainedOn } from '../schemas/types/event.ts';
import type {
  Architecture,
  CheckpointJob,
  CptJob,
  DpoJob,
  PretrainJob,
  RewardJob,
  RlJob,
  SftJob,
  TrunkInput,
  TrunkJob,
} from '../schemas/types/job.ts';
import { ancestryOf } from './ancestry.ts';
import {
  restoreCheckpoint,
  restoreTrunk,
  type Trainables,
  writeCheckpoint,
  writeModel,
  writeTrunk,
} from './checkpoint.ts';
import type { Outcome, TrainerContext } from './context.ts';
import { TrainerFailure } from './failure.ts';
import { peakMemory } from './memory.ts';
import { createPace } from './pace.ts';
import { countParameters } from './parameters.ts';
import { device, hardware, tensorFlowVersion } from './tf.ts';
import { version } from './version.ts';

/** What one step did. */
export interface Step {
  /** Tokens it trained on. */
  tokens: number;
  /** Metrics by name: loss, lr, gradientNorm, reward, ... Deterministic; a number that is not finite ends the run as `diverged`. */
  values: Record<string, number>;
  /** What it learned from, for the record. */
  data?: TrainedOn;
}

/** A job that trains a model. */
export type TrainingJob = PretrainJob | CptJob | TrunkJob | CheckpointJob | SftJob | RlJob | DpoJob | RewardJob;

export interface Training {
  /** Steps in all. */
  steps: number;
  /** A trunk to go on from, as from a checkpoint, where the attempt has none of its own. */
  trunk?: TrunkInput | undefined;
  /** What is left at the end: a model, or a trunk, which is a model with all that going on from it takes. Default: model. */
  leaves?: 'model' | 'trunk';
  /** Shape of the model. */
  architecture: Architecture;
  /** Folder with tokenizer.json and tokenizer_config.json, copied to the model. */
  tokenizer: string;
  /** How the model is taught to be asked, in Jinja, for its folder. Default: as the tokenizer says. */
  chatTemplate?: string;
  /**
   * What is trained, by name; `model` is what is published, others (`critic`) live in checkpoints only. On a resume
   * their weights, moments and count of updates are set from the checkpoint before the first step.
   */
  trainables: Trainables;
  /**
   * Does step `index` (from 0): may sample, may do several optimizer updates. A function of the index, the seed and the
   * trainables alone, so that a resumed run repeats what the interrupted one would have done. It tidies up after itself.
   */
  step(index: number): Step | Promise<Step>;
  /** What else is known of the result, for the `done` event; asked for after the last step. */
  facts(): Record<string, number | string>;
}

/**
 * Trains from the newest checkpoint (else the trunk, else the start) to the end, and leaves the model in `output/model`.
 *
 * Emits `started`, each step `metrics`, now and then `progress` and `checkpoint`, at the end `memory`, `pace` and `done`. When asked to stop
 * it finishes the step, saves and emits `interrupted`. Neither the cadence of checkpoints nor interruptions change the
 * result. Throws a TrainerFailure: `diverged` when a metric is not finite, `fenced` when another took the attempt over.
 */
export async function train(job: TrainingJob, context: TrainerContext, training: Training): Promise<Outcome> {
  const { key, output, placement } = job;
  const { steps, trunk, leaves, architecture, tokenizer, chatTemplate, trainables, facts } = training;
  const resumed =
    (await restoreCheckpoint(output, key, trainables)) ??
    (trunk === undefined ? undefined : await restoreTrunk(trunk, steps, trainables));
  let { step, tokens } = resumed ?? { step: 0, tokens: 0 };
  let saved = step;
  const ancestry = await ancestryOf(job);
  const published = () => ({ architecture, tokenizer, chatTemplate, ancestry: ancestry({ step, tokens }) });
  context.emit({ event: 'started', resumedFrom: resumed?.step ?? null, steps, ...engine() });

  const save = async () => {
    context.checkLease();
    const path = await writeCheckpoint(output, key, { step, tokens }, published(), trainables, context.checkLease);
    context.emit({ event: 'checkpoint', step, path });
    saved = step;
  };

  const pace = createPace(placement.checkpointEvery);
  while (step < steps) {
    if (context.stopRequested()) {
      if (saved < step) await save();
      context.emit({ event: 'memory', peakBytes: peakMemory() });
      context.emit({ event: 'interrupted', step });
      return 'interrupted';
    }
    const done = await training.step(step);
    step += 1;
    tokens += done.tokens;
    requireFinite(done.values, step);
    const { values, data } = done;
    context.emit({ event: 'metrics', step, tokens, values, ...(data && { data }) });
    const speed = pace.afterStep(done.tokens, steps - step);
    if (speed !== undefined) {
      context.checkLease();
      context.emit({ event: 'progress', step, steps, ...speed, values: done.values });
    }
    if (step < steps && pace.checkpointDue(step)) await save();
    await yieldToEvents();
  }

  context.checkLease();
  const { parameters } = trainables.model;
  if (leaves === 'trunk') {
    await writeTrunk(output, key, { step, tokens }, published(), trainables, context.checkLease);
  } else {
    await writeModel(output, { ...published(), parameters }, context.checkLease);
  }
  context.emit({ event: 'memory', peakBytes: peakMemory() });
  const secondsPerStep = pace.secondsPerStep();
  if (secondsPerStep !== undefined) context.emit({ event: 'pace', secondsPerStep });
  context.emit({
    event: 'done',
    step,
    tokens,
    model: 'model',
    facts: { parameters: countParameters(parameters), ...facts() },
  });
  return 'done';
}

/** What computes, as a `started` event says it: this trainer and its framework with versions, and the device they use. */
export function engine(): Pick<StartedEvent, 'device' | 'hardware' | 'engine'> {
  return {
    device,
    ...(hardware !== undefined && { hardware }),
    engine: `descent ${version()}, TensorFlow ${tensorFlowVersion}`,
  };
}

function requireFinite(values: Record<string, number>, step: number): void {
  const odd = Object.entries(values).find(([, value]) => !Number.isFinite(value));
  if (odd === undefined) return;
  throw new TrainerFailure('diverged', `${odd[0]} became ${odd[1]} at step ${step}: training diverged`);
}
