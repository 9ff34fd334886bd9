import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeNew, writeWhole } from '../../store/write.ts';
import { temporaryHome } from './support.ts';

test('a file is replaced whole, its folder made, and no temporary file stays', async (t) => {
  const home = await temporaryHome(t);
  const path = join(home, 'deep', 'deeper', 'file.json');
  await writeWhole(path, 'one');
  await writeWhole(path, 'two');
  assert.equal(await readFile(path, 'utf8'), 'two');
  assert.deepEqual(await readdir(join(home, 'deep', 'deeper')), ['file.json']);
});

test('whoever reads during writes sees one content or the other', async (t) => {
  const home = await temporaryHome(t);
  const path = join(home, 'file');
  const contents = ['a', 'b'].map((letter) => letter.repeat(100_000));
  await writeWhole(path, contents[0] ?? '');
  let writing = true;
  const writer = (async () => {
    for (let i = 1; i < 30; i += 1) await writeWhole(path, contents[i % 2] ?? '');
    writing = false;
  })();
  let reads = 0;
  while (writing) {
    assert.ok(contents.includes(await readFile(path, 'utf8')));
    reads += 1;
  }
  await writer;
  assert.ok(reads > 5);
});

test('of many that make the same file, one does', async (t) => {
  const home = await temporaryHome(t);
  const path = join(home, 'claim');
  const made = await Promise.all(Array.from({ length: 20 }, (_, i) => writeNew(path, String(i))));
  assert.equal(made.filter(Boolean).length, 1);
  assert.equal(await readFile(path, 'utf8'), String(made.indexOf(true)));
  assert.deepEqual(await readdir(home), ['claim']);
});

test('what cannot be written says where and what to do', {
  skip: process.getuid?.() === 0 && 'root may write',
}, async (t) => {
  const home = await temporaryHome(t);
  const folder = join(home, 'locked');
  await mkdir(folder);
  await chmod(folder, 0o500);
  await assert.rejects(writeWhole(join(folder, 'file'), ''), {
    name: 'StoreError',
    message: `cannot write ${join(folder, 'file')}: this user may not write there; change its rights or choose another folder with DESCENT_HOME`,
  });
});
