import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  BadEventError,
  collectEvents,
  errorsPath,
  followEvents,
  lastLines,
  outputPath,
} from '../../activities/events.ts';
import type { TrainerEvent } from '../../schemas/types/event.ts';
import { until } from '../fixtures/home.ts';

let root: string;

before(() => {
  root = mkdtempSync(join(tmpdir(), 'descent-events-'));
});

after(() => rmSync(root, { recursive: true, force: true }));

const line = (event: TrainerEvent): string => `${JSON.stringify(event)}\n`;
const started = (resumedFrom: number | null): string =>
  line({ event: 'started', resumedFrom, steps: 9, device: 'cpu', engine: 'test' });
const metrics = (step: number): string => line({ event: 'metrics', step, tokens: step, values: { loss: 1 } });
const progress = line({ event: 'progress', step: 1, steps: 9, tokensPerSecond: 1, secondsLeft: 1, values: {} });

describe('the record of an attempt', () => {
  test('is what all executions said, in their order, without progress, halves and noise', async () => {
    const folder = mkdtempSync(join(root, 'record-'));
    writeFileSync(join(folder, 'events.jsonl'), 'what was written before\n');
    writeFileSync(outputPath(folder, 2), `${started(1)}noise\n${metrics(2)}`);
    writeFileSync(outputPath(folder, 1), `${started(null)}${metrics(1)}${progress}${metrics(2)}{"event":"met`);
    writeFileSync(outputPath(folder, 10), `${started(2)}${line({ event: 'interrupted', step: 2 })}`);
    const said = await collectEvents(folder);
    assert.equal(
      readFileSync(join(folder, 'events.jsonl'), 'utf8'),
      [
        started(null),
        metrics(1),
        metrics(2),
        started(1),
        metrics(2),
        started(2),
        line({ event: 'interrupted', step: 2 }),
      ].join(''),
    );
    assert.equal(said.started?.resumedFrom, 2);
    assert.equal(said.last?.event, 'interrupted');
  });

  test('is empty, and there, before anything was said', async () => {
    const folder = mkdtempSync(join(root, 'empty-'));
    assert.deepEqual(await collectEvents(folder), {});
    assert.equal(readFileSync(join(folder, 'events.jsonl'), 'utf8'), '');
  });
});

test('a record that cannot be made leaves nothing behind, and the one before as it was', async () => {
  const folder = mkdtempSync(join(root, 'unmade-'));
  writeFileSync(join(folder, 'events.jsonl'), 'what was written before\n');
  writeFileSync(outputPath(folder, 1), 'x'.repeat(5 << 20));
  await assert.rejects(collectEvents(folder), { name: 'BadEventError', message: /^line 1 is longer than/ });
  assert.deepEqual(readdirSync(folder).sort(), ['events.jsonl', 'execution-1.events.log']);
  assert.equal(readFileSync(join(folder, 'events.jsonl'), 'utf8'), 'what was written before\n');
});

describe('following a trainer', () => {
  test('hands on each event soon after it was written whole, and all of them before it ends', async () => {
    const folder = mkdtempSync(join(root, 'follow-'));
    writeFileSync(outputPath(folder, 1), started(null));
    await collectEvents(folder);
    const seen: string[] = [];
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    writeFileSync(outputPath(folder, 2), '');
    const following = followEvents(folder, 2, ended, ({ event }) => seen.push(event));
    appendFileSync(outputPath(folder, 2), started(null) + metrics(1).slice(0, 20));
    await until(() => seen.length === 1, 'the first event arrives');
    appendFileSync(outputPath(folder, 2), metrics(1).slice(20) + progress);
    await until(() => seen.length === 3, 'the halves are put together');
    // Many at once, more than one read takes.
    appendFileSync(outputPath(folder, 2), Array.from({ length: 20_000 }, (_, at) => metrics(at + 2)).join(''));
    end();
    const said = await following;
    assert.equal(seen.length, 20_003);
    assert.deepEqual(said.last, { event: 'metrics', step: 20_001, tokens: 20_001, values: { loss: 1 } });
    const record = readFileSync(join(folder, 'events.jsonl'), 'utf8').trim().split('\n');
    assert.equal(record.length, 20_003, 'one start of each execution, and all metrics');
  });

  test('ends at the first line that is no event, and says which', async () => {
    for (const [name, text, said] of [
      [
        'json',
        `${started(null)}Epoch 1\n`,
        /line 2 of the trainer's standard output is not an event: it is not JSON: Epoch 1/,
      ],
      [
        'nan',
        `${started(null)}{"event":"metrics","step":1,"tokens":1,"values":{"loss":NaN}}\n`,
        /line 2 .* is not JSON/,
      ],
      ['schema', '{"event":"metrics","step":-1}\n', /line 1 .* not a valid event/],
    ] as const) {
      const folder = mkdtempSync(join(root, `bad-${name}-`));
      writeFileSync(outputPath(folder, 1), text);
      await assert.rejects(
        followEvents(folder, 1, Promise.resolve(), () => undefined),
        (error: unknown) => {
          assert.ok(error instanceof BadEventError);
          assert.match(error.message, said);
          return true;
        },
      );
    }
  });
});

describe('a disk without room', () => {
  test('leaves an event that the next one cut off, and that is told from what is none', async () => {
    const folder = mkdtempSync(join(root, 'cut-'));
    for (const [text, cutOff] of [
      [`${metrics(1).slice(0, 30)}${metrics(2)}`, true],
      [`{"event": "sample", "response": "fifty va{"event": "metrics", "step": 2}\n`, true],
      ['{"event":"sample","response":"{\\"event\\":"\n', false],
      ['Epoch 1\n', false],
      ['{"event":"metrics","step":-1}\n', false],
    ] as const) {
      writeFileSync(outputPath(folder, 1), text);
      const following = followEvents(folder, 1, Promise.resolve(), () => undefined);
      await assert.rejects(following, { name: 'BadEventError', cutOff }, text);
    }
  });

  test('leaves half a line at the end', async () => {
    const folder = mkdtempSync(join(root, 'half-'));
    const follow = () => followEvents(folder, 1, Promise.resolve(), () => undefined);
    writeFileSync(outputPath(folder, 1), started(null) + metrics(1).slice(0, 20));
    assert.equal((await follow()).half, true);
    writeFileSync(outputPath(folder, 1), started(null) + metrics(1));
    assert.equal((await follow()).half, undefined);
  });
});

test('the last lines of a log are those with something in them', async () => {
  const path = errorsPath(root, 1);
  assert.deepEqual(lastLines(path, 3), []);
  writeFileSync(path, `${'x'.repeat(20_000)}\none\n\n two\nthree\n\n`);
  assert.deepEqual(lastLines(path, 2), [' two', 'three']);
});
