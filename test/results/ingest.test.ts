import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PlanNode } from '../../planner/plan.ts';
import { withDatabase } from '../../results/database.ts';
import { type Ingested, ingestAttempt, ingestAttempts } from '../../results/ingest.ts';
import { runQuery } from '../../results/query.ts';
import type { IngestInput } from '../../results/staging.ts';
import type { TrainerEvent } from '../../schemas/types/event.ts';
import { beginAttempt } from '../../store/attempt.ts';
import { forgetFailure, noteFailure } from '../../store/failure.ts';
import { startScript, temporaryHome } from '../store/support.ts';
import { asLines, makeEvents } from './events.ts';
import { makePlan } from './lineage.ts';
import { leaveEvents, runNode } from './run.ts';

const plan = makePlan({ replay: ['0%'], seeds: [1] });
const base = plan.nodes.find(({ stage }) => stage === 'base') as PlanNode;
const pass = plan.nodes.find(({ address }) => address.startsWith('tuned') && address.endsWith('/id')) as PlanNode;

/** An unfinished attempt whose events are the given text, ingested. */
async function ingestText(home: string, node: PlanNode, text: string): Promise<Ingested> {
  const folder = join(home, 'store', node.key, 'attempt-1');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'events.jsonl'), text);
  return withDatabase(home, 'write', (connection) => ingestAttempt(connection, { node, manifest: null, folder }));
}

async function rows(home: string, sql: string) {
  return (await runQuery(home, sql)).rows;
}

test('a finished attempt is in the tables with all its figures, once, however often it is read', async (t) => {
  const home = await temporaryHome(t);
  for (const node of [base, pass]) {
    const run = await runNode(home, node);
    for (let i = 0; i < 2; i += 1) {
      await withDatabase(home, 'write', (connection) => ingestAttempt(connection, run));
    }
  }
  assert.deepEqual(
    await rows(home, 'SELECT metric, count(*), count(DISTINCT step), sum(value) FROM metrics GROUP BY ALL ORDER BY 1'),
    [
      ['gradientNorm', 20, 20, 3.597739657143682],
      ['loss', 20, 20, 79],
      ['lr', 20, 20, 0.02000000000000001],
    ],
  );
  assert.deepEqual(
    await rows(home, `SELECT step, tokens, value FROM metrics WHERE metric = 'loss' AND step IN (1, 20) ORDER BY 1`),
    [
      [1, 2048, 4.9],
      [20, 40_960, 3],
    ],
  );
  assert.deepEqual(await rows(home, 'SELECT suite, task, metric, value, n, low, high FROM evaluations ORDER BY task'), [
    ['id', 'all', 'pass@1', 0.6, 5, 0.39999999999999997, 0.8],
    ['id', 'math', 'pass@1', 0.6, 5, 0.39999999999999997, 0.8],
  ]);
  assert.deepEqual(
    await rows(
      home,
      'SELECT problem, sample, response, answer, expected, correct, reward, why FROM samples ORDER BY 1',
    ).then((all) => all.slice(2, 4)),
    [
      ['p2', 0, ' 2 + 1 = 3.\nThe answer is 3.', '3', '3', true, null, 'number: 3 is 3'],
      ['p3', 0, ' I "like", apples | pears', null, '4', false, null, null],
    ],
  );
  assert.deepEqual(await rows(home, `SELECT name, kind, number FROM facts WHERE key = '${base.key}' ORDER BY 1`), [
    ['parameters', 'number', 860_000],
    ['unigramEntropy', 'number', 4.25],
  ]);
  assert.deepEqual(
    await rows(
      home,
      `SELECT attempt, address, state, engine, device, executions, started_at, finished_at, step, steps, tokens, failure
                      FROM attempts WHERE key = '${base.key}'`,
    ),
    [
      [
        1,
        'base@seed=1',
        'done',
        'descent 0.1.0',
        'cpu',
        1,
        '2026-01-01T00:00:00.000Z',
        '2026-01-01T00:01:30.500Z',
        20,
        20,
        40_960,
        null,
      ],
    ],
  );
});

