import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { PlanNode } from '../planner/plan.ts';
import type { TrainerEvent } from '../schemas/types/event.ts';
import type { Manifest } from '../schemas/types/manifest.ts';
import { notedFailure } from '../store/failure.ts';
import { firstStart } from '../store/lease.ts';
import { appendTo, type RowAppender } from './append.ts';
import { readLines } from './events.ts';
import { type Forms, partsOf } from './steps.ts';

/** An attempt to read into the tables. */
export interface IngestInput {
  node: PlanNode;
  /** Null while the attempt is unfinished. */
  manifest: Manifest | null;
  /** Absolute path of the attempt's folder, `.../attempt-2`. */
  folder: string;
}

/** How many rows were staged of each kind. */
export type Staged = Record<keyof typeof stagingTables, number>;

/**
 * Reads the attempts' events, as they are, into temporary tables `incoming_*`, the nth attempt as `source` n, with the
 * line each was on. Nothing is left out yet; of attempts that are `steady` no step has to be: each was reported once, and none
 * before a start. Throws an EventsError for an event that does not follow the contract.
 */
export async function stageAttempts(connection: DuckDBConnection, inputs: readonly IngestInput[]): Promise<Staged> {
  for (const [name, columns] of Object.entries(stagingTables))
    await connection.run(`CREATE OR REPLACE TEMP TABLE incoming_${name} (${columns})`);
  const into = {
    attempts: await appendTo(connection, 'incoming_attempts'),
    facts: await appendTo(connection, 'incoming_facts'),
    starts: await appendTo(connection, 'incoming_starts'),
    steps: await appendTo(connection, 'incoming_steps'),
    evaluations: await appendTo(connection, 'incoming_evaluations'),
    samples: await appendTo(connection, 'incoming_samples'),
    overlaps: await appendTo(connection, 'incoming_overlaps'),
  };
  const forms: Forms = { known: new Map(), newest: undefined };
  for (const [source, input] of inputs.entries()) await stageAttempt(into, forms, source, input);
  const counts = Object.entries(into).map(([name, appender]) => [name, appender.close()] as const);
  return Object.fromEntries(counts) as Staged;
}

/** Of steps, of which there are most, a row is a run of them: lines of JSON, the first of which was on `line`. */
const stagingTables = {
  attempts: `source INTEGER, key VARCHAR, attempt INTEGER, address VARCHAR, state VARCHAR, engine VARCHAR, device VARCHAR,
    executions INTEGER, started_at VARCHAR, finished_at VARCHAR, step BIGINT, steps BIGINT, tokens BIGINT,
    failure VARCHAR, message VARCHAR, steady BOOLEAN`,
  facts: 'source INTEGER, name VARCHAR, kind VARCHAR, value VARCHAR, number DOUBLE',
  starts: `source INTEGER, line INTEGER, execution INTEGER, resumed_from BIGINT, steps BIGINT, device VARCHAR,
    engine VARCHAR`,
  steps: 'source INTEGER, line INTEGER, lines VARCHAR, has_data BOOLEAN',
  evaluations: `source INTEGER, line INTEGER, suite VARCHAR, task VARCHAR, metric VARCHAR, value DOUBLE, n BIGINT,
    low DOUBLE, high DOUBLE`,
  samples: `source INTEGER, line INTEGER, step BIGINT, task VARCHAR, problem VARCHAR, sample INTEGER, prompt VARCHAR,
    response VARCHAR, answer VARCHAR, expected VARCHAR, correct BOOLEAN, reward DOUBLE, why VARCHAR,
    log_likelihoods VARCHAR, truncated BOOLEAN`,
  overlaps: `source INTEGER, line INTEGER, trained VARCHAR, trained_problems BIGINT, against VARCHAR, problems BIGINT,
    exact BIGINT, grams BIGINT, common BIGINT, most_exact DOUBLE, most_grams DOUBLE`,
};

type Appenders = Record<keyof typeof stagingTables, RowAppender>;

