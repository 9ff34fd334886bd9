import { deepEqual, equal, ok } from 'node:assert/strict';
import { appendFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { attemptFolder } from '../../store/home.ts';
import { openRecording } from '../../ui/recording.ts';
import { readSamples } from '../../ui/samples.ts';
import { thinning } from '../../ui/thinning.ts';
import { temporaryFolder } from './support.ts';

const key = 'a'.repeat(64);
const never = new AbortController().signal;

async function recorded(t: TestContext) {
  const home = await temporaryFolder(t);
  const path = (attempt: number) => join(attemptFolder(home, key, attempt), 'events.jsonl');
  await mkdir(dirname(path(1)), { recursive: true });
  return { home, path, recording: openRecording(home, key) };
}

function lines(...events: object[]): string {
  return events.map((event) => `${JSON.stringify(event)}\n`).join('');
}

const started = (resumedFrom: number | null) => ({ event: 'started', resumedFrom });
const metrics = (step: number, values: Record<string, number> = { loss: step }) => ({ event: 'metrics', step, values });
const sample = (step: number, problem: string, response = '') => ({
  event: 'sample',
  task: 'rollout',
  problem,
  step,
  index: 1,
  response,
  correct: true,
});

test('thinned points are means that leave nothing out, in order, and end at the last step', () => {
  const steps = fc.uniqueArray(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 400 });
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 50 }), fc.integer({ min: 2, max: 64 }), (unsorted, most, kept) => {
      const sorted = unsorted.toSorted((a, b) => a - b);
      const all = thinning(kept);
      for (const step of sorted) all.add(step, { loss: step });
      const { steps, values } = all.points(most);
      ok(steps.length <= most, `${steps.length}`);
      equal(steps.at(-1), sorted.at(-1));
      deepEqual(
        steps,
        steps.toSorted((a, b) => a - b),
      );
      let place = 0;
      for (const [index, last] of steps.entries()) {
        const end = sorted.indexOf(last);
        const own = sorted.slice(place, end + 1);
        const mean = own.reduce((sum, step) => sum + step, 0) / own.length;
        ok(Math.abs((values.loss?.[index] ?? Number.NaN) - mean) < 1e-6 * mean);
        place = end + 1;
      }
      equal(place, sorted.length);
    }),
    { numRuns: 200 },
  );
});

test('values that only some steps have are null at points without them', () => {
  const all = thinning();
  all.add(1, { loss: 4, kl: 1 });
  all.add(2, { loss: 2 });
  all.add(4, { loss: 1 });
  deepEqual(all.points(4), { steps: [1, 2, 4], values: { loss: [4, 2, 1], kl: [1, null, null] } });
  deepEqual(all.points(2), { steps: [2, 4], values: { loss: [3, 1], kl: [1, null] } });
});

test('what a later start voids does not count, however much was thinned before it came', async (t) => {
  const { path, recording } = await recorded(t);
  const steps = Array.from({ length: 5000 }, (_, index) => index + 1);
  await writeFile(path(1), lines(started(null), ...steps.map((step) => metrics(step, { loss: 9 }))));
  deepEqual((await recording.read(1)).steps, [5000]);
  const again = steps.filter((step) => step > 2001);
  await appendFile(path(1), lines(started(2001), ...again.map((step) => metrics(step, { loss: 1 }))));
  equal((await recording.read(10)).voidAfter, -1, 'all is told anew');
  const { steps: shown, values } = recording.all(5000);
  deepEqual([shown.at(-1), values.loss?.at(-1), values.loss?.[0]], [5000, 1, 9]);
  const total = (await whole(recording)).reduce((sum, value) => sum + value, 0) / 5000;
  ok(Math.abs(total - (2001 * 9 + 2999) / 5000) < 0.01);
});

/** The value of each step, as the points tell it. */
async function whole({ all }: ReturnType<typeof openRecording>): Promise<number[]> {
  const { steps, values } = all(5000);
  return steps.flatMap((step, index) => {
    const width = step - (steps[index - 1] ?? 0);
    return Array.from({ length: width }, () => values.loss?.[index] ?? Number.NaN);
  });
}

test('news are what has come since: not half a line, and all of another attempt, or one that was emptied', async (t) => {
  const { path, recording } = await recorded(t);
  deepEqual(await recording.read(9), { voidAfter: null, steps: [], values: {}, samples: [] });
  await writeFile(path(1), lines(started(null), metrics(1), metrics(2)).slice(0, -3));
  deepEqual((await recording.read(9)).steps, [1]);
  await appendFile(path(1), lines(metrics(2)).slice(-3));
  deepEqual(await recording.read(9), { voidAfter: null, steps: [2], values: { loss: [2] }, samples: [] });
  await appendFile(path(1), lines(metrics(3), started(1), metrics(2)));
  deepEqual(await recording.read(9), { voidAfter: 1, steps: [2], values: { loss: [2] }, samples: [] });
  await rm(path(1));
  await writeFile(path(1), lines(started(null)));
  deepEqual(await recording.read(9), { voidAfter: -1, steps: [], values: {}, samples: [] });
  await appendFile(path(1), lines(metrics(1)));
  await recording.read(9);
  await mkdir(dirname(path(2)));
  await writeFile(path(2), lines(metrics(1), metrics(2)));
  deepEqual((await recording.read(9)).voidAfter, -1);
  deepEqual(recording.all(9).steps, [1, 2]);
});

test('samples are read from the end, page by page, without those that a later start voids', async (t) => {
  const { path } = await recorded(t);
  // Longer than what is read at once, and cut between two bytes of a letter now and then.
  const long = 'é'.repeat(150_001);
  const text = lines(
    started(null),
    sample(1, 'a', long),
    metrics(1),
    sample(2, 'b'),
    sample(3, 'void', long),
    started(2),
    sample(3, 'c', long),
    sample(4, 'd'),
  );
  await writeFile(path(1), `${text}{"event":"sample","half`);
  const read = async (before: number, limit: number) => await readSamples(path(1), before, limit, never);
  const all = await read(Number.MAX_SAFE_INTEGER, 10);
  deepEqual(
    all.map(({ problem }) => problem),
    ['d', 'c', 'b', 'a'],
  );
  equal(all[3]?.response, long);
  const paged: string[] = [];
  for (let before = Number.MAX_SAFE_INTEGER; ; ) {
    const [one] = await read(before, 1);
    if (one === undefined) break;
    paged.push(one.problem);
    before = one.at;
  }
  deepEqual(paged, ['d', 'c', 'b', 'a']);
  deepEqual(await readSamples(path(7), 5, 1, never), []);
});