/*
 *   execution 1: steps 1-13, killed          (checkpoint at 10)
 *   execution 2: from 10, steps 11-17, killed (checkpoint at 15)
 *   execution 3: from 15, steps 16-20, done
 */
test('after interruptions each step counts once, as the last execution reported it', async (t) => {
  const home = await temporaryHome(t);
  const marked = (events: TrainerEvent[], execution: number) =>
    events.map((event) => (event.event === 'metrics' ? { ...event, values: { execution } } : event));
  const text = [
    marked(makeEvents(base, { until: 13 }), 1),
    marked(makeEvents(base, { from: 10, until: 17 }), 2),
    marked(makeEvents(base, { from: 15 }), 3),
  ].map(asLines);
  assert.deepEqual(await ingestText(home, base, text.join('')), { metrics: 20, evaluations: 0, samples: 0 });
  assert.deepEqual(
    await rows(home, 'SELECT value, count(*), min(step), max(step) FROM metrics GROUP BY ALL ORDER BY 1'),
    [
      [1, 10, 1, 10],
      [2, 5, 11, 15],
      [3, 5, 16, 20],
    ],
  );
  assert.deepEqual(await rows(home, 'SELECT execution, resumed_from FROM executions ORDER BY 1'), [
    [1, null],
    [2, 10],
    [3, 15],
  ]);
  assert.deepEqual(await rows(home, 'SELECT state, executions, step FROM attempts'), [['running', 3, 20]]);
});

test('a later start voids what an earlier one had kept', async (t) => {
  const home = await temporaryHome(t);
  // From 15, but the checkpoint was found damaged: next from 5, then from scratch but for two steps.
  const text = [
    makeEvents(base, { until: 18 }),
    makeEvents(base, { from: 15, until: 16 }),
    makeEvents(base, { from: 5, until: 7 }),
  ];
  await ingestText(home, base, text.map(asLines).join(''));
  assert.deepEqual(await rows(home, 'SELECT count(DISTINCT step), max(step), count(*) FROM metrics'), [[7, 7, 21]]);
  await ingestText(home, base, [...text, makeEvents(base, { until: 2 })].map(asLines).join(''));
  assert.deepEqual(await rows(home, 'SELECT count(DISTINCT step), max(step), count(*) FROM metrics'), [[2, 2, 6]]);
});

test('an evaluation that starts afresh leaves nothing of its earlier executions', async (t) => {
  const home = await temporaryHome(t);
  const whole = makeEvents(pass);
  const half = whole.slice(0, 4);
  assert.deepEqual(await ingestText(home, pass, asLines([...half, ...whole])), {
    metrics: 0,
    evaluations: 2,
    samples: 5,
  });
  const odd: TrainerEvent = {
    event: 'evaluation',
    suite: 'id',
    task: 'odd',
    metric: 'loss',
    value: 1,
    n: 1,
    low: 0,
    high: 2,
  };
  assert.deepEqual(await ingestText(home, pass, asLines([...half, odd, ...whole])), {
    metrics: 0,
    evaluations: 2,
    samples: 5,
  });
});

test('what is reported twice counts once, as it was reported last', async (t) => {
  const home = await temporaryHome(t);
  const step = (value: number): TrainerEvent => ({ event: 'metrics', step: 1, tokens: 1, values: { loss: value } });
  const start = makeEvents(base).slice(0, 1);
  assert.equal((await ingestText(home, base, asLines([...start, step(3), step(2), step(1)]))).metrics, 1);
  assert.deepEqual(await rows(home, 'SELECT value FROM metrics'), [[1]]);
});

test('half a line at the end is left out, a whole one without its newline is not', async (t) => {
  const home = await temporaryHome(t);
  const text = asLines(makeEvents(base, { until: 10 }));
  const next = '{"event":"metrics","step":11,"tokens":1,"values":{"loss":1}}';
  for (let length = 0; length < next.length; length += 7) {
    assert.equal((await ingestText(home, base, text + next.slice(0, length))).metrics, 30);
  }
  assert.equal((await ingestText(home, base, text + next)).metrics, 31);
});

