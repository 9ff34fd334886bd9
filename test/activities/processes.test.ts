import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { endProcess, isRunning, type ProcessRecord, recordProcess } from '../../activities/processes.ts';

test('a group is ended whose leader has ended already, and left others of it behind', async (t) => {
  const { process: leader, record, member } = await group(t);
  leader.kill('SIGKILL');
  await once(leader, 'exit');
  assert.equal(isRunning(record), false);
  await endProcess(record, 10_000);
  assert.equal(isRunning(member), true, 'the process alone is meant where nothing else is said');
  await endProcess(record, 10_000, { group: true });
  assert.equal(isRunning(member), false);
  await endProcess(record, 10_000, { group: true });
});

test('a group whose leader does not end in time is killed as a whole', async (t) => {
  const { record, member } = await group(t, 'trap "" TERM;');
  await endProcess(record, 100, { group: true });
  assert.deepEqual([isRunning(record), isRunning(member)], [false, false]);
});

test('a group that goes by the same id by now is another’s, and left alone', async (t) => {
  const { process: leader, record, member } = await group(t);
  const another = { ...record, started: earlier(record.started) };
  await endProcess(another, 100, { group: true });
  assert.deepEqual([isRunning(record), isRunning(member)], [true, true], 'another process has the id');
  leader.kill('SIGKILL');
  await once(leader, 'exit');
  const younger = { ...record, started: later(member.started) };
  await endProcess(younger, 100, { group: true });
  assert.equal(isRunning(member), true, 'it is older than who is said to have made it');
});

/** A shell that leads a group of its own, and another process in that. */
async function group(
  t: TestContext,
  first = '',
): Promise<{ process: ChildProcess; record: ProcessRecord; member: ProcessRecord }> {
  const leader = spawn('sh', ['-c', `${first} sleep 300 & echo $!; read line`], {
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = await once(leader.stdout, 'data');
  const [record, member] = [leader.pid ?? 0, Number(line)].map(recordProcess);
  assert.ok(record && member);
  t.after(() => {
    for (const one of [record, member]) if (isRunning(one)) process.kill(one.pid, 'SIGKILL');
  });
  return { process: leader, record, member };
}

const earlier = (started: string): string => moved(started, -100);
const later = (started: string): string => moved(started, 100);

/** A start as it is recorded, some seconds earlier or later. */
function moved(started: string, by: number): string {
  if (process.platform !== 'linux') return new Date(Date.parse(started) + by * 1000).toString();
  const [boot, ticks] = started.split('/');
  return `${boot}/${Number(ticks) + by}`;
}
