import { deepEqual, equal, rejects } from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { inspectNode, publish } from '../../store/artifact.ts';
import type { Garbage } from '../../store/garbage.ts';
import { keyFolder, keysBeginning } from '../../store/home.ts';
import { isPinned, pinKey, readPins, unpinKey } from '../../store/pins.ts';
import { emptyTrash, leftInTrash, moveToTrash } from '../../store/trash.ts';
import { begun, leaveFiles, nodeNamed, publication, startScript, temporaryHome } from './support.ts';

async function published(home: string, name: string): Promise<string> {
  const node = nodeNamed(name);
  const attempt = await begun(home, node);
  await leaveFiles(attempt);
  await publish(attempt, publication(attempt, node.preimage));
  return node.key;
}

const whole = (key: string): Garbage => ({ key, attempt: null, replacedBy: null, bytes: 0 });

test('killed between two moves: what was moved is gone from its key, everything else is whole', async (t) => {
  const home = await temporaryHome(t);
  const keys = [await published(home, 'a'), await published(home, 'b'), await published(home, 'c')];
  const script = startScript(t, new URL('./scripts/discard.js', import.meta.url), [home, ...keys]);
  script.say('next');
  equal(await script.nextLine(), 'true');
  script.say('next');
  equal(await script.nextLine(), 'true');
  script.kill('SIGKILL');
  await script.closed;
  deepEqual(
    keys.map((key) => inspectNode(home, key).state),
    ['none', 'none', 'done'],
  );
  const { entries, bytes } = await leftInTrash(home);
  deepEqual([entries, bytes > 0], [2, true]);
  await emptyTrash(home);
  deepEqual(await leftInTrash(home), { entries: 0, bytes: 0 });
  deepEqual(keysBeginning(home, ''), keys.slice(2));
});

test('what somebody takes up between the look and the move is put back as it was', async (t) => {
  const home = await temporaryHome(t);
  const key = await published(home, 'a');
  const looked: string[] = [];
  const moved = await moveToTrash(home, whole(key), async (folder) => {
    looked.push(folder);
    // The second look is at the folder in the trash.
    return looked.length === 2;
  });
  equal(moved, false);
  equal(looked[0], keyFolder(home, key));
  equal(looked[1]?.startsWith(join(home, 'store', '.trash', key)), true);
  equal(inspectNode(home, key).state, 'done');
  await pinKey(home, key, 'base', 'kept for a test');
  equal(await moveToTrash(home, whole(key), async (folder) => isPinned(folder)), false);
  await unpinKey(home, key);
  equal(await moveToTrash(home, whole(key), async (folder) => isPinned(folder)), true);
  equal(await moveToTrash(home, whole(key), async () => false), false, 'it is gone');
});

test('a pin that cannot be read holds; nothing is pinned that is not there', async (t) => {
  const home = await temporaryHome(t);
  const key = await published(home, 'a');
  await writeFile(join(keyFolder(home, key), 'pin.json'), '');
  deepEqual(
    readPins(home).map(({ reason }) => reason),
    ['its pin.json cannot be read'],
  );
  equal(await unpinKey(home, key), true);
  equal(await unpinKey(home, key), false);
  const { key: other } = nodeNamed('b');
  await rejects(pinKey(home, other, 'b', 'not there at all'), /cannot pin b: the store has nothing of it/);
  equal(existsSync(keyFolder(home, other)), false);
});

test('what is in the trash and was not put there stays', async (t) => {
  const home = await temporaryHome(t);
  const key = await published(home, 'a');
  await moveToTrash(home, whole(key), async () => false);
  await mkdir(join(home, 'store', '.trash', 'mine'));
  await emptyTrash(home);
  deepEqual(await readdir(join(home, 'store', '.trash')), ['mine']);
  await rm(join(home, 'store', '.trash'), { recursive: true });
  await emptyTrash(home);
});