test('what is no event is an error with file and line', async (t) => {
  const home = await temporaryHome(t);
  const good = asLines(makeEvents(base, { until: 1 }));
  const path = join(home, 'store', base.key, 'attempt-1', 'events.jsonl');
  const cases: [string, RegExp][] = [
    ['{"event":"metr\n', /:3: not a line of JSON: \{"event":"metr$/],
    ['{"event":"telemetry"}\n', /:3: not a valid event .*`event` must be one of started, .*, and is "telemetry"/],
    ['{"event":"interrupted","step":1,"mood":"good"}\n', /:3: not a valid event .*\(`mood`\)/],
    ['{"event":"interrupted","step":-1}\n', /:3: not a valid event .*`step` must be >= 0/],
    ['{"event":"metrics","step":2,"tokens":1,"values":{"loss":1e999}}\n', /:3: not a valid event .*`values.loss`/],
  ];
  for (const [line, message] of cases) {
    await assert.rejects(ingestText(home, base, good + line), (error: Error) => {
      assert.equal(error.name, 'EventsError');
      assert.ok(error.message.startsWith(path), error.message);
      assert.match(error.message, message);
      return true;
    });
  }
  assert.deepEqual(await rows(home, 'SELECT count(*) FROM attempts'), [[0]]);
});

test('how an unfinished attempt stands is told by its last events', async (t) => {
  const home = await temporaryHome(t);
  const some = makeEvents(base, { until: 10 });
  const ends: [TrainerEvent[], unknown[]][] = [
    [[], ['running', 10, null, null]],
    [[{ event: 'interrupted', step: 10 }], ['interrupted', 10, null, null]],
    [
      [{ event: 'failed', kind: 'diverged', message: 'the loss is NaN', step: 9 }],
      ['failed', 9, 'diverged', 'the loss is NaN'],
    ],
    [
      [{ event: 'failed', kind: 'internal', message: 'no', step: 9 }, ...makeEvents(base, { from: 5, until: 7 })],
      ['running', 7, null, null],
    ],
  ];
  for (const [end, expected] of ends) {
    await ingestText(home, base, asLines([...some, ...end]));
    assert.deepEqual(await rows(home, 'SELECT state, step, failure, message FROM attempts'), [expected]);
  }
});

test('an attempt of which only its worker knows why it failed has that, until an execution goes on with it', async (t) => {
  const home = await temporaryHome(t);
  const begun = await beginAttempt(home, base);
  assert.ok(begun.state === 'begun');
  const { folder } = begun.attempt;
  const ingest = () =>
    withDatabase(home, 'write', (connection) => ingestAttempt(connection, { node: base, manifest: null, folder }));
  const told = () => rows(home, 'SELECT state, failure, message FROM attempts');
  noteFailure(folder, { kind: 'no-trainer', message: 'cannot start the trainer' });
  await ingest();
  assert.deepEqual(await told(), [['failed', 'no-trainer', 'cannot start the trainer']]);
  forgetFailure(folder);
  await ingest();
  assert.deepEqual(await told(), [['running', null, null]]);
});

test('an attempt that waits for its first event has its row, with the time it began', async (t) => {
  const home = await temporaryHome(t);
  const begun = await beginAttempt(home, base);
  assert.ok(begun.state === 'begun');
  const { folder, startedAt } = begun.attempt;
  await withDatabase(home, 'write', (connection) => ingestAttempt(connection, { node: base, manifest: null, folder }));
  assert.deepEqual(await rows(home, 'SELECT attempt, state, executions, started_at FROM attempts'), [
    [1, 'running', 0, startedAt],
  ]);
});

test('another attempt at a key stands beside the first, and the views show the newest that is done', async (t) => {
  const home = await temporaryHome(t);
  const first = await leaveEvents(home, base, asLines(makeEvents(base)));
  const second = await leaveEvents(home, base, asLines(makeEvents(base, { steps: 10 })), 2);
  const ingest = (run: typeof first) => withDatabase(home, 'write', (connection) => ingestAttempt(connection, run));
  await ingest(first);
  await ingest(second);
  assert.deepEqual(await rows(home, 'SELECT attempt, count(*) FROM metrics GROUP BY ALL ORDER BY 1'), [
    [1, 60],
    [2, 30],
  ]);
  assert.deepEqual(await rows(home, 'SELECT DISTINCT attempt FROM latest_metrics'), [[2]]);
  const third = await beginAttempt(home, base, { from: 3 });
  assert.ok(third.state === 'begun');
  await withDatabase(home, 'write', (connection) =>
    ingestAttempt(connection, { node: base, manifest: null, folder: third.attempt.folder }),
  );
  assert.deepEqual(await rows(home, 'SELECT attempt FROM latest_attempts'), [[2]]);
});

test('many attempts at once give the same as one by one', async (t) => {
  const [one, many] = [await temporaryHome(t), await temporaryHome(t)];
  const dump = async (home: string) => ({
    metrics: await rows(home, 'SELECT key, step, metric, value FROM metrics ORDER BY ALL'),
    evaluations: await rows(home, 'SELECT key, suite, task, metric, value FROM evaluations ORDER BY ALL'),
    samples: await rows(home, 'FROM samples ORDER BY ALL'),
    attempts: await rows(home, 'SELECT * EXCLUDE (started_at) FROM attempts ORDER BY ALL'),
    facts: await rows(home, 'FROM facts ORDER BY ALL'),
  });
  const nodes = plan.nodes.slice(0, 6);
  const inputs: IngestInput[] = [];
  for (const node of nodes) inputs.push(await leaveEvents(one, node, asLines(makeEvents(node))));
  for (const input of inputs) await withDatabase(one, 'write', (connection) => ingestAttempt(connection, input));
  await withDatabase(many, 'write', (connection) => ingestAttempts(connection, inputs));
  const expected = await dump(one);
  assert.equal(expected.attempts.length, nodes.length);
  assert.deepEqual(await dump(many), expected);
  await withDatabase(many, 'write', (connection) => ingestAttempts(connection, inputs));
  assert.deepEqual(await dump(many), expected);
});

test('a process killed in the middle leaves the whole of it or nothing, and the next one sets it right', async (t) => {
  const home = await temporaryHome(t);
  const node = makePlan().nodes[1] as PlanNode;
  const folder = join(home, 'store', node.key, 'attempt-1');
  await mkdir(folder, { recursive: true });
  const steps = 10_000;
  await writeFile(join(folder, 'events.jsonl'), asLines(makeEvents(node, { steps })));
  await withDatabase(home, 'write', async () => {});
  const state = () =>
    rows(home, 'SELECT (SELECT count(*) FROM attempts), (SELECT count(*) FROM metrics), (SELECT count(*) FROM nodes)');
  const [nothing, everything] = [[[0, 0, 0]], [[1, steps * 3, 1]]];
  for (const delay of [30, 150, 300]) {
    const script = startScript(t, new URL('./scripts/ingest.js', import.meta.url), [home, folder]);
    // The first round dies before anything was committed, the others while they replace what was.
    if (delay > 100) await script.nextLine();
    await sleep(delay);
    script.kill('SIGKILL');
    assert.equal((await script.closed).signal, 'SIGKILL');
    assert.deepEqual(await state(), delay > 100 ? everything : nothing);
  }
  await withDatabase(home, 'write', (connection) => ingestAttempt(connection, { node, manifest: null, folder }));
  assert.deepEqual(await state(), everything);
  assert.deepEqual(await rows(home, `SELECT count(DISTINCT step), sum(step) FROM metrics WHERE metric = 'loss'`), [
    [steps, (steps * (steps + 1)) / 2],
  ]);
});
