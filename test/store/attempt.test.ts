import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { sha256 } from '../../planner/key.ts';
import type { NodeState } from '../../planner/verdict.ts';
import { findArtifact, inspectNode, publish } from '../../store/artifact.ts';
import { beginAttempt, emptyAttempt, newestAttempt } from '../../store/attempt.ts';
import { keyFolder } from '../../store/home.ts';
import { holdsLease, readClaims } from '../../store/lease.ts';
import { readPreimage } from '../../store/preimage.ts';
import { begun, leaveCheckpoint, leaveFiles, nodeNamed, publication, startScript, temporaryHome } from './support.ts';

const node = nodeNamed('base');
const contend = new URL('./scripts/contend.js', import.meta.url);

test('an attempt exists from its start and counts as nothing until it is published', async (t) => {
  const home = await temporaryHome(t);
  assert.deepEqual(inspectNode(home, node.key), { state: 'none' });
  const attempt = await begun(home, node);
  assert.equal(attempt.folder, join(keyFolder(home, node.key), 'attempt-1'));
  assert.deepEqual(inspectNode(home, node.key), { state: 'partial', attempt: 1, step: null });
  await leaveFiles(attempt);
  assert.deepEqual(inspectNode(home, node.key), { state: 'partial', attempt: 1, step: 120 });
  assert.equal(await findArtifact(home, node.key), undefined);
});

test('an unfinished attempt is gone on with, and whoever had it is fenced', async (t) => {
  const home = await temporaryHome(t);
  const first = await begun(home, node);
  assert.ok(holdsLease(first.leasePath, first.token));
  const second = await begun(home, node);
  assert.deepEqual([second.number, second.executions, second.startedAt], [1, 2, first.startedAt]);
  assert.equal(holdsLease(first.leasePath, first.token), false);
  assert.ok(holdsLease(second.leasePath, second.token));

  await leaveFiles(second);
  await assert.rejects(publish(first, publication(first, node.preimage)), {
    name: 'FencedError',
    message: /another process has taken over/,
  });
  assert.equal(await findArtifact(home, node.key), undefined);
  await publish(second, publication(second, node.preimage));
  assert.equal((await findArtifact(home, node.key))?.provenance.executions, 2);
});

test('an attempt that is emptied keeps who had it, and the logs that others of its array of jobs write there', async (t) => {
  const home = await temporaryHome(t);
  const attempt = await begun(home, node);
  await leaveFiles(attempt);
  await mkdir(join(attempt.folder, 'jobs'));
  await writeFile(join(attempt.folder, 'jobs', '1.0.log'), '');
  emptyAttempt(attempt);
  assert.deepEqual((await readdir(attempt.folder)).sort(), ['claims', 'jobs', 'lease.json']);
  assert.deepEqual(await readdir(join(attempt.folder, 'jobs')), ['1.0.log']);
  const next = await begun(home, node);
  assert.deepEqual([next.number, next.executions], [1, 2]);
  assert.throws(() => emptyAttempt(attempt), { name: 'FencedError' });
});

test('a lease that is unreadable or gone is held by nobody', async (t) => {
  const home = await temporaryHome(t);
  const attempt = await begun(home, node);
  await writeFile(attempt.leasePath, '{"token":');
  assert.equal(holdsLease(attempt.leasePath, attempt.token), false);
  await rm(attempt.folder, { recursive: true });
  assert.equal(holdsLease(attempt.leasePath, attempt.token), false);
});

test('a node that is done is not begun again, unless a later attempt is asked for', async (t) => {
  const home = await temporaryHome(t);
  const attempt = await begun(home, node);
  await leaveFiles(attempt);
  await publish(attempt, publication(attempt, node.preimage));
  const again = await beginAttempt(home, node);
  assert.equal(again.state === 'published' && again.artifact.attempt, 1);

  const from = newestAttempt(home, node.key) + 1;
  const forced = await begun(home, node, from);
  assert.equal(forced.number, 2);
  assert.equal((await begun(home, node, from)).number, 2, 'a retry goes on with it');
  assert.equal((await findArtifact(home, node.key))?.attempt, 1, 'the old one is kept until then');
  assert.equal(inspectNode(home, node.key).state, 'done');
  const retried = await begun(home, node, from);
  await leaveFiles(retried);
  await publish(retried, publication(retried, node.preimage));
  assert.equal((await findArtifact(home, node.key))?.attempt, 2);
});

test('a hit whose files were deleted or corrupted runs again: it is left as it is, and the next attempt begun', async (t) => {
  const home = await temporaryHome(t);
  const attempt = await begun(home, node);
  await leaveFiles(attempt);
  await publish(attempt, publication(attempt, node.preimage));
  await rm(join(attempt.folder, 'model', 'model.safetensors'));
  assert.deepEqual(inspectNode(home, node.key), {
    state: 'damaged',
    reason: 'attempt 1: model/model.safetensors is missing',
  });
  const next = await begun(home, node);
  assert.equal(next.number, 2);
  assert.equal((await begun(home, node)).number, 2);
  assert.equal(inspectNode(home, node.key).state, 'partial');
});

