/** Steps that are told apart without being parsed, against what parsing says of their lines. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withDatabase } from '../../results/database.ts';
import { EventsError } from '../../results/errors.ts';
import { ingestAttempt } from '../../results/ingest.ts';
import { runQuery } from '../../results/query.ts';
import { type Forms, partsOf } from '../../results/steps.ts';
import type { MetricsEvent, TrainerEvent } from '../../schemas/types/event.ts';
import { validateEvent } from '../../schemas/validate.ts';
import { type Random, random } from '../../trainer/random.ts';
import { temporaryHome } from '../store/support.ts';
import { asLines } from './events.ts';
import { makePlan } from './lineage.ts';
import { leaveEvents } from './run.ts';

test('runs of steps and the events between them are the lines of the file, in their order', () => {
  let runs = 0;
  for (let seed = 0; seed < 200; seed += 1) {
    const luck = random(seed, 'file');
    const written = fileOf(luck);
    const parts = partsWithin(`${written.join('\n')}\n`);
    const found = parts.flatMap((part) => {
      if (!('text' in part)) return [part];
      const events = part.text.split('\n').map((text) => validateEvent(JSON.parse(text)) as MetricsEvent);
      const steps = events.map(({ step }) => step);
      assert.deepEqual(
        { ...part, text: '' },
        {
          line: part.line,
          text: '',
          count: events.length,
          first: steps[0],
          last: steps.at(-1),
          tokens: events.at(-1)?.tokens,
          rises: steps.every((step, at) => at === 0 || step > (steps[at - 1] as number)),
          hasData: events.some(({ data }) => data !== undefined),
        },
      );
      runs += 1;
      return events.map((event, at) => ({ line: part.line + at, event }));
    });
    const expected = written.flatMap((text, at) =>
      text.trim() === '' ? [] : [{ line: at + 1, event: validateEvent(JSON.parse(text)) }],
    );
    assert.deepEqual(found, expected, `seed ${seed}`);
  }
  assert.ok(runs > 200, `${runs} runs`);
});

test('a line that a letter was changed in is read as parsing reads it, or refused as that refuses it', () => {
  const counts = { taken: 0, parsed: 0, refused: 0 };
  for (let seed = 0; seed < 3000; seed += 1) {
    const luck = random(seed, 'letter');
    const names = pick(luck, nameLists);
    const [first, second] = [1, 2].map((step) => JSON.stringify(stepOf(luck, step, names))) as [string, string];
    const at = luck.integer(second.length);
    const text = second.slice(0, at) + pick(luck, letters) + second.slice(at + luck.integer(3));
    const expected = parsed(text);
    let parts: ReturnType<typeof partsWithin> = [];
    try {
      parts = partsWithin(`${first}\n${text}\n`).slice(1);
    } catch (error) {
      assert.ok(error instanceof EventsError && error.message.startsWith('events.jsonl:2: '), String(error));
      assert.equal(expected, undefined, text);
      counts.refused += 1;
      continue;
    }
    assert.notEqual(expected, undefined, text);
    const [part] = parts;
    if (part === undefined) continue;
    if ('text' in part) {
      assert.deepEqual(validateEvent(JSON.parse(part.text)), expected);
      counts.taken += 1;
    } else {
      assert.deepEqual(part.event, expected);
      counts.parsed += 1;
    }
  }
  for (const [what, count] of Object.entries(counts)) assert.ok(count > 100, `${count} ${what}`);
});

test('numbers and what was learned from are in the tables as they were written, whatever the form of their lines', async (t) => {
  const home = await temporaryHome(t);
  const luck = random(1, 'numbers');
  const node = makePlan().nodes.find(({ stage }) => stage === 'base');
  assert.ok(node);
  const extremes = [5e-324, 1.7976931348623157e308, -1e-99, 123_456_789_012_345_680_000, 0.1 + 0.2, 0, -7];
  const steps = Array.from({ length: 400 }, (_, at) => {
    const event = stepOf(luck, at + 1, pick(luck, nameLists));
    const names = Object.keys(event.values);
    if (at < extremes.length && names[0]) event.values[names[0]] = extremes[at] as number;
    return event;
  });
  // Parsed where the first of a form, or where there is a blank; else as it is.
  const lines = steps.map((step) => (luck.uniform() < 0.2 ? ` ${JSON.stringify(step)}` : JSON.stringify(step)));
  const started: TrainerEvent = { event: 'started', resumedFrom: null, steps: 400, device: 'cpu', engine: 'test' };
  const run = await leaveEvents(home, node, `${asLines([started])}${lines.join('\n')}\n`);
  const ingested = await withDatabase(home, 'write', (connection) => ingestAttempt(connection, run));
  const expected = steps.flatMap(({ step, tokens, values }) =>
    Object.entries(values).map(([metric, value]) => [step, tokens, metric, value]),
  );
  assert.equal(ingested.metrics, expected.length);
  const inOrder = (rows: unknown[][]) => rows.map((row) => JSON.stringify(row)).sort();
  const { rows } = await runQuery(home, 'SELECT step, tokens, metric, value FROM metrics');
  assert.deepEqual(inOrder(rows), inOrder(expected));
  const learned = await runQuery(home, 'SELECT step, digest, documents, problems FROM batches');
  const text = (value: object | undefined) => (value === undefined ? null : JSON.stringify(value));
  assert.deepEqual(
    inOrder(learned.rows),
    inOrder(
      steps.flatMap(({ step, data }) => (data ? [[step, data.digest, text(data.documents), text(data.problems)]] : [])),
    ),
  );
});

/** The parts of a text, each time of other forms than the last. */
function partsWithin(text: string) {
  const forms: Forms = { known: new Map(), newest: undefined };
  return [...partsOf({ path: 'events.jsonl', line: 1, text }, forms)];
}

