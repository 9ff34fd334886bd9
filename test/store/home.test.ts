import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { attemptFolder, attemptNumbers, findHome, keyFolder } from '../../store/home.ts';
import { readPlan } from '../../store/plans.ts';
import { nodeNamed, temporaryHome } from './support.ts';

test('home is DESCENT_HOME, else .descent in the working folder', () => {
  assert.equal(findHome('/work', {}), '/work/.descent');
  assert.equal(findHome('/work', { DESCENT_HOME: '' }), '/work/.descent');
  assert.equal(findHome('/work', { DESCENT_HOME: 'elsewhere' }), '/work/elsewhere');
  assert.equal(findHome('/work', { DESCENT_HOME: '/data/descent' }), '/data/descent');
});

test('no key and no digest leads out of the home', async () => {
  const { key } = nodeNamed('a');
  assert.equal(keyFolder('/home', key), `/home/store/${key}`);
  for (const bad of ['', '..', '../../etc', key.toUpperCase(), `${key}/..`, `${key}\n`, key.slice(1)]) {
    assert.throws(
      () => keyFolder('/home', bad),
      { name: 'StoreError', message: /is not a node’s key: that is 64/ },
      bad,
    );
    await assert.rejects(readPlan('/home', bad), { name: 'StoreError', message: /is not the digest of a plan/ }, bad);
  }
  for (const bad of [0, -1, 1.5, Number.NaN]) {
    assert.throws(() => attemptFolder('/home', key, bad), { message: /is no attempt: attempts count from 1/ });
  }
});

test('attempts are listed newest first, and only what is one', async (t) => {
  const home = await temporaryHome(t);
  const { key } = nodeNamed('a');
  assert.deepEqual(attemptNumbers(home, key), []);
  for (const name of ['attempt-1', 'attempt-10', 'attempt-2', 'attempt-0', 'attempt-x', 'attempt-3.tmp']) {
    await mkdir(join(keyFolder(home, key), name), { recursive: true });
  }
  assert.deepEqual(attemptNumbers(home, key), [10, 2, 1]);
});