test('the pre-image lies beside the key as the bytes that hash to it', async (t) => {
  const home = await temporaryHome(t);
  assert.equal(await readPreimage(home, node.key), undefined);
  await begun(home, node);
  const path = join(keyFolder(home, node.key), 'preimage.json');
  assert.equal(sha256(await readFile(path, 'utf8')), node.key);
  assert.deepEqual(await readPreimage(home, node.key), node.preimage);

  await writeFile(path, (await readFile(path, 'utf8')).replace('0.003', '0.004'));
  await assert.rejects(readPreimage(home, node.key), { name: 'StoreError', message: /does not hash to its key/ });
  await begun(home, node);
  assert.deepEqual(await readPreimage(home, node.key), node.preimage, 'the next execution mends it');

  await assert.rejects(beginAttempt(home, { key: node.key, preimage: { other: true } }), {
    name: 'StoreError',
    message: new RegExp(`the pre-image of ${node.key} hashes to `),
  });
});

test('checkpoints outlive a takeover', async (t) => {
  const home = await temporaryHome(t);
  const first = await begun(home, node);
  await leaveCheckpoint(first.folder, 40);
  await begun(home, node);
  assert.deepEqual(inspectNode(home, node.key), { state: 'partial', attempt: 1, step: 40 });
});

/*
 *   A ──begin──▶ ............................ publish: fenced
 *   B ............ begin ──▶ publish: the artifact
 */
test('of two processes at the same node the later one wins and the other is fenced', async (t) => {
  const home = await temporaryHome(t);
  const [a, b] = [startScript(t, contend, [home, 'raced']), startScript(t, contend, [home, 'raced'])];
  a.say('begin');
  assert.equal(await a.nextLine(), 'begun 1 1');
  b.say('begin');
  assert.equal(await b.nextLine(), 'begun 1 2');
  a.say('publish');
  assert.equal(await a.nextLine(), 'FencedError as it saw');
  b.say('publish');
  assert.equal(await b.nextLine(), 'published');
  const artifact = await findArtifact(home, nodeNamed('raced').key);
  assert.deepEqual([artifact?.attempt, artifact?.provenance.executions], [1, 2]);
});

test('of many processes that begin at the same moment exactly one publishes', async (t) => {
  const home = await temporaryHome(t);
  const scripts = Array.from({ length: 4 }, () => startScript(t, contend, [home, 'crowded']));
  for (const script of scripts) script.say('begin');
  const beginnings = await Promise.all(scripts.map((script) => script.nextLine()));
  assert.deepEqual(beginnings.toSorted(), ['begun 1 1', 'begun 1 2', 'begun 1 3', 'begun 1 4']);
  for (const script of scripts) script.say('publish');
  const endings = await Promise.all(scripts.map((script) => script.nextLine()));
  assert.deepEqual(endings.toSorted(), [
    'FencedError as it saw',
    'FencedError as it saw',
    'FencedError as it saw',
    'published',
  ]);
  assert.equal(beginnings[endings.indexOf('published')], 'begun 1 4');

  const { key } = nodeNamed('crowded');
  assert.equal((await findArtifact(home, key))?.provenance.executions, 4);
  const kinds = readClaims(join(keyFolder(home, key), 'attempt-1')).map(({ kind }) => kind);
  assert.deepEqual(kinds, ['lease', 'lease', 'lease', 'lease', 'manifest']);
});

test('a node whose newest attempt failed is known to have, by the end of what it said', async (t) => {
  const home = await temporaryHome(t);
  const node = nodeNamed('failing');
  const { folder } = await begun(home, node);
  const said = join(folder, 'events.jsonl');
  const state = () => inspectNode(home, node.key);
  const interrupted: NodeState = { state: 'partial', attempt: 1, step: null };
  const failure = { kind: 'diverged', message: 'loss became NaN at step 3' };
  const metrics = '{"event":"metrics","step":1,"tokens":1,"values":{"loss":1}}\n'.repeat(2000);
  const failed = `${JSON.stringify({ event: 'failed', ...failure, step: 2 })}\n`;

  await writeFile(said, '');
  assert.deepEqual(state(), interrupted);
  await writeFile(said, metrics + failed);
  assert.deepEqual(state(), { ...interrupted, failure });
  await leaveCheckpoint(folder, 2);
  assert.deepEqual(state(), { ...interrupted, step: 2, failure });
  await writeFile(said, `${failed}{"event":"started"}\n`);
  assert.deepEqual(state(), { ...interrupted, step: 2 }, 'it was tried again since');
  await writeFile(said, metrics + failed.slice(0, 30));
  assert.deepEqual(state(), { ...interrupted, step: 2 });
});