function parsed(text: string): TrainerEvent | null | undefined {
  if (text.trim() === '') return null;
  try {
    return validateEvent(JSON.parse(text));
  } catch {
    return undefined;
  }
}

const nameLists = [
  ['loss', 'lr', 'gradientNorm'],
  ['loss', 'reward/mean (all)'],
  ['a.b', 'pass@1', 'é "q"\\'],
  ['7'],
  [],
];
const letters = ['0', '1', '9', '-', '.', 'e', '"', '}', '{', ',', ':', '[', ']', 'a', '\\', ' ', '\t', ''];

/** Lines of steps of a few forms, some with more space than they need, and of what else there may be. */
function fileOf(luck: Random): string[] {
  const lines: string[] = [];
  let names = pick(luck, nameLists);
  for (let step = 0; step < 30; step += 1) {
    if (luck.uniform() < 0.15) names = pick(luck, nameLists);
    const chance = luck.uniform();
    if (chance < 0.05) lines.push('');
    else if (chance < 0.1) lines.push(`{"event":"checkpoint","step":${step},"path":"checkpoints/step-${step}"}`);
    else {
      const text = JSON.stringify(stepOf(luck, chance < 0.15 ? 0 : step, names));
      lines.push(chance > 0.9 ? text.replaceAll(':', ': ') : text);
    }
  }
  return lines;
}

function stepOf(luck: Random, step: number, names: readonly string[]): MetricsEvent {
  const values = Object.fromEntries(names.map((name) => [name, numberOf(luck)]));
  const event: MetricsEvent = { event: 'metrics', step, tokens: step * 2048, values };
  const digest = luck
    .integer(2 ** 31)
    .toString(16)
    .padStart(16, '0');
  const chance = luck.uniform();
  if (chance < 0.2) event.data = { digest, documents: { web: [[step, step + 1]], 'ma th': [] } };
  else if (chance < 0.4) event.data = { digest, problems: { math: [`p${step}`, 'é'] } };
  else if (chance < 0.5) event.data = { digest };
  return event;
}

function numberOf(luck: Random): number {
  const chance = luck.uniform();
  if (chance < 0.2) return luck.integer(100) - 50;
  if (chance < 0.4) return luck.normal() * 1e-12;
  return luck.normal() * 10 ** (luck.integer(40) - 20);
}

function pick<T>(luck: Random, from: readonly T[]): T {
  return from[luck.integer(from.length)] as T;
}
