import assert from 'node:assert/strict';
import { appendFile, mkdir, open, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readerOf } from '../../cli/logs.ts';
import { attemptFolder } from '../../store/home.ts';
import { type Tail, tailOf } from '../../store/tail.ts';
import { temporaryFolder } from './support.ts';

async function all<T>(lines: AsyncIterable<T>): Promise<T[]> {
  const read: T[] = [];
  for await (const line of lines) read.push(line);
  return read;
}

/** The texts of what a tail has now. */
async function texts(tail: Tail): Promise<string[]> {
  return (await all(tail.next())).map(({ text }) => text);
}

test('a file that grows is read line by line, each once, and half a line waits for its other half', async (t) => {
  const path = join(await temporaryFolder(t), 'growing');
  const tail = tailOf(path);
  assert.deepEqual(await texts(tail), []);
  await writeFile(path, 'one\ntwo\nth');
  assert.deepEqual(await texts(tail), ['one', 'two']);
  await appendFile(path, `ree\n${'é'.repeat(1 << 20)}\n`);
  assert.deepEqual(await all(tail.next()), [
    { at: 8, text: 'three' },
    { at: 14, text: 'é'.repeat(1 << 20) },
  ]);
  assert.deepEqual(await texts(tail), []);
});

test('the last lines of a file are read from its end, whatever its size', async (t) => {
  const path = join(await temporaryFolder(t), 'large');
  await writeFile(path, 'first\n');
  const file = await open(path, 'r+');
  // As good as three gigabytes of text: a buffer, and a text of Node's, hold less.
  await file.truncate(3 * 2 ** 30);
  await file.close();
  await appendFile(path, '\none\ntwo\nthree\nhal');
  const tail = tailOf(path, 2);
  assert.deepEqual(await texts(tail), ['two', 'three']);
  await appendFile(path, 'f\n');
  assert.deepEqual(await texts(tail), ['half']);
});

test('of a file with fewer lines all are read', async (t) => {
  const path = join(await temporaryFolder(t), 'short');
  for (const [text, lines] of [
    ['one\ntwo\n', ['one', 'two']],
    ['\n\n', ['', '']],
    ['half', []],
  ] as const) {
    await writeFile(path, text);
    assert.deepEqual(await texts(tailOf(path, 3)), lines);
  }
});

test('an attempt that was emptied is read from its new beginning', async (t) => {
  const { events, reader } = await attemptOf(t);
  await writeFile(events, metrics(1, 2, 3));
  const steps = async () => (await all(reader.next())).map(({ text }) => JSON.parse(text).step);
  assert.deepEqual(await steps(), [1, 2, 3]);
  await rm(events);
  await writeFile(events, metrics(1));
  assert.deepEqual(await steps(), [1]);
  await appendFile(events, metrics(2));
  assert.deepEqual(await steps(), [2]);
});

test('a trainer that was killed is told of where it goes on, and how TensorFlow greets is not', async (t) => {
  const { events, reader } = await attemptOf(t, false);
  const started = (resumedFrom: number | null) =>
    `${JSON.stringify({ event: 'started', resumedFrom, steps: 9, device: 'cpu', engine: 'descent' })}\n`;
  const folder = dirname(events);
  await writeFile(
    join(folder, 'execution-1.errors.log'),
    'I0000 00:00:1769 12 port.cc:153] oneDNN custom operations are on.\nwords of its own\n',
  );
  await writeFile(events, `${started(null)}${metrics(1)}${started(1)}${metrics(2)}`);
  const lines = (await all(reader.next())).map(({ text }) => text.replace(/ {2}.*/, ''));
  assert.deepEqual(lines, ['started', 'step 1', 'killed', 'started', 'step 2', 'words of its own']);
});

test('what a model or a trainer wrote neither moves the cursor nor colours the terminal; as JSON it is as it was', async (t) => {
  const written = 'a\u001b[2Jb\u0007c\u202ed';
  const sample = {
    ...{ event: 'sample', task: 'math', problem: 'p1', step: 0, index: 0, prompt: '?', response: written },
    ...{ answer: null, expected: written, correct: false },
  };
  const { events, reader } = await attemptOf(t, false);
  await writeFile(join(dirname(events), 'execution-1.errors.log'), `${written}\n`);
  await writeFile(events, `${JSON.stringify(sample)}\n`);
  const shown = 'a\\x1b[2Jb\\x07c\\u202ed';
  assert.deepEqual(
    (await all(reader.next())).map(({ text }) => text),
    [`sample        p1 wrong, expected ${shown}: ${shown}`, shown],
  );
  const json = await attemptOf(t);
  await writeFile(json.events, `${JSON.stringify(sample)}\n`);
  assert.deepEqual(
    (await all(json.reader.next())).map(({ text }) => JSON.parse(text)),
    [sample],
  );
});

test('what is no event is left out: one that was emptied may be longer again before anybody looks', async (t) => {
  const { events, reader } = await attemptOf(t);
  await writeFile(events, metrics(1));
  await all(reader.next());
  await writeFile(events, metrics(100_000, 200_000));
  assert.deepEqual(
    (await all(reader.next())).map(({ text }) => JSON.parse(text).step),
    [200_000],
  );
});

async function attemptOf(t: TestContext, json = true) {
  const home = await temporaryFolder(t);
  const key = 'a'.repeat(64);
  const folder = attemptFolder(home, key, 1);
  await mkdir(folder, { recursive: true });
  return { events: join(folder, 'events.jsonl'), reader: readerOf(home, key, 1, json) };
}

function metrics(...steps: number[]): string {
  return steps.map((step) => `${JSON.stringify({ event: 'metrics', step, values: { loss: 1 / step } })}\n`).join('');
}
