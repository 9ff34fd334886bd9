import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { onPath } from '#setup/processes.mjs';
import { type Driven, drive } from '../../engines/driver.ts';
import { lineOf } from '../../engines/learned.ts';
import type { TrainerEvent } from '../../schemas/types/event.ts';
import type { TrainerFailure } from '../../trainer/failure.ts';
import { packageRoot } from '../cli/support.ts';
import { temporaryFolder } from '../trainer/support.ts';

const python = onPath('python3') ?? assert.fail('there is no python3 on PATH, which set-up asks for');
const driver = join(packageRoot, 'test', 'fixtures', 'driver.py');

/** What each of so many steps learns from: ten tokens more. */
const learning = (steps: number): string =>
  Array.from({ length: steps }, (_, at) =>
    lineOf({ tokens: 10 * (at + 1), data: { digest: String(at + 1).padStart(16, '0') } }),
  ).join('');

/** Drives the counting driver; it is asked to stop once it has told of a step, where that is named. */
async function driven(
  folder: string,
  says: object,
  { stopAt, fenced = false, program = python }: { stopAt?: number; fenced?: boolean; program?: string } = {},
): Promise<{ driven: Promise<Driven>; events: TrainerEvent[] }> {
  const run = join(folder, 'run.json');
  const learned = join(folder, 'learned.jsonl');
  writeFileSync(run, JSON.stringify({ checkpoints: join(folder, 'checkpoints'), ...says }));
  writeFileSync(learned, learning(1002));
  const events: TrainerEvent[] = [];
  let stopped = false;
  const context = {
    emit(event: TrainerEvent) {
      events.push(event);
      stopped ||= event.event === 'metrics' && event.step === stopAt;
    },
    stopRequested: () => stopped,
    checkLease() {
      if (fenced) throw new Error('fenced');
    },
  };
  const environment = { python: program, lock: 'abc' };
  return { driven: drive({ title: 'Counter', environment, driver, run, learned }, context), events };
}

describe('a driver', () => {
  test('tells steps, to each of which what it learned from is added; what a framework prints is no event', async (t) => {
    const { driven: end, events } = await driven(temporaryFolder(t), { steps: 3 });
    assert.deepEqual(await end, { outcome: 'done', step: 3, tokens: 30, facts: { counted: 3 } });
    assert.deepEqual(events[0], {
      ...{ event: 'started', resumedFrom: null, steps: 3, device: 'cpu' },
      engine: 'counter 1, lock abc',
    });
    const metrics = events.filter(({ event }) => event === 'metrics');
    assert.deepEqual(
      metrics.map((event) => 'data' in event && event.data?.digest),
      ['0000000000000001', '0000000000000002', '0000000000000003'],
    );
  });

  test('that is asked to stop saves, and goes on from there', async (t) => {
    const folder = temporaryFolder(t);
    const { driven: end, events } = await driven(folder, { steps: 1000, seconds: 0.01 }, { stopAt: 5 });
    const { outcome, step } = await end;
    assert.equal(outcome, 'interrupted');
    assert.ok(step >= 5 && step < 1000, String(step));
    assert.deepEqual(events.slice(-2), [
      { event: 'checkpoint', step, path: `checkpoints/step-${String(step).padStart(6, '0')}` },
      { event: 'interrupted', step },
    ]);
    const again = await driven(folder, { steps: step + 2 });
    assert.deepEqual(await again.driven, {
      outcome: 'done',
      step: step + 2,
      tokens: 10 * (step + 2),
      facts: { counted: step + 2 },
    });
    assert.deepEqual(
      again.events.flatMap((event) => (event.event === 'metrics' ? [Number(event.data?.digest)] : [])),
      [step + 1, step + 2],
      'what the steps after it learned from',
    );
  });

  test('fails as what it says, and where it says nothing, by name', async (t) => {
    const kindOf = async (says: object) => {
      const { driven: end } = await driven(temporaryFolder(t), { steps: 3, ...says });
      const { kind, message } = await end.then(
        () => assert.fail('it ended well'),
        (error: TrainerFailure) => error,
      );
      return `${kind}: ${message}`;
    };
    assert.match(await kindOf({ fails: 2 }), /^disk-full: Counter: .*No space left/);
    assert.match(await kindOf({ dies: 2 }), /^internal: Counter ended with exit code 3/);
    assert.match(
      await kindOf({ killed: 2 }),
      /^out-of-memory: Counter was ended by SIGKILL .*for want of memory\. Take a /,
    );
  });

  test('that cannot be started fails as that', async (t) => {
    const { driven: end } = await driven(temporaryFolder(t), { steps: 3 }, { program: '/nowhere/python' });
    await assert.rejects(end, { kind: 'internal', message: 'Counter cannot be started: spawn /nowhere/python ENOENT' });
  });

  test("is ended where its attempt is another execution's", async (t) => {
    const { driven: end } = await driven(
      temporaryFolder(t),
      { steps: 1000, seconds: 0.01 },
      { stopAt: 2, fenced: true },
    );
    await assert.rejects(end, /fenced/);
  });
});
