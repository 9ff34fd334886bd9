import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type ClaimOptions, claimNode, isClaimed } from '../../activities/claim.ts';
import { isRunning, recordProcess } from '../../activities/processes.ts';
import { sha256 } from '../../planner/key.ts';
import { keyFolder } from '../../store/home.ts';
import { writeNote } from '../../store/notes.ts';
import { until } from '../fixtures/home.ts';

let home: string;
const children: ChildProcess[] = [];

before(() => {
  home = mkdtempSync(join(tmpdir(), 'descent-claim-'));
});

after(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(home, { recursive: true, force: true });
});

const key = (name: string): string => sha256(name);
const pathOf = (name: string): string => join(keyFolder(home, key(name)), 'running.json');

function claim(name: string, options: Partial<ClaimOptions> = {}) {
  const signal = new AbortController().signal;
  return claimNode(home, key(name), { staleSeconds: 30, stopSeconds: 1, signal, onWait: () => undefined, ...options });
}

describe('a claimed node', () => {
  test('is executed by one at a time, in whatever order they come', async () => {
    let inside = 0;
    let most = 0;
    let waited = 0;
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        const mine = await claim('crowded', {
          onWait: () => {
            waited += 1;
          },
        });
        inside += 1;
        most = Math.max(most, inside);
        await new Promise((resolve) => setTimeout(resolve, 5));
        inside -= 1;
        await mine.release();
      }),
    );
    assert.equal(most, 1);
    assert.ok(waited > 0);
    assert.equal(existsSync(pathOf('crowded')), false);
  });

  test('lets those who wait be cancelled', async () => {
    const holder = await claim('cancelled');
    const cancelling = new AbortController();
    const waiting = claim('cancelled', { signal: cancelling.signal, onWait: () => cancelling.abort() });
    await assert.rejects(waiting, { name: 'AbortError' });
    await holder.release();
  });

  test('is taken over from a worker that died, whose trainer is ended first', async () => {
    const [worker, trainer] = [await bystander(), await bystander()];
    const records = { worker: recordProcess(worker.pid ?? 0), trainer: recordProcess(trainer.pid ?? 0) };
    assert.ok(records.worker && records.trainer);
    const first = await claim('orphan');
    await first.nameTrainer(records.trainer);
    // As if another process had claimed it.
    writeFileSync(
      pathOf('orphan'),
      JSON.stringify({ ...JSON.parse(readFileSync(pathOf('orphan'), 'utf8')), id: 'x', worker: records.worker }),
    );
    worker.kill('SIGKILL');
    const second = await claim('orphan');
    assert.equal(isRunning(records.trainer), false);
    await first.release();
    assert.equal(existsSync(pathOf('orphan')), true, 'whoever lost it does not remove what is another’s now');
    await second.release();
  });

  test('is free when a power cut left nothing in its file', async () => {
    await (await claim('emptied')).release();
    writeFileSync(pathOf('emptied'), '');
    await (await claim('emptied')).release();
    assert.equal(existsSync(pathOf('emptied')), false);
  });

  test('is taken over from a worker that stands still, but not before its time', async () => {
    const still = await bystander();
    const record = recordProcess(still.pid ?? 0);
    assert.ok(record);
    await (await claim('still')).release();
    const left = { id: 'x', host: 'elsewhere', worker: record, trainer: null };
    writeFileSync(pathOf('still'), JSON.stringify(left));
    let waited = false;
    const onWait = (): void => {
      waited = true;
    };
    (await claim('still', { staleSeconds: 0.3, onWait })).release();
    assert.ok(waited);
    assert.ok(isRunning(record), 'a process of another machine is nobody’s to end');
  });

  test('is not lost to a clock: live on a machine hours behind it stays, dead on one hours ahead it goes', async () => {
    (await claim('adrift')).release();
    const elsewhere = { id: 'y', host: 'elsewhere', worker: { pid: 1, started: 'x' }, trainer: null };
    writeFileSync(pathOf('adrift'), JSON.stringify(elsewhere));
    // It is touched before each look, by a clock that lags, is set back, and is set forward at last.
    const times = [-5, -5, -6, -6, +2].map((hours, at) => new Date(Date.now() + hours * 3_600_000 + at * 1000));
    let looks = 0;
    const touch = (): void => {
      const time = times[looks];
      if (time !== undefined) utimesSync(pathOf('adrift'), time, time);
    };
    touch();
    const onWait = (): void => {
      looks += 1;
      touch();
    };
    (await claim('adrift', { staleSeconds: 0.3, onWait })).release();
    assert.ok(looks >= times.length, `it was taken over at look ${looks}, while it was touched`);
  });

  test('is not taken over for the time in which the one that waits stood still itself', async (t) => {
    (await claim('watched')).release();
    const elsewhere = { id: 'z', host: 'elsewhere', worker: { pid: 1, started: 'x' }, trainer: null };
    writeFileSync(pathOf('watched'), JSON.stringify(elsewhere));
    const now = performance.now.bind(performance);
    let asleep = 0;
    t.mock.method(performance, 'now', () => now() + asleep);
    const cancelling = new AbortController();
    let looks = 0;
    const onWait = (): void => {
      looks += 1;
      // It wakes an hour later, and looks before the other machine touches its claim again.
      if (looks === 1) asleep = 3_600_000;
      if (looks === 3) cancelling.abort();
    };
    await assert.rejects(claim('watched', { staleSeconds: 5, onWait, signal: cancelling.signal }), {
      name: 'AbortError',
    });
    assert.equal(JSON.parse(readFileSync(pathOf('watched'), 'utf8')).id, 'z');
  });

  test('that is stale is taken away by one of those who wait for it: the others leave alone what is another’s', async () => {
    const [worker, trainer] = [await bystander(), await bystander()];
    const records = { worker: recordProcess(worker.pid ?? 0), trainer: recordProcess(trainer.pid ?? 0) };
    worker.kill('SIGKILL');
    await once(worker, 'exit');
    (await claim('contested')).release();
    writeFileSync(pathOf('contested'), JSON.stringify({ id: 'x', host: hostname(), ...records }));
    const cancelling = new AbortController();
    let waits = 0;
    const onWait = (): void => {
      waits += 1;
    };
    // Both wait until the trainer has ended.
    const both = [1, 2].map(() => claim('contested', { signal: cancelling.signal, onWait }));
    const winner = await Promise.race(both);
    const { ino } = statSync(pathOf('contested'));
    await until(() => waits > 0, 'the other sees that it is taken');
    assert.equal(statSync(pathOf('contested')).ino, ino, 'its file was never moved');
    cancelling.abort();
    assert.equal((await Promise.allSettled(both)).filter(({ status }) => status === 'rejected').length, 1);
    winner.release();
  });

  test('that is held aside for a moment is not lost, and the trainer is noted when it is back', async () => {
    const mine = await claim('aside', { staleSeconds: 0.6 });
    const aside = `${pathOf('aside')}.tmp`;
    renameSync(pathOf('aside'), aside);
    mine.nameTrainer({ pid: 7, started: 'x' });
    renameSync(aside, pathOf('aside'));
    await until(() => JSON.parse(readFileSync(pathOf('aside'), 'utf8')).trainer?.pid === 7, 'the trainer is noted');
    assert.deepEqual([mine.isHeld(), mine.lost.aborted], [true, false]);
    const lost = once(mine.lost, 'abort');
    rmSync(pathOf('aside'));
    await lost;
  });

  test('tells whoever lost it, who touches and removes nothing that is another’s', async () => {
    const first = await claim('lost', { staleSeconds: 0.3 });
    assert.equal(first.isHeld(), true);
    const lost = once(first.lost, 'abort');
    // As if another had taken it over while this one stood still, and was not heard of since.
    writeNote(pathOf('lost'), { ...JSON.parse(readFileSync(pathOf('lost'), 'utf8')), id: 'x' });
    const long = new Date(0);
    utimesSync(pathOf('lost'), long, long);
    assert.equal(first.isHeld(), false);
    await lost;
    first.nameTrainer({ pid: 1, started: 'x' });
    first.release();
    assert.deepEqual([statSync(pathOf('lost')).mtimeMs, JSON.parse(readFileSync(pathOf('lost'), 'utf8')).id], [0, 'x']);
  });
});

