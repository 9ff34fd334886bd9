import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { PlanNode } from '../planner/plan.ts';
import type { MetricsEvent, TrainerEvent } from '../schemas/types/event.ts';
import type { Manifest } from '../schemas/types/manifest.ts';
import { firstStart } from '../store/lease.ts';
import { appendTo, type RowAppender } from './append.ts';
import { readEvents } from './events.ts';

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
    metrics: await appendTo(connection, 'incoming_metrics'),
    names: await appendTo(connection, 'incoming_names'),
    batches: await appendTo(connection, 'incoming_batches'),
    evaluations: await appendTo(connection, 'incoming_evaluations'),
    samples: await appendTo(connection, 'incoming_samples'),
    overlaps: await appendTo(connection, 'incoming_overlaps'),
  };
  const names: NameLists = { all: new Map(), last: { number: -1, list: [] } };
  for (const [source, input] of inputs.entries()) await stageAttempt(into, names, source, input);
  for (const { number, list } of names.all.values())
    for (const [place, metric] of list.entries()) into.names.add([number, place, metric]);
  const counts = Object.entries(into).map(([name, appender]) => [name, appender.close()] as const);
  return Object.fromEntries(counts) as Staged;
}

/** Of metrics, of which there are most, a step is one row, the names stand once, and whole numbers are JavaScript's own. */
const stagingTables = {
  attempts: `source INTEGER, key VARCHAR, attempt INTEGER, address VARCHAR, state VARCHAR, engine VARCHAR, device VARCHAR,
    executions INTEGER, started_at VARCHAR, finished_at VARCHAR, step BIGINT, steps BIGINT, tokens BIGINT,
    failure VARCHAR, message VARCHAR, steady BOOLEAN`,
  facts: 'source INTEGER, name VARCHAR, kind VARCHAR, value VARCHAR, number DOUBLE',
  starts: `source INTEGER, line INTEGER, execution INTEGER, resumed_from BIGINT, steps BIGINT, device VARCHAR,
    engine VARCHAR`,
  metrics: 'source INTEGER, line INTEGER, step DOUBLE, tokens DOUBLE, names INTEGER, "values" DOUBLE[]',
  names: 'names INTEGER, place INTEGER, metric VARCHAR',
  batches: 'source INTEGER, line INTEGER, step BIGINT, digest VARCHAR, documents VARCHAR, problems VARCHAR',
  evaluations: `source INTEGER, line INTEGER, suite VARCHAR, task VARCHAR, metric VARCHAR, value DOUBLE, n BIGINT,
    low DOUBLE, high DOUBLE`,
  samples: `source INTEGER, line INTEGER, step BIGINT, task VARCHAR, problem VARCHAR, sample INTEGER, prompt VARCHAR,
    response VARCHAR, answer VARCHAR, expected VARCHAR, correct BOOLEAN, reward DOUBLE, why VARCHAR,
    log_likelihoods VARCHAR, truncated BOOLEAN`,
  overlaps: `source INTEGER, line INTEGER, trained VARCHAR, trained_problems BIGINT, against VARCHAR, problems BIGINT,
    exact BIGINT, grams BIGINT, common BIGINT, most_exact DOUBLE, most_grams DOUBLE`,
};

type Appenders = Record<keyof typeof stagingTables, RowAppender>;

/** The lists of metrics' names that steps have, by their text, and that of the last step, which is mostly that of the next. */
interface NameLists {
  all: Map<string, NameList>;
  last: NameList;
}

interface NameList {
  number: number;
  list: string[];
}

async function stageAttempt(into: Appenders, names: NameLists, source: number, input: IngestInput): Promise<void> {
  let progress = { ...nothingYet };
  let [steady, last] = [true, noStep];
  for await (const batch of readEvents(join(input.folder, 'events.jsonl'))) {
    for (const { line, event } of batch) {
      progress = advance(progress, event);
      stageEvent(into, names, source, line, event, progress.executions);
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

function stageEvent(
  into: Appenders,
  names: NameLists,
  source: number,
  line: number,
  event: TrainerEvent,
  execution: number,
): void {
  switch (event.event) {
    case 'started':
      into.starts.add([source, line, execution, event.resumedFrom, event.steps, event.device, event.engine]);
      break;
    case 'metrics':
      into.metrics.add([source, line, event.step, event.tokens, namesOf(event, names), Object.values(event.values)]);
      if (event.data) {
        const { digest, documents, problems } = event.data;
        into.batches.add([source, line, event.step, digest, textOf(documents), textOf(problems)]);
      }
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

/** The number of the list of a step's metrics. */
function namesOf({ values }: MetricsEvent, names: NameLists): number {
  const list = Object.keys(values);
  const { last, all } = names;
  if (last.list.length !== list.length || list.some((name, place) => name !== last.list[place])) {
    const text = JSON.stringify(list);
    names.last = all.get(text) ?? { number: all.size, list };
    all.set(text, names.last);
  }
  return names.last.number;
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
      // Changed in place: there may be a million of them.
      progress.step = event.step;
      progress.tokens = event.tokens;
      return progress;
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

/** The attempt as its manifest has it, or else as its events have it so far. */
function describe({ manifest, folder }: IngestInput, progress: Progress) {
  if (manifest === null) return { ...progress, startedAt: firstStart(folder) ?? null, finishedAt: null };
  return { ...manifest.provenance, state: 'done', failure: null, message: null };
}

function attemptNumber(folder: string): number {
  const digits = /attempt-(\d+)\/?$/.exec(folder)?.[1];
  if (digits === undefined) throw new Error(`${folder} is not the folder of an attempt`);
  return Number(digits);
}