async function stageAttempt(into: Appenders, forms: Forms, source: number, input: IngestInput): Promise<void> {
  let progress = { ...nothingYet };
  let [steady, last] = [true, noStep];
  for await (const lines of readLines(join(input.folder, 'events.jsonl'))) {
    for (const part of partsOf(lines, forms)) {
      if ('text' in part) {
        into.steps.add([source, part.line, part.text, part.hasData]);
        // Changed in place: there may be a million of them.
        progress.step = part.last;
        progress.tokens = part.tokens;
        steady &&= part.rises && part.first > last;
        last = part.last;
        continue;
      }
      const { line, event } = part;
      progress = advance(progress, event);
      stageEvent(into, source, line, event, progress.executions);
      if (event.event === 'metrics') {
        steady &&= event.step > last;
        last = event.step;
      } else if (event.event === 'started') steady &&= last === noStep;
    }
  }
  const facts = { ...progress.measured, ...progress.facts, ...input.manifest?.facts };
  for (const [name, value] of Object.entries(facts)) {
    const isNumber = typeof value === 'number';
    into.facts.add([source, name, isNumber ? 'number' : 'text', String(value), isNumber ? value : null]);
  }
  const { state, engine, device, executions, startedAt, finishedAt, failure, message } = describe(input, progress);
  const { step, steps, tokens } = progress;
  into.attempts.add([
    source,
    input.node.key,
    input.manifest?.attempt ?? attemptNumber(input.folder),
    input.manifest?.address ?? input.node.address,
    state,
    engine,
    device,
    executions,
    startedAt,
    finishedAt,
    step,
    steps,
    tokens,
    failure,
    message,
    steady,
  ]);
}

/** Before the first step, which may be 0. */
const noStep = -1;

function stageEvent(into: Appenders, source: number, line: number, event: TrainerEvent, execution: number): void {
  switch (event.event) {
    case 'started':
      into.starts.add([source, line, execution, event.resumedFrom, event.steps, event.device, event.engine]);
      break;
    case 'metrics':
      into.steps.add([source, line, JSON.stringify(event), event.data !== undefined]);
      break;
    case 'evaluation': {
      const { suite, task, metric, value, n, low, high } = event;
      into.evaluations.add([source, line, suite, task, metric, value, n, low, high]);
      break;
    }
    case 'sample': {
      const { step, task, problem, index, prompt, response, answer, expected, correct, reward, why } = event;
      const texts = [prompt, response, answer, expected];
      const remarks = [reward ?? null, why ?? null, textOf(event.logLikelihoods), event.truncated ?? null];
      into.samples.add([source, line, step, task, problem, index, ...texts, correct, ...remarks]);
      break;
    }
    case 'overlap': {
      const { trained, trainedProblems, against, problems, exact, grams, common, mostExact, mostGrams } = event;
      const counts = [problems, exact, grams, common, mostExact, mostGrams];
      into.overlaps.add([source, line, trained, trainedProblems, against, ...counts]);
      break;
    }
  }
}

function textOf(value: object | undefined): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

/** What the events say of the attempt as a whole, up to their end. */
interface Progress {
  state: 'running' | 'interrupted' | 'failed';
  engine: string | null;
  device: string | null;
  executions: number;
  step: number | null;
  steps: number | null;
  tokens: number | null;
  failure: string | null;
  message: string | null;
  facts: Record<string, number | string>;
  /** What is known of the latest execution, and not of its result. */
  measured: Record<string, number>;
}

const nothingYet: Progress = {
  state: 'running',
  engine: null,
  device: null,
  executions: 0,
  step: null,
  steps: null,
  tokens: null,
  failure: null,
  message: null,
  facts: {},
  measured: {},
};

function advance(progress: Progress, event: TrainerEvent): Progress {
  switch (event.event) {
    case 'started': {
      const { engine, device, steps, resumedFrom } = event;
      const executions = progress.executions + 1;
      return { ...nothingYet, executions, engine, device, steps, step: resumedFrom, tokens: progress.tokens };
    }
    case 'metrics':
      return { ...progress, step: event.step, tokens: event.tokens };
    case 'memory':
      return { ...progress, measured: { ...progress.measured, peakMemoryBytes: event.peakBytes } };
    case 'pace':
      return { ...progress, measured: { ...progress.measured, secondsPerStep: event.secondsPerStep } };
    case 'done':
      return { ...progress, step: event.step, tokens: event.tokens, facts: event.facts };
    case 'interrupted':
      return { ...progress, state: 'interrupted', step: event.step };
    case 'failed':
      return { ...progress, state: 'failed', step: event.step, failure: event.kind, message: event.message };
    case 'progress':
    case 'checkpoint':
    case 'sample':
    case 'evaluation':
    case 'overlap':
      return progress;
    default:
      return event satisfies never;
  }
}

/** The attempt as its manifest has it, or else as its events have it so far, and why it failed where its worker alone knows. */
function describe({ manifest, folder }: IngestInput, progress: Progress) {
  if (manifest === null) {
    const noted = notedFailure(folder);
    const failed = noted && { state: 'failed' as const, failure: noted.kind, message: noted.message };
    return { ...progress, ...failed, startedAt: firstStart(folder) ?? null, finishedAt: null };
  }
  return { ...manifest.provenance, state: 'done', failure: null, message: null };
}

function attemptNumber(folder: string): number {
  const digits = /attempt-(\d+)\/?$/.exec(folder)?.[1];
  if (digits === undefined) throw new Error(`${folder} is not the folder of an attempt`);
  return Number(digits);
}