/** A process that does nothing until it is ended. */
async function bystander(): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore', detached: true });
  children.push(child);
  await until(() => recordProcess(child.pid ?? 0) !== undefined, 'the process runs');
  return child;
}

test('a claim of another machine stands for a day, whatever its clock says, and one of a process that is gone for nothing', () => {
  const folder = keyFolder(home, key('elsewhere'));
  const path = join(folder, 'running.json');
  const worker = { pid: 1, started: 'another boot' };
  const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000);
  writeNote(path, { id: 'a', host: `not-${hostname()}`, worker, trainer: null });
  for (const [hours, claimed] of [
    [2, true],
    [-30, true],
    [25, false],
  ] as const) {
    utimesSync(path, hoursAgo(hours), hoursAgo(hours));
    assert.equal(isClaimed(folder), claimed, `touched ${hours} hours ago`);
  }
  writeNote(path, { id: 'b', host: hostname(), worker, trainer: null });
  assert.equal(isClaimed(folder), false);
});

test('a process of a machine with the same host name is of another machine where they have names', (t) => {
  const folder = keyFolder(home, key('named'));
  writeNote(join(folder, 'running.json'), {
    id: 'a',
    host: hostname(),
    worker: { pid: 1, started: 'another boot' },
    trainer: null,
  });
  assert.equal(isClaimed(folder), false);
  process.env.DESCENT_MACHINE = 'container-2';
  t.after(() => delete process.env.DESCENT_MACHINE);
  assert.equal(isClaimed(folder), true);
});
